"""Videos: the stream goes in as it is, in its container (PS3.5 8.2.5 to 8.2.12)."""

from collections.abc import Mapping

from chalicelib.dicomweb.codestreams import UnreadableCodestream, read_header
from chalicelib.dicomweb.codestreams.header import Codec
from chalicelib.dicomweb.codestreams.video_timing import (
    VideoTiming,
    mp4_description,
    read_timing,
)
from chalicelib.dicomweb.dataset import Dataset, Element, Value
from chalicelib.standard.created_iods import SETTABLE, VIDEO_PHOTOGRAPHIC
from chalicelib.useragent.acquire.anatomy import code_item
from chalicelib.useragent.acquire.errors import AcquireError, attribute
from chalicelib.useragent.acquire.mp4 import read_mp4
from chalicelib.useragent.acquire.options import AcquireOptions
from chalicelib.useragent.acquire.photographs import IGNORED_ORIENTATION
from chalicelib.useragent.acquire.prepared import Prepared

_FRAMES, _TIME = SETTABLE["NumberOfFrames"], SETTABLE["FrameTime"]
_SOUND = 0x003A0300
_POINTER, _CINE_RATE, _DISPLAY_RATE = 0x00280009, 0x00180040, 0x00082144
_SEARCHED = 1 << 16


def prepare_mp4(content: bytes, stated: Mapping[int, str], options: AcquireOptions) -> Prepared:
    """Return an MP4 ready to be Pixel Data.

    Raises
    ------
    AcquireError
        When it cannot be read, has to be turned, or nobody knows its frames.
    """
    mp4 = read_mp4(content)
    _check_depth(mp4.content)
    if mp4.is_turned and not options.ignore_orientation:
        raise AcquireError(
            "Players turn this video by its track header, which viewers of instances do not read; "
            "turning it would mean coding it anew. Film upright, or ask for its orientation to be "
            "ignored."
        )
    notes = []
    if mp4.blanked:
        notes.append(f"{mp4.blanked} bytes of user data in the container were blanked.")
    values = _timed(mp4.frames, mp4.frame_time, stated)
    if mp4.sound_channels:
        values[_SOUND] = (_sound(mp4.sound_channels),)
        notes.append("The sound is kept: voices and names in it are the patient's too.")
    if not mp4.is_constant and _TIME.tag not in stated:
        notes.append("Its frames last differently; Frame Time (0018,1063) is their mean.")
    return Prepared(
        sop_class=VIDEO_PHOTOGRAPHIC,
        media_type="video/mp4",
        content=mp4.content,
        values=values,
        treatment=IGNORED_ORIENTATION if mp4.is_turned else "",
        notes=tuple(notes),
    )


def prepare_mpeg2(content: bytes, stated: Mapping[int, str]) -> Prepared:
    """Return an MPEG-2 stream, or a transport stream of H.264 or H.265, ready to be Pixel Data.

    Raises
    ------
    AcquireError
        When nobody knows its frames: H.264 and H.265 without MP4 around do not tell.
    """
    is_mpeg2 = _is_mpeg2(content[:_SEARCHED])
    timing = read_timing(memoryview(content), Codec.MPEG2) if is_mpeg2 else VideoTiming()
    return Prepared(
        sop_class=VIDEO_PHOTOGRAPHIC,
        media_type="video/mpeg" if is_mpeg2 else "video/mp4",
        content=content,
        values=_timed(timing.frames, timing.frame_time, stated),
    )


def _check_depth(content: bytes) -> None:
    """Refuse more than 8 bits (PS3.3 Table C.8-77): H.265 of the profile Main 10."""
    try:
        description = mp4_description(memoryview(content)) or b""
        header = read_header("video/h265", description)
    except UnreadableCodestream:
        return
    if (header.bits or 0) > 8:
        raise AcquireError(
            f"It has {header.bits} bits in each sample; Bits Stored (0028,0101) of a Video "
            "Photographic Image is 8."
        )


def _sound(channels: int) -> Dataset:
    """Return what sounds: the room (PS3.3 Table C.7-13, PS3.16 CID 3000)."""
    source = code_item("109112", "DCM", "Ambient room environment")
    return Dataset(
        [
            Element(0x003A0208, "SQ", "ChannelSourceSequence", (source,)),
            Element(0x003A0301, "IS", "ChannelIdentificationCode", ("1",)),
            Element(0x003A0302, "CS", "ChannelMode", ("MONO" if channels == 1 else "STEREO",)),
        ]
    )


def _is_mpeg2(first: bytes) -> bool:
    try:
        return read_header("video/mpeg", first).transfer_syntax is not None
    except UnreadableCodestream:
        return False


def _timed(
    frames: int | None, frame_time: float | None, stated: Mapping[int, str]
) -> dict[int, tuple[Value, ...]]:
    """Return the Cine and Multi-frame attributes (PS3.3 C.7.6.5, C.7.6.6).

    The container outweighs what the user states of frames, but not of their time: a recorder may
    play slower than it filmed.
    """
    stated_frames = stated.get(_FRAMES.tag)
    stated_time = stated.get(_TIME.tag)
    if frames is None and (not stated_frames or int(stated_frames) < 1):
        raise AcquireError(
            f"The video does not tell its frames: state {attribute(_FRAMES.keyword, _FRAMES.tag)}.",
            tag=_FRAMES.tag,
        )
    if frames is not None and stated_frames and int(stated_frames) != frames:
        raise AcquireError(
            f"{attribute(_FRAMES.keyword, _FRAMES.tag)} is stated, and the video has {frames} "
            "frames.",
            tag=_FRAMES.tag,
        )
    if stated_time and float(stated_time) > 0:
        frame_time = float(stated_time)
    if not frame_time:
        raise AcquireError(
            "The video does not tell how long a frame lasts: state "
            f"{attribute(_TIME.keyword, _TIME.tag)} in milliseconds.",
            tag=_TIME.tag,
        )
    rate = str(max(1, round(1000 / frame_time)))
    return {
        _FRAMES.tag: (str(frames) if frames is not None else str(stated_frames),),
        _TIME.tag: (f"{frame_time:.10g}",),
        _POINTER: (_TIME.tag,),
        _CINE_RATE: (rate,),
        _DISPLAY_RATE: (rate,),
    }
