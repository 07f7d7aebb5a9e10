"""The bare codestream out of a file format, as PS3.5 A.4 wants it in a fragment.

JP2, JPX and JPH lose their boxes (A.4.4: the JP2 file format header shall not be included). JPEG
XL loses them where nothing but the codestream counts: A.4.12 and 8.2.15 speak of the bit stream.
JPEG XL JPEG Recompression keeps its container: the syntax preserves the bits of the JPEG, and the
``jbrd`` box beside the codestream is what gives them back.
"""

from chalicelib.dicomweb.codestreams.boxes import boxes
from chalicelib.dicomweb.codestreams.header import FrameHeader, UnreadableCodestream
from chalicelib.dicomweb.codestreams.jpeg_2000 import BOXED as JPEG_2000_BOXED
from chalicelib.dicomweb.codestreams.jpeg_xl import BOXED as JPEG_XL_BOXED
from chalicelib.standard.codestream_syntaxes import JPEG_RECOMPRESSION

_INDEX_BYTES = 4
_LAST_PART = 1 << 31


def unboxed(frame: memoryview, header: FrameHeader) -> memoryview:
    """Return what goes into the fragment: a view of the frame, copied only if it lies in parts.

    Raises
    ------
    UnreadableCodestream
        The boxes hold no whole codestream.
    """
    if header.transfer_syntax == JPEG_RECOMPRESSION:
        return frame
    if frame[: len(JPEG_2000_BOXED)].tobytes() == JPEG_2000_BOXED:
        return _contiguous(frame, b"jp2c")
    if frame[: len(JPEG_XL_BOXED)].tobytes() == JPEG_XL_BOXED:
        return _jpeg_xl(frame)
    return frame


def _contiguous(frame: memoryview, wanted: bytes) -> memoryview:
    for kind, start, end in boxes(frame):
        if kind == wanted:
            _check_whole(frame, end)
            return frame[start:end]
    raise UnreadableCodestream("Its boxes hold no codestream.")


def _jpeg_xl(frame: memoryview) -> memoryview:
    """Return the one ``jxlc``, or the ``jxlp`` in the order of their indices (18181-2 9.9)."""
    parts: dict[int, memoryview] = {}
    for kind, start, end in boxes(frame):
        if kind == b"jxlc":
            _check_whole(frame, end)
            return frame[start:end]
        if kind == b"jxlp":
            _check_whole(frame, end)
            index = int.from_bytes(frame[start : start + _INDEX_BYTES]) & (_LAST_PART - 1)
            parts[index] = frame[start + _INDEX_BYTES : end]
    if not parts or sorted(parts) != list(range(len(parts))):
        raise UnreadableCodestream("Its boxes hold no whole codestream.")
    return memoryview(b"".join(parts[index] for index in sorted(parts)))


def _check_whole(frame: memoryview, end: int) -> None:
    if end > len(frame):
        raise UnreadableCodestream("A box ends behind the end of the part.")
