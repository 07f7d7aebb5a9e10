"""MP4: what its boxes tell, and its metadata blanked without moving a coded byte.

Positions, devices and descriptions lie in user data boxes. Their content is overwritten by zeros
and the box renamed ``free``, which readers skip (ISO/IEC 14496-12 8.1.2): offsets stay right and
the coded video is the one that was filmed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import unpack_from

from chalicelib.dicomweb.codestreams import UnreadableCodestream
from chalicelib.dicomweb.codestreams.boxes import boxes
from chalicelib.useragent.acquire.errors import AcquireError

_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_BLANKED = frozenset({b"udta", b"meta", b"uuid", b"free", b"skip"})
_MAX_DEPTH = 8
_VIDEO, _SOUND = b"vide", b"soun"
_HARMLESS = frozenset({_VIDEO, _SOUND, b"hint", b"tmcd"})
_UNTURNED = (0x10000, 0, 0, 0x10000)
_MAX_TABLE_ENTRIES = 1_000_000


@dataclass(frozen=True, slots=True)
class _Box:
    path: tuple[bytes, ...]
    header: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Mp4:
    """What an MP4 tells.

    Attributes
    ----------
    content : bytes
        The file with its user data blanked.
    blanked : int
        Bytes of user data.
    sound_channels : int
        Of the first sound track, 0 where there is none.
    is_turned : bool
        Whether players are told to turn the picture.
    frames : int or None
    frame_time : float or None
        In milliseconds, the mean where frames last differently.
    is_constant : bool
        Whether all frames but the last last alike.
    """

    content: bytes
    blanked: int
    sound_channels: int
    is_turned: bool
    frames: int | None
    frame_time: float | None
    is_constant: bool


def read_mp4(content: bytes) -> Mp4:
    """Return what an MP4 tells, and the file without its user data.

    Raises
    ------
    AcquireError
        When its boxes cannot be walked, the file is cut short, it has not one video track, or a
        track of metadata, whose samples lie among those of the video.
    """
    try:
        found = list(_walk(content, 0, len(content), ()))
    except UnreadableCodestream as unreadable:
        what = "is cut short" if unreadable.is_cut else "cannot be read"
        raise AcquireError(f"The MP4 {what}: {unreadable.detail}") from None
    tracks = [box for box in found if box.path == (b"moov", b"trak")]
    kinds = [_handler(content, found, track) for track in tracks]
    if kinds.count(_VIDEO) != 1:
        raise AcquireError(f"The MP4 has {kinds.count(_VIDEO)} video tracks; an instance has one.")
    if not set(kinds) <= _HARMLESS:
        raise AcquireError(
            "The MP4 has a track that is neither video nor sound, which may tell positions: copy "
            "the others without it (ffmpeg -i IN -map 0:v:0 -map 0:a? -c copy OUT.mp4)."
        )
    video = tracks[kinds.index(_VIDEO)]
    frames, frame_time, is_constant = _timing(content, found, video)
    blanked, bytes_blanked = _without_user_data(content, found)
    is_turned = _is_turned(content, found, video)
    channels = _channels(content, found, tracks[kinds.index(_SOUND)]) if _SOUND in kinds else 0
    return Mp4(blanked, bytes_blanked, channels, is_turned, frames, frame_time, is_constant)


def _walk(content: bytes, start: int, end: int, path: tuple[bytes, ...]) -> Iterator[_Box]:
    position = start
    for kind, inner, inner_end in boxes(content, start, end):
        if inner_end > end:
            raise UnreadableCodestream("A box ends behind what holds it.", is_cut=True)
        yield _Box((*path, kind), position, inner, inner_end)
        if kind in _CONTAINERS and len(path) < _MAX_DEPTH:
            yield from _walk(content, inner, inner_end, (*path, kind))
        position = inner_end


def _inside(found: list[_Box], track: _Box, *kinds: bytes) -> _Box | None:
    """Return the first box below a track at the end of a path."""
    for box in found:
        if box.path == track.path + kinds and track.start <= box.start and box.end <= track.end:
            return box
    return None


def _handler(content: bytes, found: list[_Box], track: _Box) -> bytes:
    box = _inside(found, track, b"mdia", b"hdlr")
    return content[box.start + 8 : box.start + 12] if box is not None else b""


def _channels(content: bytes, found: list[_Box], track: _Box) -> int:
    """Return channelcount of the first sample entry, at least 1 (14496-12 12.2.3)."""
    box = _inside(found, track, b"mdia", b"minf", b"stbl", b"stsd")
    at = box.start + 8 + 8 + 16 if box is not None else 0
    if box is None or at + 2 > box.end:
        return 1
    return max(1, int.from_bytes(content[at : at + 2]))


def _is_turned(content: bytes, found: list[_Box], track: _Box) -> bool:
    """Return whether the matrix of Track Header is not the identity (14496-12 8.3.2)."""
    box = _inside(found, track, b"tkhd")
    if box is None or box.start >= len(content):
        return False
    at = box.start + (52 if content[box.start] == 1 else 40)
    if at + 36 > box.end:
        return False
    a, b, _, c, d = unpack_from(">5i", content, at)
    return (a, b, c, d) != _UNTURNED


def _timing(
    content: bytes, found: list[_Box], track: _Box
) -> tuple[int | None, float | None, bool]:
    """Return frames, mean milliseconds of a frame, whether constant (14496-12 8.4.2, 8.6.1.2)."""
    header = _inside(found, track, b"mdia", b"mdhd")
    table = _inside(found, track, b"mdia", b"minf", b"stbl", b"stts")
    if header is None or table is None or table.start + 8 > table.end:
        return None, None, True
    at = header.start + (20 if content[header.start] == 1 else 12)
    (count,) = unpack_from(">I", content, table.start + 4)
    if at + 4 > header.end or count > _MAX_TABLE_ENTRIES or table.start + 8 + 8 * count > table.end:
        return None, None, True
    (scale,) = unpack_from(">I", content, at)
    entries = unpack_from(f">{2 * count}I", content, table.start + 8)
    numbers, durations = entries[::2], entries[1::2]
    frames = sum(numbers)
    if not frames or not scale:
        return frames or None, None, True
    # The last frame lasts as long as the file says, often not at all: it counts for nothing.
    if count == 2 and numbers[1] == 1:
        return frames, 1000 * durations[0] / scale or None, True
    total = sum(number * duration for number, duration in zip(numbers, durations, strict=True))
    return frames, 1000 * total / frames / scale or None, len(set(durations)) == 1


def _without_user_data(content: bytes, found: list[_Box]) -> tuple[bytes, int]:
    outermost = [
        box for box in found if box.path[-1] in _BLANKED and not _BLANKED & set(box.path[:-1])
    ]
    if not outermost:
        return content, 0
    blanked = bytearray(content)
    for box in outermost:
        blanked[box.header + 4 : box.header + 8] = b"free"
        blanked[box.start : box.end] = bytes(box.end - box.start)
    return bytes(blanked), sum(box.end - box.start for box in outermost)
