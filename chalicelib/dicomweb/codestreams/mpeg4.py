"""The start of an H.264 or H.265 video: MP4, transport or elementary stream.

PS3.5 8.2.7 to 8.2.12. An MP4 may keep its description at its end; what is told later than the
bytes at hand is None.
"""

import re
from dataclasses import dataclass
from struct import unpack_from

from chalicelib.dicomweb.codestreams.boxes import boxes
from chalicelib.dicomweb.codestreams.header import (
    Codec,
    Colour,
    FrameHeader,
    UnreadableCodestream,
)
from chalicelib.dicomweb.codestreams.mpeg2 import is_transport_stream

_PATH_TO_SAMPLES = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_SAMPLE_COUNT_BYTES = 8
_SAMPLE_ENTRY_BYTES = 78
_EXTENT_AT = 24
_SAMPLE_ENTRIES = {
    b"avc1": Codec.H264,
    b"avc3": Codec.H264,
    b"hvc1": Codec.H265,
    b"hev1": Codec.H265,
}
_START_CODES = (b"\0\0\1", b"\0\0\0\1")
# The start code and header of a sequence parameter set (14496-10 7.4.1, 23008-2 7.4.2).
_H264_PARAMETERS = re.compile(rb"\x00\x00\x01[\x07\x27\x47\x67](...)", re.DOTALL)
_H265_PARAMETERS = re.compile(rb"\x00\x00\x01\x42[\x00-\x07](.{16})", re.DOTALL)
_EMULATION_PREVENTION = b"\0\0\3"
_UP_TO_HIGH = frozenset({66, 77, 100})
_STEREO_HIGH = 128
_MAIN_10 = 2


@dataclass(frozen=True, slots=True)
class _Stream:
    """What was found; 0 where it was not."""

    codec: Codec | None = None
    rows: int = 0
    columns: int = 0
    profile: int = 0
    level: int = 0


def read_h264(first: bytes) -> FrameHeader:
    """Return what the start of an H.264 video says.

    The syntaxes for Blu-ray and 3D have the profile and level of plain ones, which are returned.

    Parameters
    ----------
    first : bytes
        From the start of the video.

    Raises
    ------
    UnreadableCodestream
    """
    stream = _stream(first, Codec.H264)
    syntax = None
    if stream.profile == _STEREO_HIGH and stream.level <= 42:
        syntax = "1.2.840.10008.1.2.4.106"
    elif stream.profile in _UP_TO_HIGH and stream.level <= 42:
        is_41 = stream.level <= 41
        syntax = "1.2.840.10008.1.2.4.102" if is_41 else "1.2.840.10008.1.2.4.104"
    bits = 8 if stream.profile in _UP_TO_HIGH | {_STEREO_HIGH} else None
    return _header(Codec.H264, stream, syntax, bits, stream.level / 10, first)


def read_h265(first: bytes) -> FrameHeader:
    """Return what the start of an H.265 video says.

    Parameters
    ----------
    first : bytes
        From the start of the video.

    Raises
    ------
    UnreadableCodestream
    """
    stream = _stream(first, Codec.H265)
    syntax = None
    if stream.profile in (1, _MAIN_10) and stream.level <= 153:
        is_main = stream.profile == 1
        syntax = "1.2.840.10008.1.2.4.107" if is_main else "1.2.840.10008.1.2.4.108"
    bits = {1: 8, _MAIN_10: 10}.get(stream.profile)
    return _header(Codec.H265, stream, syntax, bits, stream.level / 30, first)


def _header(
    codec: Codec, stream: _Stream, syntax: str | None, bits: int | None, level: float, first: bytes
) -> FrameHeader:
    return FrameHeader(
        codec=codec,
        process=f"profile {stream.profile} level {level:g}" if stream.codec else "unknown",
        rows=stream.rows or None,
        columns=stream.columns or None,
        samples=3,
        bits=bits,
        signed=False,
        lossless=False,
        transfer_syntax=syntax,
        colour=Colour.YCBCR,
        boxed=not first.startswith(_START_CODES),
    )


def _stream(first: bytes, codec: Codec) -> _Stream:
    if first[4:8] == b"ftyp":
        stream = _in_mp4(first)
    elif first.startswith(_START_CODES) or is_transport_stream(first):
        stream = _in_units(first)
    else:
        raise UnreadableCodestream(f"It does not start as a stream or file of {codec.value}.")
    if stream.codec not in (codec, None):
        raise UnreadableCodestream(f"It is {stream.codec.value}.")
    return stream


def _in_mp4(first: bytes) -> _Stream:
    """Return what the first video track's sample entry says (ISO/IEC 14496-12 8.5.2, 12.1.3)."""
    spans = [(0, len(first))]
    for wanted in _PATH_TO_SAMPLES:
        spans = [
            (start, end)
            for within in spans
            for kind, start, end in boxes(first, *within)
            if kind == wanted
        ]
    for start, end in spans:
        for kind, entry, entry_end in boxes(first, start + _SAMPLE_COUNT_BYTES, end):
            if kind in _SAMPLE_ENTRIES and entry + _SAMPLE_ENTRY_BYTES <= len(first):
                return _sample_entry(first, _SAMPLE_ENTRIES[kind], entry, entry_end)
    return _Stream()


def _sample_entry(first: bytes, codec: Codec, entry: int, end: int) -> _Stream:
    columns, rows = unpack_from(">HH", first, entry + _EXTENT_AT)
    profile = level = 0
    for kind, start, _ in boxes(first, entry + _SAMPLE_ENTRY_BYTES, end):
        configuration = first[start : start + 13]
        if kind == b"avcC" and len(configuration) >= 4:
            profile, level = configuration[1], configuration[3]
        elif kind == b"hvcC" and len(configuration) >= 13:
            profile, level = configuration[1] & 31, configuration[12]
    return _Stream(codec, rows, columns, profile, level)


def _in_units(first: bytes) -> _Stream:
    """Return what the first sequence parameter set says; its extents are not read."""
    if found := _H265_PARAMETERS.search(first):
        fields = found[1].replace(_EMULATION_PREVENTION, b"\0\0")
        if len(fields) >= 13:
            return _Stream(Codec.H265, profile=fields[1] & 31, level=fields[12])
    if found := _H264_PARAMETERS.search(first):
        return _Stream(Codec.H264, profile=found[1][0], level=found[1][2])
    return _Stream()
