"""Verdicts on real files: every one that pydicom bundles.

Expected findings were checked by eye against the files: they are true of them.
"""

from pathlib import Path

import pydicom.data
import pytest

from chalicelib.dicomweb.byte_source import MemorySource, RangeSource
from chalicelib.origin.model import InstanceKey, Severity, Verdict
from chalicelib.origin.validate import validate_object
from chalicelib.origin.validate.findings import MAX_FINDINGS

ROOT = Path(pydicom.data.__file__).parent
FILES = {
    str(path.relative_to(ROOT)): path
    for folder in ("test_files", "charset_files")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.is_file()
}
NO_KEY = InstanceKey("default", "1.2", "1.3", "1.4")
OF_KEY = "filed-under-another-uid"

WITHOUT_FINDING = (
    *("CT_small", "MR_small", "MR_small_RLE", "JPEG2000", "JPEG-lossy", "JPGExtended"),
    *("SC_rgb_dcmtk_+eb+cr", "SC_rgb_dcmtk_+eb+cy+n1", "SC_rgb_dcmtk_+eb+cy+n2"),
    *("SC_rgb_dcmtk_+eb+cy+np", "SC_rgb_dcmtk_+eb+cy+s2", "SC_rgb_dcmtk_+eb+cy+s4"),
    *("SC_rgb_gdcm_KY", "SC_rgb_jpeg_dcmtk", "SC_rgb_jpeg_gdcm", "SC_rgb_jpeg_lossy_gdcm"),
    *("SC_rgb_rle", "SC_rgb_rle_2frame", "SC_rgb_rle_32bit", "SC_rgb_rle_32bit_2frame"),
    *("SC_rgb_small_odd", "SC_rgb_small_odd_jpeg", "SC_ybr_full_422_uncompressed"),
    *("examples_jpeg2k", "examples_overlay", "examples_palette", "examples_rgb_color"),
    *("examples_ybr_color", "liver_1frame"),
)
TOLERATED = {"transfer-syntax-tolerated"}
WITH_FINDINGS: dict[str, set[str]] = {
    "MR_small_bigendian": TOLERATED,
    "MR_small_expb": TOLERATED,
    "MR_small_implicit": TOLERATED,
    "SC_rgb_small_odd_big_endian": TOLERATED,
    "image_dfl": TOLERATED,
    "liver_expb_1frame": TOLERATED,
    "J2K_pixelrep_mismatch": {"codestream-sign"},
    "JPEG2000-embedded-sequence-delimiter": {"codestream-size"},
    "MR_small_padded": {"pixel-data-long"},
    "MR_small_jp2klossless": {"pixel-data-vr"},
    "MR_small_jpeg_ls_lossless": {"pixel-data-vr"},
    "MR_truncated": {"truncated"},
    "SC_rgb_jpeg": {"malformed-structure"},
    "SC_rgb_rle_16bit": {"pixel-data-vr"},
    "rtdose": {"transfer-syntax-tolerated", "value-grammar", "file-meta-another-instance"},
    "rtplan": {"transfer-syntax-tolerated", "file-meta-another-instance"},
    "rtplan_truncated": {"transfer-syntax-tolerated", "file-meta-another-instance", "truncated"},
    "test-SR": {"value-grammar"},
    "waveform_ecg": {"private-without-creator"},
}


def verdict_on(path: Path) -> Verdict:
    return validate_object(MemorySource(path.read_bytes()), NO_KEY, "00")


def rules_on(path: Path) -> set[str]:
    return {finding.rule for finding in verdict_on(path).findings} - {OF_KEY}


@pytest.mark.parametrize("name", FILES)
def test_every_file_gets_a_verdict(name: str) -> None:
    verdict = verdict_on(FILES[name])
    assert len(verdict.findings) <= MAX_FINDINGS
    severities = [list(Severity).index(finding.severity) for finding in verdict.findings]
    assert severities == sorted(severities)


@pytest.mark.parametrize("name", WITHOUT_FINDING)
def test_a_good_file_has_no_finding(name: str) -> None:
    assert rules_on(FILES[f"test_files/{name}.dcm"]) == set()


@pytest.mark.parametrize("name", WITH_FINDINGS)
def test_a_file_has_the_findings_that_are_true_of_it(name: str) -> None:
    assert rules_on(FILES[f"test_files/{name}.dcm"]) == WITH_FINDINGS[name]


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("charset_files/chr")])
def test_text_in_every_character_set_is_understood(name: str) -> None:
    rules = rules_on(FILES[name])
    assert not any("character" in rule or "text" in rule for rule in rules)


@pytest.mark.parametrize("name", [name for name in FILES if "/DICOMDIR" in name])
def test_a_dicomdir_is_no_storage_class(name: str) -> None:
    rules = rules_on(FILES[name])
    assert rules & {"not-a-storage-class", "malformed-structure"}
    assert "element-misplaced" not in rules


@pytest.mark.parametrize("name", ["CT_small", "JPEG2000", "SC_rgb_rle_2frame", "waveform_ecg"])
def test_a_verdict_is_the_same_read_by_ranges_and_read_again(name: str) -> None:
    content = FILES[f"test_files/{name}.dcm"].read_bytes()
    for window in (64, 1000, 1 << 20):
        ranges = RangeSource(len(content), lambda start, n: content[start : start + n], window)
        verdict = validate_object(ranges, NO_KEY, "00")
        assert verdict == validate_object(MemorySource(content), NO_KEY, "00")
