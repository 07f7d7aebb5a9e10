"""Objects to judge: a good one, and what changes it."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from struct import pack

from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.dicom_file import DicomFileLimits
from chalicelib.origin.model import InstanceKey, Verdict
from chalicelib.origin.validate import validate_object
from tests.builders_dicom import (
    JPEG_BASELINE,
    FileParts,
    Patient,
    Uids,
    element,
    fragments,
    make_file,
    make_meta,
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


def rules_of(parts: FileParts) -> set[str]:
    return Sample(parts.encode()).rules()


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


def extended(offsets: bytes, lengths: bytes | None, table: bytes = b"") -> FileParts:
    tables = [element(EXTENDED_OFFSETS, "OV", offsets)]
    if lengths is not None:
        tables.append(element(EXTENDED_LENGTHS, "OV", lengths))
    return two(*tables, table=table)


RIGHT_OFFSETS = pack("<QQ", 0, _SECOND)
