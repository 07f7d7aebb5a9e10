"""The record is a function of the object alone."""

from pathlib import Path

import pydicom.data
import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.dicom_file import DicomFileLimits, read_dicom_file
from chalicelib.dicomweb.file_meta import read_file_meta
from chalicelib.origin.model import InstanceKey, InstanceRecord, ObjectFacts, StoredObject
from chalicelib.origin.record import read_record, record_of
from tests.unit.dicomweb.dicom_files import encode_file, make_dataset
from tests.unit.dicomweb.elements import explicit

FACTS = ObjectFacts("ab" * 32, "1.2.3", "1.2.3.1", "2026-05-01T10:00:00.000Z", "request-1")
LATIN_1 = "ISO_IR 100"


def record(content: bytes) -> InstanceRecord:
    source = MemorySource(content)
    file = read_dicom_file(source, read_file_meta(source))
    return record_of(file, "default", FACTS, len(content))


def record_with(**attributes: object) -> InstanceRecord:
    return record(encode_file(make_dataset(**attributes)))


def test_a_record_says_where_and_what() -> None:
    content = encode_file(make_dataset())
    made = record(content)
    assert made.key == InstanceKey("default", "1.2.3", "1.2.3.1", "1.2.3.4")
    assert made.sop_class == "1.2.840.10008.5.1.4.1.1.2"
    assert made.transfer_syntax == "1.2.840.10008.1.2.1"
    assert (made.size, made.facts) == (len(content), FACTS)
    assert made.attributes["PatientName"] == "Doe^Jane"
    assert made.attributes["Rows"] == "2"


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_every_encoding_gives_the_same_attributes(syntax: str) -> None:
    attributes = {"StudyDate": "20260501", "SeriesNumber": "7", "Rows": 513}
    explicit_one = record_with(**attributes)
    other = record(encode_file(make_dataset(**attributes), syntax))
    assert other.attributes == explicit_one.attributes


def test_absent_is_not_empty() -> None:
    made = record_with(AccessionNumber="", StudyID=None)
    assert made.attributes["AccessionNumber"] == ""
    assert "StudyID" not in made.attributes


def test_text_is_decoded_by_its_character_set() -> None:
    made = record_with(SpecificCharacterSet=LATIN_1, PatientName="Müller^Jürgen")
    assert made.attributes["PatientName"] == "Müller^Jürgen"
    assert made.undecoded == {}


def test_undeclared_text_keeps_its_bytes() -> None:
    content = encode_file(make_dataset(PatientName="XXXX^Y"))
    content = content.replace(b"XXXX^Y", b"M\xfcll^Y")
    made = record(content)
    assert made.undecoded == {"PatientName": b"M\xfcll^Y"}
    assert "PatientName" not in made.attributes


def test_an_unknown_character_set_still_reads_ascii() -> None:
    declared = explicit(0x00080005, "CS", b"ISO_IR 100")
    content = encode_file(make_dataset(SpecificCharacterSet=LATIN_1))
    content = content.replace(declared, explicit(0x00080005, "CS", b"ISO_IR 999"))
    assert record(content).attributes["PatientName"] == "Doe^Jane"


def test_names_that_differ_in_trailing_delimiters_are_one() -> None:
    assert record_with(PatientName="Doe^Jane^^^").attributes["PatientName"] == "Doe^Jane"


def test_values_are_cut_to_their_vr() -> None:
    content = encode_file(make_dataset(SeriesDescription="x" * 64, PatientName="n" * 64))
    long_lo = explicit(0x0008103E, "LO", b"y" * 3000)
    content = content.replace(explicit(0x0008103E, "LO", b"x" * 64), long_lo)
    long_pn = explicit(0x00100010, "PN", b"=".join([b"n" * 500] * 4) + b" ")
    content = content.replace(explicit(0x00100010, "PN", b"n" * 64), long_pn)
    made = record(content)
    assert made.attributes["SeriesDescription"] == "y" * 64
    assert made.attributes["PatientName"] == "=".join(["n" * 64] * 3)


def test_the_largest_record_stays_small() -> None:
    item = Dataset()
    item.ScheduledProcedureStepID, item.RequestedProcedureID = "S" * 16, "R" * 16
    text = "字" * 64
    made = record_with(
        SpecificCharacterSet="ISO_IR 192",
        RequestAttributesSequence=[item] * 200,
        PatientName="=".join([text] * 3),
        PatientID=[text] * 8,
        StudyDescription=[text] * 8,
    )
    everything = [*made.attributes.values(), *made.undecoded.values()]
    assert (
        sum(len(value.encode() if isinstance(value, str) else value) for value in everything)
        < 12_000
    )


def test_request_attributes_are_kept_as_json() -> None:
    item = Dataset()
    item.ScheduledProcedureStepID, item.RequestedProcedureID = "S1", ""
    made = record_with(RequestAttributesSequence=[item, Dataset()])
    assert made.attributes["RequestAttributesSequence"] == (
        '[{"00400009":{"vr":"SH","Value":["S1"]},"00401001":{"vr":"SH"}},{}]'
    )


def test_the_stored_object_gives_the_same_record() -> None:
    content = (Path(pydicom.data.__file__).parent / "test_files" / "CT_small.dcm").read_bytes()

    class Instances:
        def read(self, partition: str, sop_instance: str, start: int, length: int) -> bytes:
            return content[start : start + length]

    again = read_record(
        Instances(),  # type: ignore[arg-type]
        DicomFileLimits(),
        "default",
        "1.2",
        StoredObject(len(content), FACTS),
    )
    assert again == record(content)
