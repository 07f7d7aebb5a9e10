"""Same content in other bytes, and other content."""

from array import array
from collections.abc import Callable

import pytest
from pydicom import Dataset
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.content import differing_tags
from chalicelib.dicomweb.file_meta import read_file_meta
from tests.unit.dicomweb.dicom_files import encode_file, make_dataset
from tests.unit.dicomweb.elements import UNDEFINED, explicit, item


def differences(one: bytes, other: bytes) -> tuple[int, ...]:
    ours, theirs = MemorySource(one), MemorySource(other)
    return differing_tags(ours, read_file_meta(ours), theirs, read_file_meta(theirs))


def rich_dataset() -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPInstanceUID = "1.2.3"
    empty = Dataset()
    dataset = make_dataset(ReferencedImageSequence=[reference, empty], ImageComments="one\\two")
    dataset.add_new(0x00091001, "LO", "private")
    dataset.add_new(0x00090010, "LO", "CREATOR")
    dataset.add_new(0x00091002, "FD", [1.5, -2.25])
    dataset.GridFrameOffsetVector = [0.0, 1.25]
    dataset.SelectorFLValue = [1.0, 2.0]
    return dataset


def encode(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """The file of a data set, its pixels in the byte order of the syntax: pydicom leaves that."""
    if syntax == ExplicitVRBigEndian:
        pixels = array("H", dataset.PixelData)
        pixels.byteswap()
        dataset.PixelData = pixels.tobytes()
    return encode_file(dataset, syntax)


NATIVE = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]


@pytest.mark.parametrize("one", NATIVE)
@pytest.mark.parametrize("other", NATIVE)
def test_every_native_syntax_holds_the_same_content(one: str, other: str) -> None:
    assert differences(encode(rich_dataset(), one), encode(rich_dataset(), other)) == ()


def undefined_lengths(dataset: Dataset) -> None:
    dataset["ReferencedImageSequence"].is_undefined_length = True
    for entry in dataset.ReferencedImageSequence:
        entry.is_undefined_length_sequence_item = True


@pytest.mark.parametrize(
    "rewrap",
    [
        pytest.param(undefined_lengths, id="sequence lengths"),
        pytest.param(lambda d: d.add_new(0x00080000, "UL", 1234), id="group length"),
        pytest.param(lambda d: d.add_new(0xFFFCFFFC, "OB", bytes(512)), id="padding"),
    ],
)
def test_framing_is_no_content(rewrap: Callable[[Dataset], None]) -> None:
    changed = rich_dataset()
    rewrap(changed)
    assert differences(encode_file(rich_dataset()), encode_file(changed)) == ()


def test_preamble_and_file_meta_are_no_content() -> None:
    changed = encode_file(rich_dataset(), preamble=b"II*\0".ljust(128, b"\0"), sop_instance="1.9")
    assert differences(encode_file(rich_dataset()), changed) == ()


def coerced(at: str, before: str) -> bytes:
    modified = Dataset()
    modified.PatientID = before
    entry = Dataset()
    entry.ModifiedAttributesSequence = [modified]
    entry.AttributeModificationDateTime = at
    return encode_file(make_dataset(OriginalAttributesSequence=[entry]))


def test_the_time_of_a_coercion_is_no_content() -> None:
    one, other = coerced("20240101120000", "P0"), coerced("20240101120001.5", "P0")
    assert differences(one, other) == ()


def test_what_was_coerced_is_content() -> None:
    one, other = coerced("20240101120000", "P0"), coerced("20240101120000", "P9")
    assert differences(one, other) == (0x04000561,)


def test_padding_of_text_is_no_content() -> None:
    one = encode_file(make_dataset())
    assert b"P1" in one
    other = one.replace(explicit(0x00100020, "LO", b"P1"), explicit(0x00100020, "LO", b"P1  "))
    assert one != other
    assert differences(one, other) == ()


@pytest.mark.parametrize(
    ("keyword", "value", "tag"),
    [
        ("PatientID", "P2", 0x00100020),
        ("StudyInstanceUID", "1.2.4", 0x0020000D),
        ("Rows", 0x2000, 0x00280010),
        ("PixelData", b"\x01\x02\x03\x04\x05\x06\x07\x00", 0x7FE00010),
        ("PatientName", None, 0x00100010),
        ("ImageComments", "one", 0x00204000),
        ("ReferencedImageSequence", [], 0x00081140),
    ],
)
@pytest.mark.parametrize("syntax", NATIVE)
def test_a_changed_value_is_named(syntax: str, keyword: str, value: object, tag: int) -> None:
    changed = rich_dataset()
    if value is None:
        delattr(changed, keyword)
    else:
        setattr(changed, keyword, value)
    assert differences(encode_file(rich_dataset()), encode(changed, syntax)) == (tag,)


def test_zeros_at_the_end_of_numbers_are_content() -> None:
    # As text, both would lose their padding and look alike.
    one, other = encode_file(make_dataset(Rows=0)), encode_file(make_dataset(Rows=0x2000))
    assert differences(one, other) == (0x00280010,)


def test_moving_a_value_into_another_item_is_a_change() -> None:
    one, other = rich_dataset(), rich_dataset()
    other.ReferencedImageSequence = other.ReferencedImageSequence[::-1]
    assert differences(encode_file(one), encode_file(other)) == (0x00081140,)


def encapsulated(syntax: str, fragment: bytes) -> bytes:
    dataset = make_dataset(PixelData=None)
    pixels = explicit(0x7FE00010, "OB", length=UNDEFINED) + item() + item(fragment)
    end = bytes.fromhex("FEFFDDE000000000")
    return encode_file(dataset, syntax) + pixels + end


def test_fragments_are_content() -> None:
    one = encapsulated(JPEG2000Lossless, b"\xff\x4f\xff\x51")
    assert differences(one, encapsulated(JPEG2000Lossless, b"\xff\x4f\xff\x51")) == ()
    assert differences(one, encapsulated(JPEG2000Lossless, b"\xff\x4f\xff\x52")) == (0x7FE00010,)


def test_equal_fragments_in_another_syntax_are_other_content() -> None:
    fragment = b"\xff\x4f\xff\x51"
    one, other = encapsulated(JPEG2000Lossless, fragment), encapsulated(JPEG2000, fragment)
    assert differences(one, other) == (0x00020010,)
