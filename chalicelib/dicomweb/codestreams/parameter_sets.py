"""The extent of a picture by a sequence parameter set: H.264 and H.265.

ISO/IEC 14496-10 7.3.2.1, ISO/IEC 23008-2 7.3.2.2.
"""

import re

from chalicelib.dicomweb.codestreams.header import Codec

_H264 = re.compile(rb"\x00\x00\x01[\x27\x47\x67](.{8,256}?)(?=\x00\x00[\x00\x01]|\Z)", re.DOTALL)
_H265 = re.compile(rb"\x00\x00\x01\x42[\x00-\x07](.{16,256}?)(?=\x00\x00[\x00\x01]|\Z)", re.DOTALL)
_EMULATION_PREVENTION = (b"\0\0\3", b"\0\0")
_WITH_CHROMA_FORMAT = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
_MAX_LEADING_ZEROS = 32
_MAX_CYCLE = 255
_PROFILE_BITS, _LEVEL_BITS = 88, 8
# Luma samples to a chroma sample, across and down, by chroma_format_idc (14496-10 Table 6-1).
_SUBSAMPLING = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}


class _EndedError(Exception):
    """The parameter set ends, or cannot be one."""


class _Bits:
    """Bits from the most significant of each byte on."""

    def __init__(self, content: bytes) -> None:
        self._value = int.from_bytes(content)
        self._left = 8 * len(content)

    def take(self, count: int) -> int:
        if count > self._left:
            raise _EndedError
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def unsigned(self) -> int:
        """Return an Exp-Golomb code (14496-10 9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > _MAX_LEADING_ZEROS:
                raise _EndedError
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        code = self.unsigned()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def extent_in(first: bytes, codec: Codec) -> tuple[int, int] | None:
    """Return rows and columns by the first parameter set of an elementary stream, None without.

    Parameters
    ----------
    first : bytes
        The start of an H.264 or H.265 elementary stream.
    codec : Codec
    """
    found = (_H265 if codec is Codec.H265 else _H264).search(first)
    if found is None:
        return None
    bits = _Bits(found[1].replace(*_EMULATION_PREVENTION))
    try:
        return _h265_extent(bits) if codec is Codec.H265 else _h264_extent(bits)
    except _EndedError:
        return None


def _h264_extent(bits: _Bits) -> tuple[int, int]:
    profile = bits.take(8)
    bits.take(16)
    bits.unsigned()
    chroma = _h264_chroma(bits) if profile in _WITH_CHROMA_FORMAT else 1
    bits.unsigned()
    _skip_picture_order(bits)
    bits.unsigned()
    bits.take(1)
    columns, rows = 16 * (bits.unsigned() + 1), 16 * (bits.unsigned() + 1)
    fields = 1 if bits.take(1) else 2
    bits.take(fields)  # one flag more where fields are possible
    across, down = _SUBSAMPLING[chroma]
    return _cropped(bits, rows * fields, columns, down * fields, across)


def _h264_chroma(bits: _Bits) -> int:
    """Skip depths and scaling matrices; return chroma_format_idc."""
    chroma = bits.unsigned()
    if chroma > 3:
        raise _EndedError
    if chroma == 3:
        bits.take(1)
    bits.unsigned()
    bits.unsigned()
    bits.take(1)
    if bits.take(1):
        for number in range(12 if chroma == 3 else 8):
            if bits.take(1):
                _skip_scaling_list(bits, 16 if number < 6 else 64)
    return chroma


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last, following = 8, 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _skip_picture_order(bits: _Bits) -> None:
    kind = bits.unsigned()
    if kind == 0:
        bits.unsigned()
    elif kind == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.unsigned(), _MAX_CYCLE)):
            bits.signed()


def _h265_extent(bits: _Bits) -> tuple[int, int]:
    bits.take(4)
    layers = bits.take(3)
    bits.take(1 + _PROFILE_BITS + _LEVEL_BITS)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    bits.take(2 * (8 - layers) if layers else 0)
    for has_profile, has_level in present:
        bits.take(has_profile * _PROFILE_BITS + has_level * _LEVEL_BITS)
    bits.unsigned()
    chroma = bits.unsigned()
    if chroma > 3:
        raise _EndedError
    if chroma == 3:
        bits.take(1)
    columns, rows = bits.unsigned(), bits.unsigned()
    across, down = _SUBSAMPLING[chroma]
    return _cropped(bits, rows, columns, down, across)


def _cropped(bits: _Bits, rows: int, columns: int, down: int, across: int) -> tuple[int, int]:
    """Return rows and columns without what a cropping window takes away."""
    if bits.take(1):
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        rows -= down * (top + bottom)
        columns -= across * (left + right)
    if rows <= 0 or columns <= 0:
        raise _EndedError
    return rows, columns
