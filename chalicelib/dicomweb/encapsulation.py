"""Encapsulated pixel data (PS3.5 A.4): an offset table, then fragments, then a delimiter."""

from collections.abc import Sequence
from struct import pack

from chalicelib.dicomweb.dataset_writer import Buffer
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.standard.reasons import FailureReason

_ITEM_TAG = b"\xfe\xff\x00\xe0"
_DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"
_MAX_OFFSET = 0xFFFFFFFF
_MAX_FRAGMENT_BYTES = 0xFFFFFFFE
_HEADER_BYTES = 8


def encapsulate(frames: Sequence[Buffer], *, has_offsets: bool = True) -> tuple[Buffer, ...]:
    """Return the value of Pixel Data (7FE0,0010): one fragment for each frame, or one for a video.

    The Basic Offset Table is filled when there is more than one frame, all offsets fit it and
    each fragment is a frame; else it is empty, which is legal for any number of frames.

    Fragments of odd length get one NUL behind the end of the codestream: what A.4.2, A.4.12 and
    A.4.13 ask, and what no decoder of the other codecs reads, since each stream tells its end.

    Parameters
    ----------
    frames : sequence of bytes or memoryview
        In order, not empty.
    has_offsets : bool
        False for a video, and for streams that hold several frames.

    Raises
    ------
    InstanceError
        DATA_SET_MISMATCH for a frame without bytes, or one too long for a fragment.
    """
    buffers: list[Buffer] = [_offset_table(frames) if has_offsets else _ITEM_TAG + bytes(4)]
    for number, frame in enumerate(frames, 1):
        if not 0 < len(frame) <= _MAX_FRAGMENT_BYTES:
            raise InstanceError(
                FailureReason.DATA_SET_MISMATCH,
                f"Frame {number} has {len(frame)} bytes; a fragment holds 1 to 2**32 - 2.",
                tag_path="(7FE0,0010)",
            )
        buffers += (_ITEM_TAG + pack("<I", _even(len(frame))), frame)
        if len(frame) & 1:
            buffers.append(b"\0")
    buffers.append(_DELIMITER)
    return tuple(buffers)


def _offset_table(frames: Sequence[Buffer]) -> bytes:
    """Return the Basic Offset Table: from the first fragment's item to each (A.4)."""
    offsets = [0]
    for frame in frames[:-1]:
        offsets.append(offsets[-1] + _HEADER_BYTES + _even(len(frame)))
    if len(frames) < 2 or offsets[-1] > _MAX_OFFSET:
        return _ITEM_TAG + bytes(4)
    return _ITEM_TAG + pack("<I", 4 * len(offsets)) + pack(f"<{len(offsets)}I", *offsets)


def _even(length: int) -> int:
    return length + (length & 1)
