"""GIF and PNG of every kind, with the pixels that they hold."""

from dataclasses import dataclass
from io import BytesIO
from struct import pack
from zlib import compress, crc32

from PIL import Image as Picture


def encoded(picture: Picture.Image, kind: str, **options: object) -> bytes:
    target = BytesIO()
    picture.save(target, kind, **options)  # type: ignore[arg-type]
    return target.getvalue()


def png(
    columns: int, rows: int, bits: int, colour: int, lines: bytes, interlaced: int = 0
) -> bytes:
    """A PNG by its chunks (PNG 11.2): no library writes all kinds."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return pack(">I", len(content)) + kind + content + pack(">I", crc32(kind + content))

    header = pack(">IIBBBBB", columns, rows, bits, colour, 0, 0, interlaced)
    chunks = (
        chunk(b"IHDR", header),
        chunk(b"IDAT", compress(lines)),
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def lines_of(content: bytes, length: int) -> bytes:
    """Rows without a filter (PNG 9.2)."""
    return b"".join(
        b"\0" + content[start : start + length] for start in range(0, len(content), length)
    )


GREYS = bytes(range(0, 256, 8))
"""4 rows of 8 pixels."""
COLOURS = bytes(value for grey in GREYS for value in (grey, 255 - grey, 7))
ADAM7 = (
    b"".join(
        b"\0" + bytes(GREYS[row * 8 + column] for column in range(left, 8, right))
        for top, down, left, right in (
            (0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4),
            (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1),
        )
        for row in range(top, 4, down)
    )
)  # fmt: skip


def of_levels(bits: int) -> tuple[bytes, bytes]:
    """A PNG of few levels, 4 rows of 8 pixels, and its pixels spread over 8 bits."""
    most = (1 << bits) - 1
    levels = [number & most for number in range(32)]
    packed = bytes(
        int("".join(f"{one:0{bits}b}" for one in levels[start : start + 8 // bits]), 2)
        for start in range(0, 32, 8 // bits)
    )
    return (
        png(8, 4, bits, 0, lines_of(packed, bits)),
        bytes(level * 255 // most for level in levels),
    )


@dataclass(frozen=True)
class Drawn:
    """A picture, and the pixels it has to become."""

    media_type: str
    content: bytes
    pixels: bytes
    samples: int = 1
    bits: int = 8
    frames: int = 0


def with_palette(pixels: bytes) -> Picture.Image:
    picture = Picture.frombytes("P", (8, 4), bytes(range(32)))
    picture.putpalette(pixels)
    return picture


def animated() -> tuple[bytes, bytes]:
    """Three frames of which the later ones change a corner only, and all their pixels."""
    frames = []
    canvas = bytearray(COLOURS)
    for number in range(3):
        canvas[3 * number : 3 * number + 3] = b"\xff\x00\x00"
        frames.append(bytes(canvas))
    first, *others = (with_colours(frame) for frame in frames)
    content = encoded(first, "GIF", save_all=True, append_images=others, duration=40, loop=0)
    return content, b"".join(frames)


def with_colours(pixels: bytes) -> Picture.Image:
    """A picture with a palette of the colours it has."""
    colours = sorted({pixels[start : start + 3] for start in range(0, len(pixels), 3)})
    picture = Picture.new("P", (8, 4))
    picture.putpalette(b"".join(colours))
    picture.putdata(
        [colours.index(pixels[start : start + 3]) for start in range(0, len(pixels), 3)]
    )
    return picture


WIDE = b"".join(pack(">H", number * 2047) for number in range(32))
RGB_PICTURE = Picture.frombytes("RGB", (8, 4), COLOURS)
ALPHA = Picture.frombytes("L", (8, 4), GREYS)
OPAQUE_GREYS = Picture.frombytes("L", (8, 4), GREYS)


def drawn_with_alpha(picture: Picture.Image) -> bytes:
    copy = picture.copy()
    copy.putalpha(ALPHA)
    return encoded(copy, "PNG")


PICTURES = {
    "png of 1 bit": Drawn("image/png", *of_levels(1)),
    "png of 2 bits": Drawn("image/png", *of_levels(2)),
    "png of 4 bits": Drawn("image/png", *of_levels(4)),
    "png of 8 bits": Drawn("image/png", png(8, 4, 8, 0, lines_of(GREYS, 8)), GREYS),
    "png of 16 bits": Drawn(
        "image/png",
        png(8, 4, 16, 0, lines_of(WIDE, 16)),
        b"".join(WIDE[at + 1 : at + 2] + WIDE[at : at + 1] for at in range(0, 64, 2)),
        bits=16,
    ),
    "png of colour": Drawn("image/png", encoded(RGB_PICTURE, "PNG"), COLOURS, 3),
    "png with a palette": Drawn("image/png", encoded(with_palette(COLOURS), "PNG"), COLOURS, 3),
    "png with alpha": Drawn("image/png", drawn_with_alpha(RGB_PICTURE), COLOURS, 3),
    "png of greys with alpha": Drawn("image/png", drawn_with_alpha(OPAQUE_GREYS), GREYS),
    "png interlaced": Drawn("image/png", png(8, 4, 8, 0, ADAM7, 1), GREYS),
    "gif with a palette": Drawn("image/gif", encoded(with_palette(COLOURS), "GIF"), COLOURS, 3),
    "gif animated": Drawn("image/gif", *animated(), 3, frames=3),
}
