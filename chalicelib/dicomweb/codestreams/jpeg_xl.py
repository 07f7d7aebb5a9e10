"""The header of a JPEG XL codestream, bare or in boxes (ISO/IEC 18181-1 Annex D, 18181-2)."""

from dataclasses import dataclass

from chalicelib.dicomweb.codestreams.boxes import boxes
from chalicelib.dicomweb.codestreams.header import (
    Codec,
    Colour,
    FrameHeader,
    UnreadableCodestream,
    cut,
)

START = b"\xff\x0a"
BOXED = b"\0\0\0\x0cJXL \r\n\x87\n"
_RATIOS = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_GREY = 1


class _Bits:
    """Bits from the least significant of each byte on, as JPEG XL packs them."""

    def __init__(self, content: bytes, start: int) -> None:
        self._content = content
        self._at = start * 8

    def take(self, count: int) -> int:
        """Return the next bits. Raises UnreadableCodestream at the end."""
        first, at = self._at >> 3, self._at & 7
        self._at += count
        after = (self._at + 7) >> 3
        if after > len(self._content):
            raise cut(Codec.JPEG_XL)
        return int.from_bytes(self._content[first:after], "little") >> at & ((1 << count) - 1)

    def flag(self) -> bool:
        return bool(self.take(1))

    def choice(self, *options: tuple[int, int]) -> int:
        """Return one of four ranges, each a base and a number of bits (U32)."""
        base, bits = options[self.take(2)]
        return base + self.take(bits)

    def align(self) -> None:
        """Go on to the next byte."""
        self.take(-self._at % 8)

    def enumerated(self) -> int:
        return self.choice((0, 0), (1, 0), (2, 4), (18, 6))

    def skip_float(self) -> None:
        self.take(16)


@dataclass(slots=True)
class _Image:
    """Image metadata (18181-1 D.3) as far as it matters; the last three end what can be read."""

    bits: int = 8
    orientation: int = 1
    is_xyb: bool = True
    is_grey: bool = False
    has_icc: bool = False
    has_preview: bool = False
    has_extensions: bool = False


def read_jpeg_xl(first: bytes) -> FrameHeader:
    """Return what a JPEG XL header says.

    ``lossless`` is None where an ICC profile, a preview or an extension stands before the frame
    header, and False for a recompressed JPEG, which is given back as lossy as it was.

    Parameters
    ----------
    first : bytes
        A codestream or a container, from its start.

    Raises
    ------
    UnreadableCodestream
    """
    is_boxed = first.startswith(BOXED)
    content, has_jpeg = _codestream(first) if is_boxed else (first, False)
    if not content.startswith(START):
        raise UnreadableCodestream("It does not start as JPEG XL does.")
    bits = _Bits(content, len(START))
    rows, columns = _size(bits)
    image = _image(bits)
    lossless, process = _coding(bits, image, has_jpeg)
    return FrameHeader(
        codec=Codec.JPEG_XL,
        process=process,
        rows=rows,
        columns=columns,
        samples=1 if image.is_grey else 3,
        bits=image.bits,
        signed=None,
        lossless=lossless,
        transfer_syntax=_transfer_syntax(lossless, has_jpeg),
        colour=None if image.is_grey or image.is_xyb or has_jpeg else Colour.RGB,
        boxed=is_boxed,
        orientation=image.orientation if image.orientation != 1 else None,
    )


def _transfer_syntax(lossless: bool | None, has_jpeg: bool) -> str | None:
    if has_jpeg:
        return "1.2.840.10008.1.2.4.111"
    if lossless is None:
        return None
    return "1.2.840.10008.1.2.4.110" if lossless else "1.2.840.10008.1.2.4.112"


def _codestream(first: bytes) -> tuple[bytes, bool]:
    """Return the codestream's start out of its boxes, and whether a JPEG can be rebuilt."""
    content, has_jpeg = b"", False
    for kind, start, end in boxes(first):
        if kind == b"jbrd":
            has_jpeg = True
        elif kind in (b"jxlc", b"jxlp"):
            content += first[start + (4 if kind == b"jxlp" else 0) : end]
    if not content:
        raise cut(Codec.JPEG_XL)
    return content, has_jpeg


def _size(bits: _Bits) -> tuple[int, int]:
    """Return rows and columns (SizeHeader, 18181-1 D.2)."""
    is_small = bits.flag()
    rows = _extent(bits, is_small)
    ratio = bits.take(3)
    if not ratio:
        return rows, _extent(bits, is_small)
    numerator, denominator = _RATIOS[ratio]
    return rows, rows * numerator // denominator


def _extent(bits: _Bits, is_small: bool) -> int:
    if is_small:
        return 8 * (1 + bits.take(5))
    return bits.choice((1, 9), (1, 13), (1, 18), (1, 30))


def _image(bits: _Bits) -> _Image:
    image = _Image()
    if bits.flag():
        return image
    has_extra_fields = bits.flag()
    if has_extra_fields:
        _extra_fields(bits, image)
    image.bits = _bit_depth(bits)
    bits.flag()  # modular 16 bit buffers
    extra_channels = bits.choice((0, 0), (1, 0), (2, 4), (1, 12))
    for _ in range(extra_channels):
        _skip_extra_channel(bits)
    image.is_xyb = bits.flag()
    _colour_encoding(bits, image)
    if has_extra_fields:
        _skip_tone_mapping(bits)
    image.has_extensions = _u64(bits) != 0
    return image


def _extra_fields(bits: _Bits, image: _Image) -> None:
    image.orientation = 1 + bits.take(3)
    if bits.flag():  # intrinsic size
        _size(bits)
    if bits.flag():
        image.has_preview = True
        _skip_preview(bits)
    if bits.flag():
        _skip_animation(bits)


def _skip_preview(bits: _Bits) -> None:
    by_eight = bits.flag()
    sizes = (
        ((16, 0), (32, 0), (1, 5), (33, 9))
        if by_eight
        else ((1, 6), (65, 8), (321, 10), (1345, 12))
    )
    bits.choice(*sizes)
    if not bits.take(3):
        bits.choice(*sizes)


def _skip_animation(bits: _Bits) -> None:
    bits.choice((100, 0), (1000, 0), (1, 10), (1, 30))
    bits.choice((1, 0), (1001, 0), (1, 8), (1, 10))
    bits.choice((0, 0), (0, 3), (0, 16), (0, 32))
    bits.flag()


def _bit_depth(bits: _Bits) -> int:
    if bits.flag():
        depth = bits.choice((32, 0), (16, 0), (24, 0), (1, 6))
        bits.take(4)
        return depth
    return bits.choice((8, 0), (10, 0), (12, 0), (1, 6))


def _skip_extra_channel(bits: _Bits) -> None:
    if bits.flag():  # all default: 8 bit alpha
        return
    kind = bits.enumerated()
    _bit_depth(bits)
    bits.choice((0, 0), (3, 0), (4, 0), (1, 3))
    bits.take(8 * bits.choice((0, 0), (0, 4), (16, 5), (48, 10)))
    if kind == 0:
        bits.flag()
    elif kind == 2:
        for _ in range(4):
            bits.skip_float()
    elif kind == 5:
        bits.choice((1, 0), (0, 2), (3, 4), (19, 8))


def _colour_encoding(bits: _Bits, image: _Image) -> None:
    if bits.flag():
        return
    image.has_icc = bits.flag()
    space = bits.enumerated()
    image.is_grey = space == _GREY
    if image.has_icc:
        return
    is_xyb = space == 2
    if not is_xyb and bits.enumerated() == 2:  # white point of its own
        _skip_point(bits)
    if not is_xyb and not image.is_grey and bits.enumerated() == 2:  # primaries of its own
        for _ in range(3):
            _skip_point(bits)
    if not is_xyb:
        if bits.flag():
            bits.take(24)
        else:
            bits.enumerated()
    bits.enumerated()


def _skip_point(bits: _Bits) -> None:
    for _ in range(2):
        bits.choice((0, 19), (524288, 19), (1048576, 20), (2097152, 21))


def _skip_tone_mapping(bits: _Bits) -> None:
    if bits.flag():
        return
    bits.skip_float()
    bits.skip_float()
    bits.flag()
    bits.skip_float()


def _u64(bits: _Bits) -> int:
    selector = bits.take(2)
    if selector == 0:
        return 0
    if selector == 1:
        return 1 + bits.take(4)
    if selector == 2:
        return 17 + bits.take(8)
    value, shift = bits.take(12), 12
    while bits.flag():
        if shift == 60:
            return value + (bits.take(4) << shift)
        value += bits.take(8) << shift
        shift += 8
    return value


def _coding(bits: _Bits, image: _Image, has_jpeg: bool) -> tuple[bool | None, str]:
    """Return whether the first frame is coded without loss, and by which process."""
    if has_jpeg:
        return False, "JPEG recompression"
    if image.is_xyb:
        return False, "XYB"
    if image.has_icc or image.has_preview or image.has_extensions:
        return None, "unknown"
    if not bits.flag():  # upsampling weights of its own
        return None, "unknown"
    bits.align()
    is_default = bits.flag()
    bits.take(0 if is_default else 2)  # type of the first frame
    is_modular = not is_default and bits.flag()
    return is_modular, "modular" if is_modular else "VarDCT"
