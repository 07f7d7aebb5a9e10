"""Judges what is in fragments: the header of the first and the last frame against the attributes.

What belongs here: comparisons. What must not: reading a codestream (``dicomweb.codestreams``).
"""

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.byte_source import ByteSource, read_bytes
from chalicelib.dicomweb.codestreams import (
    HEADER_BYTES,
    Codec,
    Colour,
    FrameHeader,
    UnreadableCodestream,
    has_header,
    identify,
    read_header,
)
from chalicelib.origin.validate.findings import Findings
from chalicelib.origin.validate.fragments import Fragments, FrameSpans
from chalicelib.origin.validate.pixels import Description
from chalicelib.standard.codestream_syntaxes import (
    ALWAYS_LOSSY,
    ENCAPSULATED_UNCOMPRESSED,
    LOSSLESS_ONLY,
    MULTI_COMPONENT,
    RPCL_ONLY,
    STREAMS_OF_SYNTAX,
    plain_video_syntax,
)

_PATH = tags.format_tag(tags.PIXEL_DATA)
_JPEG_2000_CODECS = frozenset({Codec.JPEG_2000, Codec.HTJ2K})
_TRANSFORMED = {Colour.RCT: "YBR_RCT", Colour.ICT: "YBR_ICT"}
_COLOURS_OF_JPEG_2000 = frozenset({"RGB", *_TRANSFORMED.values()})


def judge_frames(
    source: ByteSource,
    fragments: Fragments,
    spans: FrameSpans,
    described: Description,
    syntax: str,
    findings: Findings,
) -> bool:
    """Judge the first and the last frame.

    Returns
    -------
    bool
        Whether the pixels are lossy, by a header or because the syntax always is.
    """
    syntax = plain_video_syntax(syntax)
    is_lossy = syntax in ALWAYS_LOSSY
    if syntax == ENCAPSULATED_UNCOMPRESSED:
        _judge_uncompressed(fragments, described, findings)
    if not has_header(syntax) or not fragments.starts:
        return is_lossy
    judge = _FrameJudge(described, syntax, findings)
    first, last = 0, described.frames - 1
    span = spans.of(first) or range(len(fragments.starts))
    header = judge.judge(1, _first_bytes(source, fragments, span), _bytes_in(fragments, span))
    last_span = spans.of(last) if last else None
    if last_span is not None and header is not None:
        first_bytes = _first_bytes(source, fragments, last_span)
        judge.judge(described.frames, first_bytes, _bytes_in(fragments, last_span))
    return is_lossy or (header is not None and header.lossless is False)


def _first_bytes(source: ByteSource, fragments: Fragments, span: range) -> bytes:
    """Return the first HEADER_BYTES of a frame, over as many fragments as that takes."""
    first = b""
    for index in span:
        wanted = HEADER_BYTES - len(first)
        if not wanted:
            break
        length = min(fragments.lengths[index], wanted)
        first += read_bytes(source, fragments.starts[index], length)
    return first


def _bytes_in(fragments: Fragments, span: range) -> int:
    return sum(fragments.lengths[span.start : span.stop])


def _judge_uncompressed(fragments: Fragments, described: Description, findings: Findings) -> None:
    """Judge frames that are native inside their fragments (PS3.5 A.4.11)."""
    bits = described.frame_bits()
    if bits is None:
        return
    needed = -(-bits // 8)
    for number, length in enumerate(fragments.lengths, 1):
        if length - needed not in (0, needed & 1):
            rule = "pixel-data-short" if length < needed else "pixel-data-long"
            detail = f"Fragment {number} of {_PATH} has {length} bytes; a frame takes {needed}."
            findings.add(rule, _PATH, detail)
            return


class _FrameJudge:
    """Judges headers of frames of one object."""

    def __init__(self, described: Description, syntax: str, findings: Findings) -> None:
        self._described = described
        self._syntax = syntax
        self._findings = findings
        self._frame = ""

    def judge(self, number: int, first: bytes, length: int) -> FrameHeader | None:
        """Judge one frame; return its header if it can be read.

        Parameters
        ----------
        number : int
            1-based.
        first : bytes
            The first HEADER_BYTES of the frame, or all of it.
        length : int
            Bytes of the whole frame.
        """
        self._frame = f"Frame {number}"
        try:
            header = read_header(self._syntax, first)
        except UnreadableCodestream as error:
            self._judge_unreadable(error, first, length)
            return None
        self._judge_process(header)
        self._judge_extent(header)
        self._judge_precision(header)
        self._judge_colour(header)
        self._judge_segments(header, length)
        if header.orientation is not None and header.orientation != 1:
            what = f"has orientation {header.orientation} in its EXIF or image header"
            self._add("exif-orientation", what)
        return header

    def _judge_unreadable(self, error: UnreadableCodestream, first: bytes, length: int) -> None:
        if error.is_cut and length > len(first):
            what = f"has a header that does not end in its first {len(first)} bytes"
            self._add("codestream-not-reached", what)
        else:
            known = identify(first)
            starts = f" It starts like {known}." if known else ""
            detail = f"{self._frame}: {error.detail}{starts}"
            self._findings.add("codestream-unreadable", _PATH, detail)

    def _judge_process(self, header: FrameHeader) -> None:
        allowed = STREAMS_OF_SYNTAX.get(self._syntax)
        is_known = header.transfer_syntax is not None or header.codec is Codec.JPEG
        if allowed is not None and is_known and header.transfer_syntax not in allowed:
            what = f"is {header.codec.value} {header.process}; this syntax does not hold that"
            self._add("codestream-not-of-syntax", what)
        elif self._syntax in LOSSLESS_ONLY and header.lossless is False:
            what = f"is {header.codec.value} {header.process}, lossy; this syntax is lossless only"
            self._add("codestream-lossy", what)
        elif self._syntax == RPCL_ONLY and header.transfer_syntax != RPCL_ONLY:
            what = "is not in RPCL order with TLM and a base 64 or less wide or high"
            self._add("codestream-not-rpcl", what)
        if header.boxed and header.codec in _JPEG_2000_CODECS:
            self._add("codestream-boxed", "lies in boxes of a file format")

    def _judge_extent(self, header: FrameHeader) -> None:
        for name, stated, found in (
            ("Rows", self._described.rows, header.rows),
            ("Columns", self._described.columns, header.columns),
        ):
            if stated and found and stated != found:
                self._add("codestream-size", f"has {found} {name.lower()}; {name} is {stated}")
        samples, found = self._described.samples, header.samples
        if self._syntax in MULTI_COMPONENT and samples and found and found % samples == 0:
            return  # components of one stream may be frames (PS3.5 A.4.4)
        if samples and found and samples != found:
            what = f"has {found} components; Samples per Pixel is {samples}"
            self._add("codestream-samples", what)

    def _judge_precision(self, header: FrameHeader) -> None:
        allocated, stored = self._described.allocated, self._described.stored
        if header.bits is None or not allocated:
            return
        if header.bits > allocated:
            what = f"has {header.bits} bits; Bits Allocated is {allocated}"
            self._add("codestream-precision", what)
        elif stored and header.bits != stored:
            is_below = header.bits < stored
            rule = "codestream-below-bits-stored" if is_below else "codestream-above-bits-stored"
            self._add(rule, f"has {header.bits} bits; Bits Stored is {stored}")
        self._judge_sign(header)

    def _judge_sign(self, header: FrameHeader) -> None:
        representation = self._described.representation
        if header.signed is None or header.codec not in _JPEG_2000_CODECS:
            return
        if representation in (0, 1) and bool(representation) is not header.signed:
            sign = "signed" if header.signed else "unsigned"
            self._add("codestream-sign", f"is {sign}; Pixel Representation is {representation}")

    def _judge_colour(self, header: FrameHeader) -> None:
        stated, colour = self._described.photometric, header.colour
        if not stated or colour is None or self._described.samples != header.samples:
            return
        if header.codec in _JPEG_2000_CODECS:
            is_wrong = stated in _COLOURS_OF_JPEG_2000 and stated != _TRANSFORMED.get(colour, "RGB")
        elif header.codec is Codec.JPEG and not header.lossless:
            is_wrong = (colour is Colour.YCBCR) is (stated == "RGB")
        else:
            return
        if is_wrong:
            what = f"declares {colour.value}; Photometric Interpretation is {stated}"
            self._add("codestream-colour", what)

    def _judge_segments(self, header: FrameHeader, length: int) -> None:
        """Judge the segments of an RLE frame (PS3.5 G.2): one for each byte of a pixel."""
        offsets = header.segment_offsets
        if not offsets:
            return
        samples, allocated = self._described.samples, self._described.allocated
        if samples and allocated and len(offsets) != samples * -(-allocated // 8):
            what = f"has {len(offsets)} segments for {samples} samples of {allocated} bits"
            self._add("rle-segments", what)
        elif offsets[-1] >= length:
            what = f"has a segment at byte {offsets[-1]} and is {length} bytes long"
            self._add("rle-segments", what)

    def _add(self, rule: str, what: str) -> None:
        self._findings.add(rule, _PATH, f"{self._frame} {what}.")
