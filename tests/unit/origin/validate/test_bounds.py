"""Whatever the bytes are: a verdict, bounded, without an exception."""

import tracemalloc
from functools import cache
from pathlib import Path
from struct import pack

import pydicom.data
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.dicomweb.byte_source import MemorySource, RangeSource
from chalicelib.dicomweb.dicom_file import DicomFileLimits
from chalicelib.dicomweb.structure import StructureLimits
from chalicelib.origin.model import Severity, Verdict
from chalicelib.origin.validate import validate_object
from chalicelib.origin.validate.findings import MAX_FINDINGS, MAX_FINDINGS_OF_A_RULE
from tests.builders_dicom import element, fragments, item, sequence
from tests.unit.origin.validate.rule_samples import SAMPLES
from tests.unit.origin.validate.samples import (
    FRAMES,
    JPEG_FRAME,
    KEY,
    Sample,
    good,
    jpeg,
)

WINDOW = 1 << 20
MIB = 1 << 20
REAL = (
    *("CT_small", "JPEG2000", "MR_small_RLE", "SC_rgb_rle_2frame", "JPEGLSNearLossless_08"),
    *("MR_small_implicit", "MR_small_expb", "reportsi", "rtplan", "nested_priv_SQ", "image_dfl"),
)
QUIET = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@cache
def real(name: str) -> bytes:
    root = Path(pydicom.data.__file__).parent / "test_files"
    return (root / f"{name}.dcm").read_bytes()


def verdict_on(content: bytes) -> Verdict:
    return validate_object(MemorySource(content), KEY, "00")


# ---------------------------------------------------------------- any bytes


@QUIET
@given(st.binary(max_size=300))
def test_any_bytes_get_a_verdict(content: bytes) -> None:
    assert verdict_on(content).worst is Severity.ERROR


@QUIET
@given(st.binary(max_size=300))
def test_any_data_set_gets_a_verdict(content: bytes) -> None:
    verdict_on(good().head() + content)


@QUIET
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_any_change_to_a_sample_gets_a_verdict(rule: str, data: st.DataObject) -> None:
    content = bytearray(SAMPLES[rule]().content[:20_000])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + 1] = data.draw(st.binary(max_size=4))
    verdict_on(bytes(content))


@QUIET
@given(st.sampled_from(REAL), st.data())
def test_any_change_to_a_real_file_gets_a_verdict(name: str, data: st.DataObject) -> None:
    content = bytearray(real(name))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(content), 4000) - 1))
        content[at : at + 1] = data.draw(st.binary(max_size=4))
    verdict_on(bytes(content))


@QUIET
@given(st.binary(max_size=400), st.sampled_from(["50", "80", "90", "110", "100", "102", "107"]))
def test_any_fragment_gets_a_verdict(content: bytes, suffix: str) -> None:
    parts = jpeg(content)
    head = parts.encode().replace(b"1.2.4.50", b"1.2.4." + suffix.encode().ljust(2)[:2])
    verdict_on(head)


@pytest.mark.parametrize("name", ["CT_small", "SC_rgb_rle_2frame"])
def test_a_file_cut_anywhere_gets_a_verdict(name: str) -> None:
    content = real(name)
    for size in range(0, min(len(content), 3000), 7):
        assert verdict_on(content[:size]).worst is Severity.ERROR


# ---------------------------------------------------------------- findings


def test_a_rule_leaves_room_for_others() -> None:
    groups = range(0x0009, 0x0609, 2)
    private = b"".join(element(group << 16 | 0x1001, "LO", b"x ") for group in groups)
    verdict = verdict_on(good(private).encode()[:-3])
    kept = [one.rule for one in verdict.findings]
    assert kept[0] == "truncated"
    assert kept.count("private-without-creator") == MAX_FINDINGS_OF_A_RULE
    assert verdict.omitted >= len(groups) - MAX_FINDINGS_OF_A_RULE


def test_findings_are_bounded_and_the_worst_are_kept() -> None:
    wrong = b"".join(
        element(0x00100000 | n, vr, value)
        for n, (vr, value) in enumerate(
            [("DA", b"x"), ("LO", b"\0a"), ("PN", b"======="), ("CS", b"lower case is wrong")] * 80,
            0x1100,
        )
    )
    content = good(wrong).encode()
    verdict = validate_object(MemorySource(content), KEY, "00")
    assert len(verdict.findings) <= MAX_FINDINGS
    severities = [list(Severity).index(one.severity) for one in verdict.findings]
    assert severities == sorted(severities)
    assert verdict.omitted > 0


def test_findings_stand_in_the_order_of_the_data_set() -> None:
    private = [element(tag, "LO", b"x ") for tag in (0x00091001, 0x00111001, 0x00131001)]
    verdict = verdict_on(good(*private).encode())
    paths = [one.tag_path for one in verdict.findings]
    assert paths == ["(0009,1001)", "(0011,1001)", "(0013,1001)"]


def test_a_finding_says_which_item_it_is_in() -> None:
    wrong = element(0x00081155, "UI", b"no uid")
    inner = sequence(0x00081140, item() + item(wrong))
    verdict = verdict_on(good(sequence(0x00081115, item(inner))).encode())
    (found,) = verdict.findings
    assert found.tag_path == "(0008,1115)[1].(0008,1140)[2].(0008,1155)"


# ---------------------------------------------------------------- memory


class Recorded:
    """A large object that is never whole in memory: bytes here and there, zeros between."""

    def __init__(self, size: int, pieces: dict[int, bytes]) -> None:
        self.size = size
        self.longest = 0
        self._pieces = pieces

    def read(self, start: int, length: int) -> bytes:
        self.longest = max(self.longest, length)
        content = bytearray(length)
        for at, piece in self._pieces.items():
            if at < start + length and start < at + len(piece):
                left, right = max(at, start), min(at + len(piece), start + length)
                content[left - start : right - start] = piece[left - at : right - at]
        return bytes(content)

    def verdict(self) -> Verdict:
        return validate_object(RangeSource(self.size, self.read, WINDOW), KEY, "00")


def large_object(frames: int, frame_bytes: int) -> Recorded:
    """A multi-frame JPEG object with a Basic Offset Table."""
    stride = frame_bytes + 8
    table = pack(f"<{frames}I", *range(0, frames * stride, stride))
    number = element(FRAMES, "IS", f"{frames}".ljust(6).encode())
    parts = jpeg(changed=(fragments(offset_table=table), number))
    head = parts.encode()[:-8]
    pieces = {0: head}
    for frame in range(frames):
        at = len(head) + frame * stride
        pieces[at] = pack("<HHI", 0xFFFE, 0xE000, frame_bytes) + JPEG_FRAME[:700]
    end = len(head) + frames * stride
    pieces[end] = bytes.fromhex("FEFFDDE000000000")
    return Recorded(end + 8, pieces)


def test_a_large_object_is_judged_in_little_memory() -> None:
    huge = large_object(frames=50, frame_bytes=20 * MIB)
    tracemalloc.start()
    verdict = huge.verdict()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert huge.size > 1000 * MIB
    assert verdict.findings == ()
    assert huge.longest <= WINDOW
    assert peak < 16 * MIB


def test_thousands_of_frames_are_judged() -> None:
    assert large_object(frames=2000, frame_bytes=1000).verdict().findings == ()


def test_fragments_are_bounded() -> None:
    limits = DicomFileLimits(structure=StructureLimits(max_elements=1000))
    parts = jpeg(*[b"\xff\xd8"] * 1000)
    assert "too-many-elements" in Sample(parts.encode(), limits=limits).rules()


def test_a_long_value_is_not_read() -> None:
    length = 64 * MIB
    text = element(0x0040A160, "UT", length=length)
    head, rest = good(text).head(), good(text).data_set()
    start = rest.index(text) + len(text)
    pieces = {0: head + rest[:start], len(head) + start + length: rest[start:]}
    recorded = Recorded(len(head) + len(rest) + length, pieces)
    assert [one.rule for one in recorded.verdict().findings] == ["values-not-read"]
    assert recorded.longest <= WINDOW
