"""Bulkdata whose headers lie, and locations that are none."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from struct import pack
from zlib import compress, crc32

from PIL import Image

from chalicelib.standard.reasons import FailureReason as F
from tests.hostile_metadata.hostile import CANARY, Hostile, good_attributes, metadata_message
from tests.representations import Part, Reference, json_metadata, pixel_attributes

SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "codestreams"
OCTETS = "application/octet-stream"
UNREADABLE, UNSUPPORTED = F.CANNOT_UNDERSTAND, F.TRANSFER_SYNTAX_NOT_SUPPORTED
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def chunk(kind: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + kind + content + pack(">I", crc32(kind + content))


def png(columns: int, rows: int, data: bytes, *more: bytes) -> bytes:
    header = chunk(b"IHDR", pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0))
    return SIGNATURE + header + b"".join(more) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def gif() -> bytes:
    target = BytesIO()
    Image.new("P", (8, 8)).save(target, "GIF")
    return target.getvalue()


def box(kind: bytes, content: bytes, length: int | None = None) -> bytes:
    return pack(">I", 8 + len(content) if length is None else length) + kind + content


JPEG, J2K = sample("jpeg_baseline_mono8.jpg"), sample("j2k_lossless_mono16.j2k")
MP4 = sample("h264_hp41.mp4")
FTYP = box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41")

STREAMS: tuple[tuple[str, str, bytes, F], ...] = (
    ("a JPEG cut in its header", "image/jpeg", JPEG[:100], UNREADABLE),
    ("a JPEG whose segment is endless", "image/jpeg", JPEG[:2] + b"\xff\xe0\xff\xff", UNREADABLE),
    ("a JPEG of fill bytes", "image/jpeg", b"\xff\xd8" + b"\xff" * 200_000, UNREADABLE),
    ("a JPEG of empty segments", "image/jpeg", b"\xff\xd8" + b"\xff\xe0\0\2" * 50_000, UNREADABLE),
    ("a JPEG of 0 components", "image/jpeg", b"\xff\xd8\xff\xc0\0\x08\x08\0\1\0\1\0", UNREADABLE),
    ("a JPEG 2000 cut in its header", "image/jp2", J2K[:40], UNREADABLE),
    ("a JPEG 2000 without extent", "image/jp2", J2K[:8] + bytes(16) + J2K[24:], UNREADABLE),
    ("boxes inside a box of itself", "image/jp2", b"\0\0\0\x0cjP  \r\n\x87\n" + box(
        b"jp2h", b"", 0) * 1000, UNREADABLE),
    ("an endless box", "image/jp2", b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\1jp2c" + b"\xff" * 8,
     UNREADABLE),
    ("a JPEG XL of nothing", "image/jxl", b"\xff\x0a", UNREADABLE),
    ("a JPEG XL cut in its header", "image/jxl", b"\xff\x0a\0\0", UNREADABLE),
    ("a GIF cut", "image/gif", gif()[:-6], UNREADABLE),
    ("a GIF of 65535 by 65535", "image/gif", b"GIF89a" + b"\xff" * 4 + bytes(20),
     F.INFLATES_TOO_LARGE),
    ("a PNG cut", "image/png", png(8, 8, compress(bytes(72))[:4]), UNREADABLE),
    ("a PNG without data", "image/png", SIGNATURE + chunk(b"IHDR", bytes(13)), UNREADABLE),
    ("a PNG with text that inflates", "image/png", png(8, 8, compress(bytes(72)), chunk(
        b"zTXt", b"c\0\0" + compress(bytes(80_000_000)))), UNREADABLE),
    ("a PNG that claims 16 GB", "image/png", png(131_072, 131_072, compress(bytes(10))),
     F.INFLATES_TOO_LARGE),
    ("an MP4 of nothing", "video/mp4", b"", UNREADABLE),
    ("an MP4 without tracks", "video/mp4", FTYP + box(b"moov", b""), UNSUPPORTED),
    ("an MP4 with an endless box", "video/mp4", FTYP + box(b"moov", b"", 0xFFFFFFFF), UNSUPPORTED),
    ("an MP4 of 100,000 boxes", "video/mp4", FTYP + box(b"free", b"") * 100_000, UNREADABLE),
    ("an MP4 1,000 deep", "video/mp4", FTYP + b"\0\0\xff\xffmoov" * 1000, UNSUPPORTED),
    ("an MPEG of nothing", "video/mpeg", bytes(10_000), UNREADABLE),
)  # fmt: skip

DESCRIBED: tuple[tuple[str, str, bytes, F], ...] = (
    ("RLE of 16 segments", "image/dicom-rle", pack("<16I", 16, *range(64, 79)), UNREADABLE),
    ("RLE that starts before itself", "image/dicom-rle", pack("<16I", 1, 3, *[0] * 14), UNREADABLE),
    ("RLE cut", "image/dicom-rle", bytes(10), UNREADABLE),
    ("a JPEG-LS cut", "image/jls", b"\xff\xd8\xff\xf7\0", UNREADABLE),
    ("a high throughput JPEG that is none", "image/jphc", J2K[:300], F.DATA_SET_MISMATCH),
    ("octets by the million", OCTETS, bytes(1_000_000), F.DATA_SET_MISMATCH),
)


def cases() -> Iterator[Hostile]:
    for title, media_type, content, reason in (*STREAMS, *DESCRIBED):
        name = f"bulkdata: {title}"
        metadata = good_attributes(name) | {0x7FE00010: ("OB", Reference("p"))}
        if (title, media_type, content, reason) in DESCRIBED:
            metadata |= pixel_attributes(4, 8)
        yield Hostile(
            name,
            metadata_message("json", json_metadata([metadata]), Part(content, media_type, "p")),
            409,
            reason,
        )
    yield from locations()


LOCATIONS = {
    "of dots": "../../../../../../etc/passwd",
    "with a port that is none": "http://host:99999999/a",
    "of brackets": "http://[::1",
    "of percent signs": "%%%zz%0",
    "with 4,000 characters": "a/" * 2000,
    "of the patient": CANARY,
    "with spaces": f"a b {CANARY}",
    "with a fragment that is a frame": "#frame=1",
    "of a million frames": "p/frames/999999",
}


def locations() -> Iterator[Hostile]:
    """References and locations that are equal are met, whatever they look like."""
    for title, location in LOCATIONS.items():
        name = f"location: {title}"
        metadata = good_attributes(name) | {0x00282000: ("OB", Reference(location))}
        part = Part(b"\0\1", OCTETS, location)
        yield Hostile(name, metadata_message("json", json_metadata([metadata]), part), 200)
