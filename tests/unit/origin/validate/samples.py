"""One object for each rule, wrong in that alone as far as one can be, and a good one."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from struct import pack

from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.dicom_file import DicomFileLimits
from chalicelib.dicomweb.structure import StructureLimits
from chalicelib.origin.model import InstanceKey, Verdict
from chalicelib.origin.validate import validate_object
from tests.builders_dicom import (
    BIG,
    DEFLATED,
    EXPLICIT_LITTLE_UID,
    JPEG_BASELINE,
    PATIENT_NAME,
    PIXEL_DATA,
    SOP_CLASS_UID,
    STUDY_DATE,
    STUDY_INSTANCE_UID,
    FileParts,
    Patient,
    Uids,
    deflate,
    element,
    fragments,
    make_file,
    make_meta,
    nested,
)

CANARY = b"Canary^Carla"
UIDS = Uids.of("validation")
KEY = InstanceKey("default", UIDS.study, UIDS.series, UIDS.instance)
CODESTREAMS = Path(__file__).parents[3] / "samples" / "codestreams"
SYNTAX = "1.2.840.10008.1.2.4."
RLE, DEFLATED_FRAMES = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1"
UNCOMPRESSED_FRAMES = "1.2.840.10008.1.2.1.98"
ROWS, COLUMNS, PER_PIXEL, PHOTOMETRIC = 0x00280010, 0x00280011, 0x00280002, 0x00280004
PLANAR, FRAMES = 0x00280006, 0x00280008
ALLOCATED, STORED, HIGH_BIT, SIGN = 0x00280100, 0x00280101, 0x00280102, 0x00280103
DESCRIPTION = 0x00081030
CHARACTER_SET = 0x00080005
LOSSY = 0x00282110
EXTENDED_OFFSETS, EXTENDED_LENGTHS = 0x7FE00001, 0x7FE00002


@dataclass(frozen=True)
class Sample:
    """Bytes to judge, and what they are judged under."""

    content: bytes
    key: InstanceKey = KEY
    limits: DicomFileLimits = field(default_factory=DicomFileLimits)

    def verdict(self) -> Verdict:
        return validate_object(MemorySource(self.content), self.key, "00", self.limits)

    def rules(self) -> set[str]:
        return {finding.rule for finding in self.verdict().findings}


def codestream(name: str) -> bytes:
    return (CODESTREAMS / name).read_bytes()


def us(tag: int, value: int) -> bytes:
    return element(tag, "US", pack("<H", value))


def cs(tag: int, value: bytes) -> bytes:
    return element(tag, "CS", value + b" " * (len(value) % 2))


def good(*changed: bytes | int) -> FileParts:
    """A complete image without a finding; changed as asked."""
    complete = make_file(UIDS, Patient(name=CANARY)).with_elements(
        element(0x00080030, "TM", b"120000"),
        element(0x00080090, "PN", CANARY),
        element(0x00100040, "CS", b"F "),
        element(0x00200010, "SH", b"7 "),
        element(0x00200011, "IS", b"1 "),
    )
    return complete.with_elements(*changed)


def of_syntax(parts: FileParts, syntax: str) -> FileParts:
    return replace(parts, meta=make_meta(UIDS, syntax))


def described(
    *, rows: int = 4, columns: int = 4, samples: int = 1, bits: int = 8, stored: int | None = None
) -> tuple[bytes, ...]:
    stored = stored or bits
    colour = b"MONOCHROME2" if samples == 1 else b"RGB"
    return (
        us(ROWS, rows),
        us(COLUMNS, columns),
        us(PER_PIXEL, samples),
        cs(PHOTOMETRIC, colour),
        us(ALLOCATED, bits),
        us(STORED, stored),
        us(HIGH_BIT, stored - 1),
        *((us(PLANAR, 0),) if samples > 1 else ()),
    )


def encapsulated(
    syntax: str, *frames: bytes, table: bytes = b"", changed: tuple[bytes | int, ...] = ()
) -> FileParts:
    """An image whose frames are fragments, one each; its attributes are those of ``good``."""
    even = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    number = element(FRAMES, "IS", f"{len(frames) or 1:<2}".encode())
    parts = good(fragments(*even, offset_table=table), cs(LOSSY, b"01"), number, *changed)
    return of_syntax(parts, syntax)


def jpeg(*frames: bytes, table: bytes = b"", changed: tuple[bytes | int, ...] = ()) -> FileParts:
    """JPEG baseline of 128 by 128 pixels; ``frames`` are fragments, one frame unless changed."""
    described_first = (*described(rows=128, columns=128), *changed)
    return encapsulated(JPEG_BASELINE, *frames, table=table, changed=described_first)


def of_codestream(name: str, syntax: str, *changed: bytes | int, **shape: int) -> FileParts:
    """One frame that is a sample, described truly but for what is changed."""
    content = codestream(name)
    return encapsulated(syntax, content, changed=(*described(**shape), *changed))


MONO16 = {"rows": 128, "columns": 128, "bits": 16}
RGB8 = {"rows": 100, "columns": 100, "samples": 3}
JPEG_FRAME = codestream("jpeg_baseline_mono8.jpg")
TWO_FRAMES = element(FRAMES, "IS", b"2 ")
_SECOND = len(JPEG_FRAME) + len(JPEG_FRAME) % 2 + 8
RIGHT_TABLE = pack("<II", 0, _SECOND)
RIGHT_LENGTHS = pack("<QQ", len(JPEG_FRAME), len(JPEG_FRAME))


def two(*changed: bytes | int, table: bytes = b"") -> FileParts:
    """Two JPEG frames."""
    return jpeg(JPEG_FRAME, JPEG_FRAME, table=table, changed=changed)


def with_exif(frame: bytes, orientation: int) -> bytes:
    """A JPEG with an EXIF segment right behind its start."""
    directory = pack("<HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    payload = b"Exif\0\0II*\0" + pack("<I", 8) + directory
    return frame[:2] + b"\xff\xe1" + pack(">H", len(payload) + 2) + payload + frame[2:]


def patched(content: bytes, at: bytes, offset: int, new: bytes) -> bytes:
    """Bytes changed at an offset behind the first place of a marker."""
    start = content.index(at) + offset
    return content[:start] + new + content[start + len(new) :]


def _small(**limits: int) -> DicomFileLimits:
    return DicomFileLimits(structure=StructureLimits(**limits))


def _without_syntax() -> FileParts:
    return good().with_meta(0x00020010)


def _refused() -> FileParts:
    return of_syntax(good(), SYNTAX + "94")


def _another(tag: int, uid: str) -> FileParts:
    return good().with_meta(element(tag, "UI", uid.encode() + b"\0" * (len(uid) % 2)))


def _repeated_uid() -> FileParts:
    one = good().elements[STUDY_INSTANCE_UID]
    return good(one + one)


def _palette() -> FileParts:
    return good(cs(PHOTOMETRIC, b"PALETTE COLOR"))


def _rgb() -> FileParts:
    pixels = element(PIXEL_DATA, "OW", bytes(48))
    return good(us(PER_PIXEL, 3), cs(PHOTOMETRIC, b"RGB"), pixels)


def extended(offsets: bytes, lengths: bytes | None, table: bytes = b"") -> FileParts:
    tables = [element(EXTENDED_OFFSETS, "OV", offsets)]
    if lengths is not None:
        tables.append(element(EXTENDED_LENGTHS, "OV", lengths))
    return two(*tables, table=table)


RIGHT_OFFSETS = pack("<QQ", 0, _SECOND)
_UTF8 = cs(CHARACTER_SET, b"ISO_IR 192")
_J2K, _BOXED = codestream("j2k_lossless_mono16.j2k"), "j2k_lossless_mono16.jp2"
_SIGNED_J2K = patched(_J2K, b"\xff\x51", 4 + 36, b"\x8f")
_VIDEO = codestream("h264_hp41.mp4")
_HD = {"rows": 720, "columns": 1280, "samples": 3}

PARTS: dict[str, Callable[[], FileParts]] = {
    "executable-preamble": lambda: replace(good(), preamble=b"MZ" + bytes(126)),
    "executable-document": lambda: good(element(0x00420011, "OB", b"\x7fELF" + CANARY)),
    "file-meta-unreadable": _without_syntax,
    "transfer-syntax-unknown": lambda: of_syntax(good(), "1.2.3.4"),
    "transfer-syntax-refused": _refused,
    "malformed-structure": lambda: good().with_tail(bytes.fromhex("E17F1000010200000000")),
    "nested-too-deep": lambda: good(nested(33, undefined=True)),
    "uid-missing": lambda: good(STUDY_INSTANCE_UID),
    "uid-invalid": lambda: good(element(STUDY_INSTANCE_UID, "UI", CANARY)),
    "uid-repeated": _repeated_uid,
    "file-meta-another-class": lambda: _another(0x00020002, "1.2.840.10008.5.1.4.1.1.4"),
    "file-meta-another-instance": lambda: _another(0x00020003, "1.2.3"),
    "not-a-storage-class": lambda: good(element(SOP_CLASS_UID, "UI", b"1.2.840.10008.1.1\0")),
    "pixel-attribute-missing": lambda: good(STORED),
    "pixel-attribute-impossible": lambda: good(us(STORED, 9)),
    "pixel-attribute-unusual": lambda: good(us(HIGH_BIT, 15)),
    "photometric-unknown": lambda: good(cs(PHOTOMETRIC, b"CANARY")),
    "palette-missing": _palette,
    "planar-configuration-missing": _rgb,
    "number-of-frames-invalid": lambda: good(element(FRAMES, "IS", b"0 ")),
    "pixel-data-missing": lambda: good(PIXEL_DATA),
    "pixel-data-short": lambda: good(element(PIXEL_DATA, "OW", bytes(14))),
    "pixel-data-long": lambda: good(element(PIXEL_DATA, "OW", bytes(18))),
    "pixel-data-vr": lambda: good(
        element(PIXEL_DATA, "OB", bytes(32)), *described(bits=16, stored=16)
    ),
    "native-pixel-data": lambda: of_syntax(good(), JPEG_BASELINE),
    "encapsulated-pixel-data": lambda: of_syntax(jpeg(JPEG_FRAME), EXPLICIT_LITTLE_UID),
    "fragments-missing": jpeg,
    "fragments-too-few": lambda: jpeg(JPEG_FRAME, changed=(TWO_FRAMES,)),
    "fragments-per-frame": lambda: encapsulated(
        RLE, codestream("rle_rgb8.rle"), b"\0\0", changed=(*described(**RGB8), FRAMES)
    ),
    "fragments-of-video": lambda: encapsulated(
        SYNTAX + "102", _VIDEO[:4000], _VIDEO[4000:], changed=described(**_HD)
    ),
    "fragment-odd": lambda: jpeg(changed=(fragments(JPEG_FRAME + b"\0", JPEG_FRAME[:101]),)),
    "frame-boundaries-unknown": lambda: jpeg(JPEG_FRAME, b"\0\0", b"\0\0", changed=(TWO_FRAMES,)),
    "offset-table-count": lambda: two(table=RIGHT_TABLE[:4]),
    "offset-table-target": lambda: two(table=pack("<II", 0, _SECOND + 2)),
    "offset-tables-two": lambda: extended(RIGHT_OFFSETS, RIGHT_LENGTHS, RIGHT_TABLE),
    "extended-offsets-misplaced": lambda: good(element(EXTENDED_OFFSETS, "OV", bytes(8))),
    "extended-offsets-lengths": lambda: extended(RIGHT_OFFSETS, None),
    "codestream-unreadable": lambda: jpeg(_J2K),
    "codestream-not-reached": lambda: jpeg(
        JPEG_FRAME[:2] + (b"\xff\xe2\xff\xff" + bytes(0xFFFD)) * 2 + JPEG_FRAME[2:]
    ),
    "codestream-not-of-syntax": lambda: jpeg(patched(JPEG_FRAME, b"\xff\xc0", 1, b"\xc2")),
    "codestream-size": lambda: jpeg(JPEG_FRAME, changed=(us(ROWS, 127),)),
    "codestream-samples": lambda: jpeg(
        codestream("jpeg_baseline_rgb.jpg"), changed=described(rows=100, columns=100)
    ),
    "codestream-precision": lambda: of_codestream(
        "jpeg_extended_mono12.jpg", SYNTAX + "51", rows=128, columns=128, bits=8
    ),
    "codestream-below-bits-stored": lambda: of_codestream(
        "jpeg_extended_mono12.jpg", SYNTAX + "51", **MONO16
    ),
    "codestream-above-bits-stored": lambda: of_codestream(
        "jpeg_lossless_sv1_mono16.jpg", SYNTAX + "70", **MONO16, stored=12
    ),
    "codestream-sign": lambda: encapsulated(
        SYNTAX + "90", _SIGNED_J2K, changed=described(**MONO16)
    ),
    "codestream-colour": lambda: of_codestream("jpeg_baseline_ybr422.jpg", JPEG_BASELINE, **RGB8),
    "codestream-lossy": lambda: of_codestream("jpegls_near3_mono16.jls", SYNTAX + "80", **MONO16),
    "codestream-boxed": lambda: of_codestream(_BOXED, SYNTAX + "90", **MONO16),
    "codestream-not-rpcl": lambda: of_codestream(
        "htj2k_lossless_mono16.jhc", SYNTAX + "202", **MONO16
    ),
    "rle-segments": lambda: of_codestream("rle_rgb8.rle", RLE, rows=100, columns=100),
    "exif-orientation": lambda: jpeg(with_exif(JPEG_FRAME, 6)),
    "lossy-denied": lambda: jpeg(JPEG_FRAME, changed=(cs(LOSSY, b"00"),)),
    "lossy-undeclared": lambda: jpeg(JPEG_FRAME, changed=(LOSSY,)),
    "value-grammar": lambda: good(element(STUDY_DATE, "DA", b"20261301")),
    "value-length": lambda: good(element(DESCRIPTION, "LO", CANARY * 6)),
    "value-bytes": lambda: good(element(0x00189073, "FD", bytes(6))),
    "value-multiplicity": lambda: good(element(ROWS, "US", b"\4\0\4\0")),
    "value-padding": lambda: good(element(DESCRIPTION, "LO", CANARY + b"x\0")),
    "person-name": lambda: good(element(PATIENT_NAME, "PN", CANARY + b"^c^d^e^f")),
    "control-character": lambda: good(element(DESCRIPTION, "LO", CANARY + b"\r\n")),
    "character-set-unknown": lambda: good(cs(CHARACTER_SET, b"ISO_IR 999")),
    "character-set-missing": lambda: good(CHARACTER_SET, _latin(CANARY)),
    "text-undecodable": lambda: good(_UTF8, _latin(CANARY)),
    "values-not-read": lambda: good(element(0x0040A160, "UT", b"x" * 65538)),
    "document-not-of-type": lambda: good(
        element(0x00420011, "OB", CANARY), element(0x00420012, "LO", b"application/pdf ")
    ),
    "vr-unknown": lambda: good(element(DESCRIPTION, "UN", CANARY).replace(b"UN", b"ZZ")),
    "vr-differs": lambda: good(element(DESCRIPTION, "SH", b"x ")),
    "vr-un": lambda: good(element(DESCRIPTION, "UN", CANARY)),
    "element-unknown": lambda: good(element(0x00100FFE, "LO", CANARY)),
    "element-misplaced": lambda: good(element(0x00090002, "LO", CANARY)),
    "element-repeated": lambda: good(element(DESCRIPTION, "LO", b"x ") * 2),
    "element-unordered": lambda: good().with_tail(element(DESCRIPTION, "LO", CANARY)),
    "element-odd": lambda: good(element(DESCRIPTION, "LO", CANARY + b"x")),
    "group-length": lambda: good(element(0x00100000, "UL", bytes(4))),
    "private-without-creator": lambda: good(element(0x00091001, "LO", CANARY)),
    "attribute-missing": lambda: good(0x00080090),
    "attribute-empty": lambda: good(element(0x00080060, "CS")),
    "preamble-unusual": lambda: replace(good(), preamble=CANARY.ljust(128, b"\0")),
    "file-meta-incomplete": lambda: good().with_meta(0x00020012),
    "file-meta-length": lambda: replace(good(), group_length=7),
    "transfer-syntax-tolerated": lambda: make_file(UIDS, encoding=BIG),
    "trailing-zeros": lambda: good().with_tail(bytes(64)),
}


def _latin(value: bytes) -> bytes:
    return element(DESCRIPTION, "LO", value + b"\xe9\xe8")


def _deflated_bomb() -> Sample:
    head = replace(good(), encoding=DEFLATED, meta=make_meta(UIDS, EXPLICIT_LITTLE_UID + ".99"))
    content = head.head() + deflate(bytes(100_000))
    return Sample(content, limits=DicomFileLimits(max_inflated_bytes=1000))


SAMPLES: dict[str, Callable[[], Sample]] = {
    **{rule: lambda make=make: Sample(make().bytes()) for rule, make in PARTS.items()},  # type: ignore[misc]
    "not-a-dicom-file": lambda: Sample(CANARY * 20),
    "truncated": lambda: Sample(good().bytes()[:-3]),
    "too-many-elements": lambda: Sample(good().bytes(), limits=_small(max_elements=5)),
    "inflates-too-large": _deflated_bomb,
    "filed-under-another-uid": lambda: Sample(good().bytes(), replace(KEY, series="1.2.9")),
}
