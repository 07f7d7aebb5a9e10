"""What is read of a DICOM file, and why one is refused."""

import zlib
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.dicom_file import DicomFile, DicomFileLimits, read_dicom_file
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.file_meta import Preamble, classify_preamble, read_file_meta
from chalicelib.standard.reasons import FailureReason
from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES, Acceptance
from tests.unit.dicomweb.dicom_files import encode_file, make_dataset
from tests.unit.dicomweb.elements import explicit

PREFIX = b"\0" * 128 + b"DICM"
NATIVE = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]


def read(content: bytes, *, strict: bool = False, max_inflated: int = 1 << 20) -> DicomFile:
    source = MemorySource(content)
    limits = DicomFileLimits(max_inflated_bytes=max_inflated)
    return read_dicom_file(source, read_file_meta(source), strict=strict, limits=limits)


def refusal(content: bytes, **options: object) -> InstanceError:
    with pytest.raises(InstanceError) as caught:
        read(content, **options)  # type: ignore[arg-type]
    return caught.value


def with_meta(*elements: bytes, data_set: bytes = b"") -> bytes:
    """A file whose group 0002 is given by the element."""
    return PREFIX + b"".join(elements) + data_set


@pytest.mark.parametrize("syntax", NATIVE)
def test_a_file_names_itself_in_every_native_syntax(syntax: str) -> None:
    file = read(encode_file(make_dataset(), syntax))
    assert (file.sop_instance, file.study, file.series) == ("1.2.3.4", "1.2.3", "1.2.3.1")
    assert file.transfer_syntax.uid == syntax
    assert file.values[0x00100010].value.rstrip() == b"Doe^Jane"


@pytest.mark.parametrize("syntax", NATIVE[1:])
def test_what_web_services_should_not_carry_is_tolerated_unless_strict(syntax: str) -> None:
    content = encode_file(make_dataset(), syntax)
    assert "tolerated-transfer-syntax" in read(content).observations
    assert refusal(content, strict=True).reason is FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED


@pytest.mark.parametrize(
    "uid", [uid for uid, row in TRANSFER_SYNTAXES.items() if row.acceptance is Acceptance.REFUSED]
)
def test_c122_for_a_refused_transfer_syntax(uid: str) -> None:
    content = encode_file(make_dataset()).replace(
        pack("<H", 20) + b"1.2.840.10008.1.2.1\0", pack("<H", len(uid)) + uid.encode()
    )
    error = refusal(content)
    assert error.reason is FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED
    assert uid in error.detail


def test_c122_for_an_unknown_transfer_syntax() -> None:
    known, unknown = b"1.2.840.10008.1.2.1\0", b"1.2.840.99999.1.2.1\0"
    error = refusal(encode_file(make_dataset()).replace(known, unknown))
    assert error.reason is FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED


def test_a_deflate_bomb_stops_at_the_limit() -> None:
    bomb = encode_file(make_dataset(PixelData=bytes(1 << 20)), DeflatedExplicitVRLittleEndian)
    assert len(bomb) < 10_000
    assert refusal(bomb, max_inflated=1 << 16).reason is FailureReason.INFLATES_TOO_LARGE


def test_deflated_data_may_be_neither_cut_nor_corrupt() -> None:
    content = encode_file(make_dataset(), DeflatedExplicitVRLittleEndian)
    assert refusal(content[:-10]).reason is FailureReason.TRUNCATED
    start = read_file_meta(MemorySource(content)).data_set_start
    corrupt = content[:start] + b"\xff" * 20
    assert refusal(corrupt).reason is FailureReason.MALFORMED_STRUCTURE


def test_deflated_data_of_exactly_the_limit_are_read() -> None:
    content = encode_file(make_dataset(), DeflatedExplicitVRLittleEndian)
    start = read_file_meta(MemorySource(content)).data_set_start
    size = len(zlib.decompress(content[start:], wbits=-15))
    assert read(content, max_inflated=size).sop_instance
    assert refusal(content, max_inflated=size - 1).reason is FailureReason.INFLATES_TOO_LARGE


@pytest.mark.parametrize(
    ("keyword", "tag"),
    [
        ("SOPClassUID", "(0008,0016)"),
        ("SOPInstanceUID", "(0008,0018)"),
        ("StudyInstanceUID", "(0020,000D)"),
        ("SeriesInstanceUID", "(0020,000E)"),
    ],
)
def test_0120_when_a_uid_is_missing(keyword: str, tag: str) -> None:
    dataset = make_dataset(**{keyword: None})
    content = encode_file(dataset, sop_class="1.2.840.10008.5.1.4.1.1.2", sop_instance="1.2.3.4")
    error = refusal(content)
    assert (error.reason, error.tag_path) == (FailureReason.MISSING_ATTRIBUTE, tag)


@pytest.mark.parametrize(
    "uid",
    [b"1.2.03", b"1.2.", b".1.2", b"3.2.1", b"1..2", b"1." + b"2" * 63, b"../../etc", b"1.2\0.3",
     b"1.2\r\n3", b"1", "1.２".encode()],
)  # fmt: skip
def test_0117_when_a_uid_breaks_the_grammar(uid: bytes) -> None:
    plain = explicit(0x0020000D, "UI", b"1.2.3\0")
    padded = uid + b"\0" * (len(uid) % 2)
    content = encode_file(make_dataset()).replace(plain, explicit(0x0020000D, "UI", padded))
    error = refusal(content)
    assert (error.reason, error.tag_path) == (FailureReason.INVALID_SOP_INSTANCE, "(0020,000D)")


def test_0119_when_file_meta_names_another_class() -> None:
    content = encode_file(make_dataset(), sop_class="1.2.840.10008.5.1.4.1.1.4")
    assert refusal(content).reason is FailureReason.CLASS_INSTANCE_CONFLICT


def test_the_data_set_names_the_instance_unless_strict() -> None:
    content = encode_file(make_dataset(), sop_instance="1.9.9")
    file = read(content)
    assert file.sop_instance == "1.2.3.4"
    assert "file-meta-names-another-instance" in file.observations
    assert refusal(content, strict=True).reason is FailureReason.CLASS_INSTANCE_CONFLICT


@pytest.mark.parametrize("tag", [0x00080018, 0x00100020, 0x0020000D])
def test_c009_when_what_identifies_stands_twice(tag: int) -> None:
    content = encode_file(make_dataset()) + explicit(tag, "LO", b"1.2.3.5 ")
    error = refusal(content)
    assert error.reason is FailureReason.AMBIGUOUS_ELEMENT


def test_request_attributes_are_kept_item_by_item() -> None:
    items = [Dataset(), Dataset(), Dataset()]
    items[0].ScheduledProcedureStepID, items[0].RequestedProcedureID = "S1", "R1"
    items[2].RequestedProcedureID = "R3"
    file = read(encode_file(make_dataset(RequestAttributesSequence=items)))
    assert [sorted(found) for found in file.request_attributes] == [
        [0x00400009, 0x00401001],
        [],
        [0x00401001],
    ]


# ---------------------------------------------------------------- File Meta Information


def test_c001_without_the_prefix() -> None:
    for content in (b"", b"DICM", b"\0" * 131, encode_file(make_dataset())[128:]):
        assert refusal(content).reason is FailureReason.NOT_DICOM_FILE


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        (b"", FailureReason.FILE_META_UNREADABLE),
        (explicit(0x00020010, "UI", b"1.2.840.10008.1.2.1\0", 70), FailureReason.TRUNCATED),
        (b"\x02\0\x10\0UI", FailureReason.TRUNCATED),
        (b"\x02\0\x10\0\x14\0\0\0" + b"1.2.840.10008.1.2.1\0", FailureReason.FILE_META_UNREADABLE),
        (explicit(0x00020010, "UI", b"1.2\0") * 2, FailureReason.FILE_META_UNREADABLE),
        (explicit(0x00020001, "OB", b"\0\1"), FailureReason.FILE_META_UNREADABLE),
        (explicit(0x00020010, "UI", b"no uid"), FailureReason.FILE_META_UNREADABLE),
        (explicit(0x00020102, "OB", bytes(70_000)), FailureReason.FILE_META_UNREADABLE),
    ],
)
def test_broken_file_meta_is_refused(meta: bytes, reason: FailureReason) -> None:
    assert refusal(with_meta(meta)).reason is reason


def test_every_cut_of_file_meta_is_refused() -> None:
    content = encode_file(make_dataset())
    for length in range(read_file_meta(MemorySource(content)).data_set_start):
        assert refusal(content[:length])


@pytest.mark.parametrize(
    ("group_length", "observation"),
    [
        (b"", "no-file-meta-group-length"),
        (explicit(0x00020000, "UL", pack("<I", 5)), "wrong-file-meta-group-length"),
    ],
)
def test_a_group_length_that_misleads_is_observed(group_length: bytes, observation: str) -> None:
    content = encode_file(make_dataset())
    rest = content[132 + 12 :]
    assert observation in read(PREFIX + group_length + rest).observations
    assert observation not in read(content).observations


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"", Preamble.ZEROS),
        (b"II*\0", Preamble.TIFF),
        (b"MM\0*", Preamble.TIFF),
        (b"II+\0", Preamble.TIFF),
        (b"MM\0+", Preamble.TIFF),
        (b"%PDF-1.7", Preamble.OTHER),
        (b"MZ\x90\0", Preamble.EXECUTABLE),
        (b"\x7fELF", Preamble.EXECUTABLE),
        (b"#!/bin/sh", Preamble.EXECUTABLE),
        (b"\xfe\xed\xfa\xce", Preamble.EXECUTABLE),
        (b"\xcf\xfa\xed\xfe", Preamble.EXECUTABLE),
        (b"\xca\xfe\xba\xbe", Preamble.EXECUTABLE),
    ],
)
def test_the_preamble_is_judged_by_its_first_bytes(start: bytes, kind: Preamble) -> None:
    preamble = start.ljust(128, b"\0")
    assert classify_preamble(preamble) is kind
    content = encode_file(make_dataset(), preamble=preamble)
    if kind is Preamble.EXECUTABLE:
        assert refusal(content).reason is FailureReason.EXECUTABLE_PREAMBLE
    else:
        assert ("unusual-preamble" in read(content).observations) is (kind is Preamble.OTHER)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_one_changed_byte_gives_our_error_or_a_file(draw: st.DataObject) -> None:
    content = bytearray(encode_file(make_dataset()))
    at = draw.draw(st.integers(128, len(content) - 1))
    content[at] = draw.draw(st.integers(0, 255))
    try:
        file = read(bytes(content))
    except InstanceError:
        return
    assert file.sop_instance
