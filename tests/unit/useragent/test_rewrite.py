"""Explicit VR Little Endian from what may not travel: the same values, the same pixels (U-04)."""

import io
import warnings
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from chalicelib.dicomweb.byte_source import MemorySource as Bytes
from chalicelib.dicomweb.content import differing_tags
from chalicelib.dicomweb.file_meta import read_file_meta
from chalicelib.useragent.errors import SourceError
from chalicelib.useragent.rewrite import rewritten, swapped
from chalicelib.useragent.sources import MemorySource
from tests.builders_dicom import BIG, DEFLATED, IMPLICIT, LITTLE, Encoding, Uids, make_file

REAL = ("MR_small_implicit.dcm", "MR_small_bigendian.dcm", "rtplan.dcm", "ExplVR_BigEnd.dcm",
        "image_dfl.dcm", "nested_priv_SQ.dcm", "priv_SQ.dcm", "reportsi.dcm")  # fmt: skip


def file_of(name: str) -> bytes:
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"pydicom has no {name}")
    return Path(str(path)).read_bytes()


def rewrite(content: bytes) -> bytes:
    result = rewritten(MemorySource("a file", content))
    whole = b"".join(map(bytes, result))
    assert result.length == len(whole)
    return whole


@pytest.mark.parametrize("encoding", [IMPLICIT, BIG, DEFLATED])
def test_a_rewritten_file_reads_as_the_same_values(encoding: Encoding) -> None:
    uids = Uids.of("rewrite")
    before = pydicom.dcmread(io.BytesIO(make_file(uids, encoding=encoding).encode()))
    after = pydicom.dcmread(io.BytesIO(rewrite(make_file(uids, encoding=encoding).encode())))
    assert after.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    little = pydicom.dcmread(io.BytesIO(make_file(uids, encoding=LITTLE).encode()))
    if encoding is BIG:  # the builder's bytes are the same, hence other words
        little.PixelData = swapped(little.PixelData, 2)
    assert after == little
    assert after.PatientID == before.PatientID
    assert after.Rows == before.Rows == 4


@pytest.mark.parametrize("name", REAL)
def test_real_files_keep_every_value(name: str) -> None:
    content = file_of(name)
    try:
        whole = rewrite(content)
    except SourceError as error:
        if "needs no rewriting" in error.detail:
            pytest.skip("already explicit")
        raise
    assert not [tag for tag in differing(content, whole) if not tag >> 16 & 1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = pydicom.dcmread(io.BytesIO(content))
        after = pydicom.dcmread(io.BytesIO(whole))
        assert after.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
        assert after.is_implicit_VR is False
        known = [one.tag for one in before if one.tag.element and not one.tag.is_private]
        for tag in known:
            if before[tag].VR in ("OW", "OB", "UN") or before[tag].VR == "SQ":
                continue
            assert after[tag].value == before[tag].value, tag
        if "PixelData" in before:
            expected = before.PixelData
            if before.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.2":
                expected = swapped(expected, 2 if before.BitsAllocated > 8 else 1)
            assert after.PixelData == expected


def test_what_needs_a_codec_is_not_rewritten() -> None:
    with pytest.raises(SourceError):
        rewritten(MemorySource("x", make_file(Uids.of("x"), encoding=LITTLE).encode()))


def test_cut_files_are_refused_not_sent() -> None:
    content = make_file(Uids.of("cut"), encoding=IMPLICIT).encode()
    with pytest.raises(SourceError):
        rewrite(content[:-3])


@pytest.mark.parametrize("encoding", [IMPLICIT, BIG])
def test_our_server_finds_no_tag_that_differs(encoding: Encoding) -> None:
    content = make_file(Uids.of("same"), encoding=encoding).encode()
    assert not differing(content, rewrite(content))


def differing(before: bytes, after: bytes) -> tuple[int, ...]:
    one, other = Bytes(before), Bytes(after)
    return differing_tags(one, read_file_meta(one), other, read_file_meta(other))
