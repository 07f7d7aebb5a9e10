"""An instance in every transfer syntax, sent as application/dicom over HTTP and read back.

Pixel data are real codestreams, described as they are. Where no encoder is to be had, a stream
that the syntax holds too stands in (``standard.codestream_syntaxes``).
"""

import zlib
from dataclasses import dataclass
from pathlib import Path
from struct import pack

import pytest

from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES, Acceptance, Encoding
from infra.local.stack import LocalStack
from tests.builders_dicom import Uids, element, fragments, make_file, pad
from tests.end_to_end.conftest import Post

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
VIDEO_ENDOSCOPIC = "1.2.840.10008.5.1.4.1.1.77.1.1.1"
RAW = bytes(range(256)) * 64
"""128 by 128 pixels of 8 bits."""
BOUNDARY = "every-transfer-syntax"


@dataclass(frozen=True)
class Image:
    """A codestream below tests/samples, and what Image Pixel Module says of it."""

    sample: str
    rows: int = 100
    columns: int = 100
    samples: int = 3
    bits: int = 8
    photometric: bytes = b"RGB"
    frames: int = 1
    pieces: int = 1
    """Fragments that the stream is cut into."""

    def stream(self) -> bytes:
        return (SAMPLES / self.sample).read_bytes()


def grey(sample: str, bits: int = 16) -> Image:
    return Image(sample, 128, 128, 1, bits, b"MONOCHROME2")


def colour(sample: str, photometric: bytes = b"RGB") -> Image:
    return Image(sample, photometric=photometric)


def video(sample: str, rows: int, columns: int, pieces: int = 1) -> Image:
    return Image(sample, rows, columns, 3, 8, b"YBR_PARTIAL_420", 12, pieces)


CODESTREAMS = {
    "50": colour("codestreams/jpeg_baseline_ybr422.jpg", b"YBR_FULL_422"),
    "51": grey("whole/jpeg_extended_mono12.jpg", 12),
    "57": grey("whole/jpeg_lossless_p14_mono16.jpg"),
    "70": colour("codestreams/jpeg_lossless_sv1_rgb8.jpg"),
    "80": colour("codestreams/jpegls_lossless_rgb8_ilv2.jls"),
    "81": grey("whole/jpegls_near3_mono16.jls"),
    "90": grey("whole/j2k_lossless_mono16.j2k"),
    "91": colour("codestreams/j2k_lossy_rgb8_ict.j2k", b"YBR_ICT"),
    "92": grey("whole/j2k_lossless_mono16.j2k"),
    "93": Image("codestreams/jpx_part2_mct4.j2k", 128, 128, 1, 8, b"MONOCHROME2", 4),
    "201": grey("whole/htj2k_lossless_mono16.jhc"),
    "202": grey("whole/htj2k_rpcl_mono16.jhc"),
    "203": colour("codestreams/htj2k_lossy_rgb8.jhc", b"YBR_ICT"),
    "110": grey("codestreams/jxl_lossless_mono8_bare.jxl", 8),
    "111": colour("codestreams/jxl_jpeg_recompression_rgb8.jxl", b"YBR_FULL_422"),
    "112": colour("codestreams/jxl_lossy_rgb8.jxl", b"XYB"),
    "100": video("whole/mpeg2_mpml.mpg", 576, 720),
    "101": video("whole/mpeg2_mphl.mpg", 1080, 1920),
    "102": video("codestreams/h264_hp41.mp4", 720, 1280),
    "103": video("codestreams/h264_hp41_bd.mp4", 1080, 1920),
    "104": video("codestreams/h264_hp42.mp4", 1080, 1920),
    "105": video("codestreams/h264_hp42_3d.mp4", 1080, 1920),
    "106": video("codestreams/h264_hp42.mp4", 1080, 1920),
    "107": video("codestreams/hevc_main51.mp4", 720, 1280),
    "108": video("codestreams/hevc_main10_51.mp4", 720, 1280),
}
"""By the last part of the syntax's UID, below 1.2.840.10008.1.2.4."""
RLE = colour("codestreams/rle_rgb8.rle")


def raw_pixels(uid: str) -> bytes | None:
    """Return Pixel Data of the syntaxes without a codec, None where there is one."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    match uid.removeprefix("1.2.840.10008.1.2."):
        case "1.98":
            return fragments(RAW)
        case "8.1":
            return fragments(pad(deflater.compress(RAW) + deflater.flush()))
    row = TRANSFER_SYNTAXES[uid]
    inner = Encoding.EXPLICIT_LITTLE if row.encoding is Encoding.DEFLATED else row.encoding
    return None if row.encapsulated else element(0x7FE00010, "OW", RAW, encoding=inner)


def cut(stream: bytes, pieces: int) -> list[bytes]:
    """Return the stream in fragments of even length."""
    size = -(-len(stream) // (2 * pieces)) * 2
    return [pad(stream[start : start + size]) for start in range(0, len(stream), size)]


def make_instance(uid: str, uids: Uids) -> bytes:
    """Return a file in a transfer syntax whose pixel data are what its description says."""
    row = TRANSFER_SYNTAXES[uid]
    raw = raw_pixels(uid)
    if raw is not None:
        image = Image("", 128, 128, 1, 8, b"MONOCHROME2")
        file = make_file(uids, encoding=row.encoding, transfer_syntax=uid, pixels=raw)
    else:
        plain = uid.removeprefix("1.2.840.10008.1.2.4.").removesuffix(".1")
        image = RLE if uid == "1.2.840.10008.1.2.5" else CODESTREAMS[plain]
        pieces = 3 if uid.endswith(".1") else 1
        pixels = fragments(*cut(image.stream(), pieces))
        file = make_file(uids, transfer_syntax=uid, pixels=pixels)
    return file.with_elements(*describe(image, row.encoding)).encode()


def describe(image: Image, encoding: Encoding) -> list[bytes]:
    """Return the elements of Image Pixel Description Macro."""
    inner = Encoding.EXPLICIT_LITTLE if encoding is Encoding.DEFLATED else encoding
    order = ">" if encoding is Encoding.EXPLICIT_BIG else "<"
    numbers = {
        0x00280002: image.samples,
        0x00280010: image.rows,
        0x00280011: image.columns,
        0x00280100: 8 if image.bits == 8 else 16,
        0x00280101: image.bits,
        0x00280102: image.bits - 1,
        **({0x00280006: 0} if image.samples > 1 else {}),
    }
    described = [
        element(tag, "US", pack(f"{order}H", number), encoding=inner)
        for tag, number in numbers.items()
    ]
    described.append(element(0x00280004, "CS", pad(image.photometric, b" "), encoding=inner))
    if image.frames > 1:
        frames = pad(str(image.frames), b" ")
        described.append(element(0x00280008, "IS", frames, encoding=inner))
    return described


def send(post: Post, partition: str, *files: bytes) -> tuple[int, dict[str, object]]:
    parts = (
        b"--%s\r\nContent-Type: application/dicom\r\n\r\n%s\r\n" % (BOUNDARY.encode(), file)
        for file in files
    )
    answer = post(
        f"/partitions/{partition}/studies",
        b"".join(parts) + b"--%s--\r\n" % BOUNDARY.encode(),
        {
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}',
            "Accept": "application/dicom+json",
        },
    )
    return answer.status, answer.json()


def by_acceptance(*wanted: Acceptance, claim: str) -> list[object]:
    return [
        pytest.param(uid, marks=pytest.mark.proves(f"{claim}:{uid}"), id=uid)
        for uid, row in TRANSFER_SYNTAXES.items()
        if row.acceptance in wanted
    ]


@pytest.mark.parametrize(
    "uid", by_acceptance(Acceptance.ACCEPTED, Acceptance.TOLERATED, claim="instance")
)
def test_an_instance_is_stored_as_it_came(
    local_stack: LocalStack, post: Post, partition: str, uid: str
) -> None:
    is_video = "YBR_PARTIAL" in str(CODESTREAMS.get(uid.split(".4.")[-1].removesuffix(".1")))
    sop_class = VIDEO_ENDOSCOPIC if is_video else SECONDARY_CAPTURE
    uids = Uids(f"{uid}.1", f"{uid}.2", f"{uid}.3", sop_class)
    file = make_instance(uid, uids)

    status, module = send(post, partition, file)

    assert status == 200
    [stored] = module["00081199"]["Value"]  # type: ignore[index]
    assert stored["00081155"]["Value"] == [uids.instance]
    kept = local_stack.clients.s3.get_object(
        Bucket=local_stack.bucket, Key=f"{partition}/instances/{uids.instance}.dcm"
    )
    assert kept["Body"].read() == file


@pytest.mark.parametrize("uid", by_acceptance(Acceptance.REFUSED, claim="refused"))
def test_other_syntaxes_are_refused_by_their_own_reason(
    post: Post, partition: str, uid: str
) -> None:
    uids = Uids(f"{uid}.1", f"{uid}.2", f"{uid}.3", SECONDARY_CAPTURE)
    file = make_file(uids, transfer_syntax=uid).encode()

    status, module = send(post, partition, file)

    assert status == 409
    [failed] = module["00081198"]["Value"]  # type: ignore[index]
    assert failed["00081155"]["Value"] == [uids.instance]
    assert failed["00081197"]["Value"] == [0xC122]
