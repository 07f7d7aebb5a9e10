"""Data sets to JSON and XML and back, equal element by element; files read into data sets."""

import json
from pathlib import Path
from struct import pack
from typing import Any

import pydicom
import pydicom.data
import pytest
from hypothesis import HealthCheck, given, settings

from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.dataset import BulkdataReference, Dataset, Element
from chalicelib.dicomweb.dataset_reader import read_dataset
from chalicelib.dicomweb.dicom_json import decode_json, encode_json
from chalicelib.dicomweb.dicom_xml import decode_xml, encode_xml
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.file_meta import read_file_meta
from tests.unit.dicomweb.datasets import canonical, datasets
from tests.unit.dicomweb.dicom_files import encode_file, make_dataset
from tests.unit.dicomweb.elements import big_endian, explicit, implicit, item

BUNDLED = sorted(
    path
    for folder in ("test_files", "charset_files")
    for path in (Path(pydicom.data.__file__).parent / folder).rglob("*")
    if path.is_file() and path.suffix in (".dcm", "")
)
UNREADABLE = {  # no DICOM file, cut short, or of a syntax that is not stored
    "DICOMDIR-nooffset",
    "ExplVR_BigEndNoMeta.dcm",
    "ExplVR_LitEndNoMeta.dcm",
    "MR_truncated.dcm",
    "README",
    "SC_rgb_jpeg.dcm",
    "meta_missing_tsyntax.dcm",
    "no_meta.dcm",
    "rtplan_truncated.dcm",
    "rtstruct.dcm",
}


def read(content: bytes) -> Dataset:
    source = MemorySource(content)
    return read_dataset(source, read_file_meta(source))


def through_json(dataset: Dataset) -> Dataset:
    [decoded] = decode_json(encode_json(dataset).encode())
    assert decoded.dataset is not None, decoded.error
    return decoded.dataset


def through_xml(dataset: Dataset) -> Dataset:
    decoded = decode_xml(encode_xml(dataset, replace=False).encode())
    assert decoded.dataset is not None, decoded.error
    return decoded.dataset


def test_pydicom_bundles_many_files() -> None:
    assert len(BUNDLED) > 150


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.name)
def test_every_file_survives_both_forms(path: Path) -> None:
    if path.name in UNREADABLE:
        with pytest.raises(InstanceError):
            read(path.read_bytes())
        return
    dataset = read(path.read_bytes())
    assert canonical(through_json(dataset)) == canonical(dataset)
    assert canonical(through_xml(dataset)) == canonical(dataset)
    assert canonical(through_xml(through_json(dataset))) == canonical(dataset)


@given(datasets)
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_data_set_survives_both_forms(dataset: Dataset) -> None:
    assert canonical(through_json(dataset)) == canonical(dataset)
    assert canonical(through_xml(dataset)) == canonical(dataset)


@pytest.mark.parametrize("block", [0x10, 0x42, 0xFF])
def test_private_elements_keep_their_creator_in_any_block(block: int) -> None:
    dataset = Dataset(
        [
            Element(0x00090000 | block, "LO", "", ("ACME",)),
            Element(0x00090000 | block << 8, "OB", "", (b"AB",)),
            Element(0x00090000 | block << 8 | 0xFF, "FD", "", (-0.0,)),
        ]
    )
    assert through_json(dataset) == dataset
    renumbered = through_xml(dataset)
    assert [element.tag for element in renumbered] == [0x00090010, 0x00091000, 0x000910FF]
    assert canonical(renumbered) == canonical(dataset)


# The reader, against a reader that is not ours


def simple(attribute: dict[str, Any]) -> Any:
    """An attribute of pydicom's JSON in our terms, None where pydicom goes its own way."""
    vr = attribute["vr"]
    if vr in ("DS", "IS", "SQ", "PN", "UN", "FL", "FD") or "BulkDataURI" in attribute:
        return None
    values = attribute.get("Value", [])
    if "InlineBinary" in attribute:
        return attribute["InlineBinary"].rstrip("=")
    return [] if values in ([None], [""]) else values


@pytest.mark.parametrize(
    "name",
    ["CT_small.dcm", "ExplVR_BigEnd.dcm", "image_dfl.dcm", "rtplan.dcm", "reportsi.dcm"]
    + ["MR_small_implicit.dcm", "MR_small_bigendian.dcm", "waveform_ecg.dcm", "test-SR.dcm"],
)
def test_values_are_those_another_reader_sees(name: str) -> None:
    [path] = [path for path in BUNDLED if path.name == name]
    theirs = pydicom.dcmread(path).to_json_dict(suppress_invalid_tags=True)
    ours = json.loads(encode_json(read(path.read_bytes())))
    compared = 0
    for tag, attribute in theirs.items():
        if tag.startswith("FFFCFFFC") or tag.endswith("0000"):
            continue
        expected = simple(attribute)
        if "InlineBinary" in attribute and "bigend" in name.lower():
            continue  # pydicom leaves the words in big endian; PS3.18 F.2.7 does not
        if expected is None or ours[tag]["vr"] != attribute["vr"]:
            continue
        compared += 1
        found = ours[tag].get("InlineBinary", "").rstrip("=") or ours[tag].get("Value", [])
        assert found == expected, tag
    assert compared > 10


# The reader, by the byte


def file_of(*elements: bytes, syntax: str = "1.2.840.10008.1.2.1") -> bytes:
    """A file with that data set."""
    content = encode_file(make_dataset())
    meta = content[: read_file_meta(MemorySource(content)).data_set_start]
    own = b"1.2.840.10008.1.2.1\0"
    return meta.replace(own, syntax.encode().ljust(len(own), b"\0")) + b"".join(elements)


def test_text_is_decoded_by_the_character_set_of_its_own_item() -> None:
    inner = explicit(0x00080005, "CS", b"ISO_IR 144") + explicit(0x00104000, "LT", b"\xb8\xd2")
    dataset = read(
        file_of(
            explicit(0x00080005, "CS", b"ISO_IR 192"),
            explicit(
                0x00081140, "SQ", item(inner) + item(explicit(0x00104000, "LT", "é".encode()))
            ),
            explicit(0x00104000, "LT", "ü ".encode()),
        )
    )
    sequence, text = dataset.get(0x00081140), dataset.get(0x00104000)
    assert sequence is not None
    assert text is not None
    assert [i.get(0x00104000).values for i in sequence.values] == [("Ив",), ("é",)]  # type: ignore[union-attr]
    assert text.values == ("ü",)


@pytest.mark.parametrize(
    "element",
    [
        explicit(0x00104000, "LT", b"\xe9 "),
        explicit(0x00080060, "CS", b"\xe9 "),
        explicit(0x00280010, "US", b"\1\0\2"),
        explicit(0x7FE00010, "OW", b"\1\0\2"),
        explicit(0x00180050, "DS", b"thin"),
        explicit(0x00200013, "IS", b"7.5 "),
        explicit(0x00100020, "LO", b"a\x01"),
    ],
    ids=repr,
)
def test_what_cannot_be_a_value_of_its_vr_is_kept_as_bytes(element: bytes) -> None:
    dataset = read(file_of(explicit(0x00080005, "CS", b"ISO_IR 192"), element))
    kept = list(dataset)[-1]
    assert kept.vr == "UN"
    assert kept.values == (element[12:] if element[4:6] == b"OW" else element[8:],)
    assert canonical(through_xml(through_json(dataset))) == canonical(dataset)


def test_text_of_an_undefined_character_set_is_kept_as_bytes() -> None:
    first, second = read(
        file_of(explicit(0x00080005, "CS", b"KLINGON "), explicit(0x00100010, "PN", b"Doe "))
    )
    assert (first.values, second.vr, second.values) == (("KLINGON",), "UN", (b"Doe ",))


def test_group_lengths_and_padding_are_left_out() -> None:
    content = file_of(
        explicit(0x00080000, "UL", b"\0\0\0\0"),
        explicit(0x00100020, "LO", b"1 "),
        explicit(0xFFFCFFFC, "OB", b"\0\0"),
    )
    assert read(content) == Dataset([Element(0x00100020, "LO", "", ("1",))])


def test_big_endian_words_are_swapped() -> None:
    content = file_of(
        big_endian(0x00080001, "UL", pack(">I", 7)),
        big_endian(0x00091001, "AT", pack(">HH", 0x7FE0, 0x0010)),
        big_endian(0x7FE00010, "OW", b"\1\2\3\4"),
        syntax="1.2.840.10008.1.2.2",
    )
    assert [element.values for element in read(content)] == [(7,), (0x7FE00010,), (b"\2\1\4\3",)]


def test_implicit_elements_get_the_vr_of_the_dictionary_or_un() -> None:
    content = file_of(
        implicit(0x00090010, b"ACME"),
        implicit(0x00091001, b"AB"),
        implicit(0x00100020, b"1 "),
        implicit(0x00280103, b"\1\0"),
        implicit(0x00280106, b"\xff\xff"),
        implicit(0x00283006, b"\1\0"),
        implicit(0x00289999, b"\1\0"),
        implicit(0x7FE00010, b"\1\0"),
        syntax="1.2.840.10008.1.2",
    )
    dataset = read(content)
    assert [element.vr for element in dataset] == ["LO", "UN", "LO", "US", "SS", "OW", "UN", "OW"]
    assert dataset.get(0x00280106) == Element(0x00280106, "SS", "", (-1,))


def test_encapsulated_pixel_data_are_a_reference() -> None:
    fragments = explicit(0x7FE00010, "OB", b"", 0xFFFFFFFF) + item() + item(b"\1\2")
    fragments += bytes.fromhex("FEFFDDE000000000")
    icon = explicit(0x00880200, "SQ", item(fragments))
    dataset = read(file_of(icon, fragments, syntax="1.2.840.10008.1.2.5"))
    [sequence, pixels] = dataset
    assert pixels.bulkdata == BulkdataReference("7FE00010")
    [inner] = sequence.values
    assert isinstance(inner, Dataset)
    assert [element.bulkdata for element in inner] == [BulkdataReference("00880200/1/7FE00010")]
    assert canonical(through_xml(through_json(dataset))) == canonical(dataset)
