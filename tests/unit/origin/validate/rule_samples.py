"""One object for each rule, wrong in that alone as far as one can be."""

from collections.abc import Callable
from dataclasses import replace
from struct import pack

from chalicelib.dicomweb.dicom_file import DicomFileLimits
from chalicelib.dicomweb.structure import StructureLimits
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
    deflate,
    element,
    fragments,
    make_file,
    make_meta,
    nested,
)
from tests.unit.origin.validate.samples import (
    _SECOND,
    CANARY,
    CHARACTER_SET,
    DESCRIPTION,
    EXTENDED_OFFSETS,
    FRAMES,
    HIGH_BIT,
    JPEG_FRAME,
    KEY,
    LOSSY,
    MONO16,
    PER_PIXEL,
    PHOTOMETRIC,
    RGB8,
    RIGHT_LENGTHS,
    RIGHT_OFFSETS,
    RIGHT_TABLE,
    RLE,
    ROWS,
    STORED,
    SYNTAX,
    TWO_FRAMES,
    UIDS,
    Sample,
    codestream,
    cs,
    described,
    encapsulated,
    extended,
    good,
    jpeg,
    of_codestream,
    of_syntax,
    patched,
    two,
    us,
    with_exif,
)


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
    **{rule: lambda make=make: Sample(make().encode()) for rule, make in PARTS.items()},  # type: ignore[misc]
    "not-a-dicom-file": lambda: Sample(CANARY * 20),
    "truncated": lambda: Sample(good().encode()[:-3]),
    "too-many-elements": lambda: Sample(good().encode(), limits=_small(max_elements=5)),
    "inflates-too-large": _deflated_bomb,
    "filed-under-another-uid": lambda: Sample(good().encode(), replace(KEY, series="1.2.9")),
}
