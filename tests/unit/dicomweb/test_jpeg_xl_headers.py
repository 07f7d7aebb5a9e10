"""Headers of JPEG XL: by libjxl, and by the bit (ISO/IEC 18181-1 Annex D)."""

import pytest

from chalicelib.dicomweb.codestreams import read_header

LIBJXL = (
    ("ff0a20401014370208040100cc004b188b15525c", (5, 7, 1, 8), True),
    ("ff0aba12c03f7e80a245080201001c0a0000a08c", (600, 511, 1, 16), True),
    ("ff0ac25d01417123080201182006bcd73146b752", (3001, 3001, 1, 8), True),
    ("ff0a4f7003142d020804010091334b3841b639d0", (64, 64, 1, 14), True),
    ("ff0a0ff193142d0201dc01d34f1200800a9551c6", (64, 96, 1, 16), False),
    ("ff0a8fc1a2b81108101000b9972b59899191c2c5", (64, 80, 1, 8), True),
    ("ff0a8fc14a081010008e41002b59899191c29d38", (64, 80, 3, 8), True),
    ("ff0a4fc801458b0804010059bf4b3842f54277f8", (64, 64, 1, 32), True),
    ("ff0a4f044d0020260804010035bc2b59899191c2", (64, 64, 3, 8), True),
)
"""Starts of streams by libjxl: sizes, depths, alpha, floats, animation."""


class Bits:
    """Writes bits as JPEG XL packs them."""

    def __init__(self) -> None:
        self._bits = ""

    def put(self, *pairs: tuple[int, int]) -> "Bits":
        """Append values, each with its number of bits."""
        for value, count in pairs:
            self._bits += f"{value:0{count}b}"[::-1] if count else ""
        return self

    def align(self) -> "Bits":
        self._bits += "0" * (-len(self._bits) % 8)
        return self

    def stream(self) -> bytes:
        self.align()
        octets = [self._bits[at : at + 8] for at in range(0, len(self._bits), 8)]
        return b"\xff\x0a" + bytes(int(octet[::-1], 2) for octet in octets)


YES, NO = (1, 1), (0, 1)
SIZE = (YES, (1, 5), (1, 3))
"""16 rows, ratio 1:1."""
BITS_8 = (NO, (0, 2))
SRGB = (YES,)
MODULAR_FRAME = (NO, (0, 2), YES)


def jpeg_xl(*metadata: tuple[int, int]) -> bytes:
    """A stream whose image metadata ends where its extensions begin."""
    bits = Bits().put(*SIZE, NO, *metadata, (0, 2), YES).align()
    return bits.put(*MODULAR_FRAME).stream()


@pytest.mark.parametrize(("start", "shape", "lossless"), LIBJXL)
def test_a_start_by_libjxl_is_understood(
    start: str, shape: tuple[int, ...], lossless: bool
) -> None:
    header = read_header("image/jxl", bytes.fromhex(start))
    assert (header.rows, header.columns, header.samples, header.bits) == shape
    assert header.lossless is lossless


EXTRA_FIELDS = (YES, (5, 3), YES, *SIZE, NO, YES, (0, 2), (3, 2), (9, 10), (1, 2), (5, 3), NO)
"""Orientation 6, an intrinsic size, no preview, an animation."""
SPOT = (NO, (2, 2), (0, 4), *BITS_8, (0, 2), (1, 2), (2, 4), (0x4142, 16), *[(0, 16)] * 4)
ALPHA = (NO, (0, 2), *BITS_8, (3, 2), (1, 3), (0, 2), YES)
MOSAIC = (NO, (2, 2), (3, 4), *BITS_8, (0, 2), (0, 2), (2, 2), (1, 4))
OWN_POINT = ((0, 2), (7, 19), (1, 2), (7, 19))
OWN_COLOUR = (
    *(NO, NO, (0, 2), (2, 2), (0, 4), *OWN_POINT, (2, 2), (0, 4), *OWN_POINT * 3),
    *(YES, (4, 24), (1, 2)),
)
TONE = (NO, (0, 16), (0, 16), NO, (0, 16))


def test_all_that_may_stand_before_the_frame_is_skipped() -> None:
    channels = ((2, 2), (1, 4), *SPOT, *ALPHA, *MOSAIC)
    stream = jpeg_xl(*EXTRA_FIELDS, *BITS_8, NO, *channels, NO, *OWN_COLOUR, *TONE)
    header = read_header("image/jxl", stream)
    assert (header.rows, header.columns, header.samples, header.bits) == (16, 16, 3, 8)
    assert (header.orientation, header.process, header.lossless) == (6, "modular", True)


def test_grey_and_xyb_spaces_leave_parts_out() -> None:
    grey = (NO, NO, (1, 2), (1, 2), NO, (0, 2), (0, 2))
    assert read_header("image/jxl", jpeg_xl(NO, *BITS_8, NO, (0, 2), NO, *grey)).samples == 1
    xyb = (NO, NO, (2, 2), (0, 4), (0, 2))
    header = read_header("image/jxl", jpeg_xl(NO, *BITS_8, NO, (0, 2), NO, *xyb))
    assert (header.samples, header.lossless) == (3, True)


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param((NO, *BITS_8, NO, (0, 2), NO, NO, YES, (0, 2)), id="profile"),
        pytest.param(
            (YES, (0, 3), NO, YES, NO, (0, 2), (0, 6), (1, 3), NO)
            + (*BITS_8, NO, (0, 2), NO, *SRGB, YES),
            id="preview",
        ),
        pytest.param(
            (YES, (0, 3), NO, YES, YES, (0, 2), (0, 3), (1, 2), NO)
            + (*BITS_8, NO, (0, 2), NO, *SRGB, YES),
            id="preview in eights",
        ),
    ],
)
def test_what_stands_between_makes_the_process_unknown(metadata: tuple[tuple[int, int]]) -> None:
    header = read_header("image/jxl", jpeg_xl(*metadata))
    assert (header.rows, header.process, header.lossless) == (16, "unknown", None)
    assert header.transfer_syntax is None


@pytest.mark.parametrize(
    "extensions",
    [((1, 2), (0, 4)), ((2, 2), (0, 8)), ((3, 2), (1, 12), YES, (1, 8), NO)]
    + [((3, 2), (1, 12), *((YES, (1, 8)) * 6), YES, (1, 4))],
)
def test_extensions_of_a_later_edition_are_not_read(extensions: tuple[tuple[int, int]]) -> None:
    plain = (NO, *BITS_8, NO, (0, 2), NO, *SRGB)
    stream = Bits().put(*SIZE, NO, *plain, *extensions, (0, 16)).stream()
    assert read_header("image/jxl", stream).process == "unknown"


def test_weights_of_its_own_and_a_default_frame() -> None:
    plain = (NO, *BITS_8, NO, (0, 2), NO, *SRGB, (0, 2))
    weights = Bits().put(*SIZE, NO, *plain, NO, (0, 16)).stream()
    assert read_header("image/jxl", weights).process == "unknown"
    default = Bits().put(*SIZE, NO, *plain, YES).align().put(YES).stream()
    assert read_header("image/jxl", default).process == "VarDCT"
