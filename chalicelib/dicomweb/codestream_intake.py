"""From the bulkdata parts of one image or video to frames of one transfer syntax.

What belongs here: which codestreams the parts are, and which transfer syntax holds all of them
(PS3.5 A.4). The stream decides, never the media type or a parameter: those only choose where the
stream leaves a choice. What must not: the data set around the pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.dicomweb.codestreams import (
    HEADER_BYTES,
    Codec,
    FrameHeader,
    UnreadableCodestream,
    identify,
    read_header,
)
from chalicelib.dicomweb.codestreams.elementary import elementary_start
from chalicelib.dicomweb.codestreams.jpeg_sampling import is_subsampled
from chalicelib.dicomweb.codestreams.parameter_sets import extent_in
from chalicelib.dicomweb.codestreams.unboxed import unboxed
from chalicelib.dicomweb.codestreams.video_timing import (
    VideoTiming,
    mp4_description,
    read_timing,
)
from chalicelib.dicomweb.dataset_writer import Buffer
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.standard.bulkdata_media_types import BulkdataMediaType
from chalicelib.standard.codestream_syntaxes import (
    LOSSLESS_ONLY,
    RPCL_ONLY,
    STREAMS_OF_SYNTAX,
    plain_video_syntax,
)
from chalicelib.standard.reasons import FailureReason

_PATH = "(7FE0,0010)"
_JPEG_XL = "1.2.840.10008.1.2.4.112"
_MAX_HEADER_BYTES = 16 * 1024 * 1024
_ALIKE = ("codec", "rows", "columns", "samples", "bits", "signed", "colour")
# What an MP4 holds, the MP4 says; a .ts likewise.
_KINDS = {"video/mp4": ("video/mp4", "video/h265"), "video/h265": ("video/h265", "video/mp4")}
_ARITHMETIC = frozenset({"SOF9", "SOF10", "SOF11", "SOF13", "SOF14", "SOF15"})
_PROGRESSIVE = frozenset({"SOF2", "SOF6", "SOF10", "SOF14"})


@dataclass(frozen=True, slots=True)
class CodedPixels:
    """Codestreams ready for encapsulation.

    Attributes
    ----------
    fragments : tuple of bytes or memoryview
        One for each frame; one for a video, or for components that are frames.
    header : FrameHeader
        What all of them say; ``lossless`` is False if one of them is lossy.
    transfer_syntax : str
    is_subsampled : bool
        JPEG only: whether chrominance has fewer samples than luminance.
    components : int
        Of all fragments together.
    timing : VideoTiming or None
        None for what is no video.
    observations : frozenset of str
    """

    fragments: tuple[Buffer, ...]
    header: FrameHeader
    transfer_syntax: str
    is_subsampled: bool
    components: int
    timing: VideoTiming | None
    observations: frozenset[str]


def read_coded_pixels(
    row: BulkdataMediaType, frames: Sequence[Buffer], stated_syntax: str | None
) -> CodedPixels:
    """Return the parts as codestreams of one transfer syntax.

    Parameters
    ----------
    row : BulkdataMediaType
        Of treatment UNCHANGED.
    frames : sequence of bytes or memoryview
        The parts in frame order, at least one.
    stated_syntax : str or None
        The parameter ``transfer-syntax`` of the parts, None or ``*`` for none.

    Raises
    ------
    InstanceError
        CANNOT_UNDERSTAND when a part is no such codestream, DATA_SET_MISMATCH when frames differ,
        TRANSFER_SYNTAX_NOT_SUPPORTED when no transfer syntax holds them.
    """
    headers = []
    fragments = []
    try:
        for number, frame in enumerate(frames, 1):
            view = memoryview(frame)
            header = _read(row, view, number)
            headers.append(header)
            fragments.append(unboxed(view, header) if row.frames_apart else view)
        timing = None
        if not row.frames_apart:
            timing = read_timing(memoryview(frames[0]), headers[0].codec)
    except UnreadableCodestream as unreadable:
        raise _not_understood(row, memoryview(frames[len(headers) - 1]), unreadable) from None
    _check_alike(headers)
    syntax, observations = _transfer_syntax(headers, stated_syntax)
    if any(header.orientation not in (None, 1) for header in headers):
        observations |= {"exif-orientation"}
    return CodedPixels(
        tuple(fragments),
        replace(headers[0], lossless=_lossless(headers)),
        syntax,
        headers[0].codec is Codec.JPEG and is_subsampled(_jpeg_header(frames[0])),
        sum(header.samples or 0 for header in headers),
        timing,
        observations,
    )


def _read(row: BulkdataMediaType, frame: memoryview, number: int) -> FrameHeader:
    """Return the header of one part, read from its start, or from all of it if that is cut."""
    try:
        if not row.frames_apart:
            return _read_video(row, frame)
        return read_header(row.name, bytes(frame[:HEADER_BYTES]))
    except UnreadableCodestream as unreadable:
        if not unreadable.is_cut or len(frame) <= HEADER_BYTES:
            raise _not_understood(row, frame, unreadable, number) from None
    try:
        return read_header(row.name, bytes(frame[:_MAX_HEADER_BYTES]))
    except UnreadableCodestream as unreadable:
        raise _not_understood(row, frame, unreadable, number) from None


def _read_video(row: BulkdataMediaType, video: memoryview) -> FrameHeader:
    """Return the header of a video, its extent from the parameter set if no container tells it."""
    kinds = _KINDS.get(row.name, (row.name,))
    description = mp4_description(video)
    if description is not None:
        return _read_as(kinds, description)
    start = elementary_start(video, HEADER_BYTES)
    header = _read_as(kinds, start or bytes(video[:HEADER_BYTES]))
    extent = None if header.rows else extent_in(start, header.codec)
    return replace(header, rows=extent[0], columns=extent[1]) if extent else header


def _read_as(kinds: tuple[str, ...], first: bytes) -> FrameHeader:
    *others, last = kinds
    for kind in others:
        try:
            header = read_header(kind, first)
        except UnreadableCodestream:
            continue
        if header.transfer_syntax is not None:
            return header
    return read_header(last, first)


def _jpeg_header(frame: Buffer) -> bytes:
    return bytes(memoryview(frame)[:_MAX_HEADER_BYTES])


def _check_alike(headers: Sequence[FrameHeader]) -> None:
    first = headers[0]
    for number, header in enumerate(headers[1:], 2):
        for name in _ALIKE:
            if getattr(header, name) != getattr(first, name):
                raise InstanceError(
                    FailureReason.DATA_SET_MISMATCH,
                    f"Frame {number} differs from frame 1 in its {name}.",
                    tag_path=_PATH,
                )


def _lossless(headers: Sequence[FrameHeader]) -> bool | None:
    found = {header.lossless for header in headers}
    if False in found:
        return False
    return None if None in found else True


def _transfer_syntax(
    headers: Sequence[FrameHeader], stated: str | None
) -> tuple[str, frozenset[str]]:
    """Return the syntax that holds every stream, and whether the stated one was put aside."""
    stated = plain_video_syntax(stated) if stated not in (None, "*") else None
    known = set()
    for header in headers:
        known.add(header.transfer_syntax or _syntax_of_untold(header, stated))
    has_lossy = any(header.lossless is False for header in headers)
    fitting = {uid for uid in STREAMS_OF_SYNTAX if _holds(uid, known, has_lossy)}
    fitting |= known if len(known) == 1 else set()
    if stated in fitting:
        return stated, frozenset()
    observed = frozenset({"transfer-syntax-parameter"}) if stated else frozenset()
    if not fitting:
        raise InstanceError(
            FailureReason.DATA_SET_MISMATCH,
            f"No transfer syntax holds the frames together: {', '.join(sorted(known))}.",
            tag_path=_PATH,
        )
    return min(fitting, key=lambda uid: (uid not in known, uid)), observed


def _syntax_of_untold(header: FrameHeader, stated: str | None) -> str:
    """Return the syntax of a stream whose header does not tell whether it is lossless."""
    if header.codec is not Codec.JPEG_XL:
        raise _unsupported(header)
    is_stated = stated is not None and stated in STREAMS_OF_SYNTAX[_JPEG_XL]
    return stated if stated is not None and is_stated else _JPEG_XL


def _holds(uid: str, streams: set[str], has_lossy: bool) -> bool:
    if not streams <= STREAMS_OF_SYNTAX[uid] or (has_lossy and uid in LOSSLESS_ONLY):
        return False
    return uid != RPCL_ONLY or streams == {RPCL_ONLY}


def _unsupported(header: FrameHeader) -> InstanceError:
    """Return the failure of a stream that no transfer syntax in force holds."""
    cause = f"{header.codec.value}, {header.process}"
    if header.codec is Codec.JPEG:
        process = next((word for word in header.process.split() if word.startswith("SOF")), "")
        kinds = (
            ("progressive", process in _PROGRESSIVE),
            ("arithmetic coding", process in _ARITHMETIC),
            ("hierarchical", "hierarchical" in header.process),
        )
        named = " and ".join(kind for kind, applies in kinds if applies)
        cause = f"{named or f'{header.bits} bits'} JPEG ({header.process})"
    return InstanceError(
        FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED,
        f"No transfer syntax in force holds the codestream: {cause} (PS3.5 A.4).",
        tag_path=_PATH,
    )


def _not_understood(
    row: BulkdataMediaType,
    frame: memoryview,
    cause: UnreadableCodestream,
    number: int | None = None,
) -> InstanceError:
    which = f"Frame {number}" if number and row.frames_apart else "The bulkdata"
    looks_like = identify(bytes(frame[:512]))
    return InstanceError(
        FailureReason.CANNOT_UNDERSTAND,
        f"{which} is not readable as {row.display}: {cause.detail}"
        + (f" It starts like {looks_like}." if looks_like else ""),
        tag_path=_PATH,
    )
