"""Whose instance it is: flags, metadata file and template."""

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import FileMetaDataset

from chalicelib.standard.created_iods import CREATED_IODS, SETTABLE
from chalicelib.useragent.acquire import AcquireError, AcquireOptions, PhotoClass, acquire
from tests.unit.useragent.acquire.making import NOW, STATED, make, pdf, png, read

IDENTITY = ("PatientID", "IssuerOfPatientID", "StudyInstanceUID", "AccessionNumber")
TEMPLATE = {
    **{keyword: STATED[keyword] for keyword in IDENTITY},
    "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "PatientBirthDate": "19800229",
    "PatientSex": "M",
    "StudyDate": "20260101",
    "StudyDescription": "Erstvorstellung",
    "ReferringPhysicianName": "Dr^X",
}


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "photograph.png"
    path.write_bytes(png())
    return path


def options(values: Mapping[str, str] | None = None, **more: Any) -> AcquireOptions:
    return AcquireOptions(values=values or {}, **more)


def template(
    path: Path,
    values: Mapping[str, str] = TEMPLATE,
    *,
    character_set: str = "ISO_IR 192",
    transfer_syntax: str = "1.2.840.10008.1.2.1",
) -> Path:
    dataset = pydicom.Dataset()
    dataset.SpecificCharacterSet = character_set
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.SOPInstanceUID = "1.2.3.9"
    dataset.SeriesInstanceUID = "1.2.3.8"
    dataset.ContentDate = "20200101"
    dataset.Manufacturer = "CT maker"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax
    stream = BytesIO()
    previous = pydicom.config.settings.writing_validation_mode
    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
    try:
        dataset.save_as(stream, enforce_file_format=True)
    finally:
        pydicom.config.settings.writing_validation_mode = previous
    path.write_bytes(stream.getvalue())
    return path


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"])
def test_patient_and_study_come_from_a_template_and_nothing_else_does(
    photograph: Path, tmp_path: Path, syntax: str
) -> None:
    path = template(tmp_path / "template.dcm", transfer_syntax=syntax)
    dataset = read(acquire(photograph, options(template=path), now=NOW))
    for keyword, value in TEMPLATE.items():
        assert str(dataset[keyword].value) == value
    assert "ContentDate" not in dataset
    assert dataset.Manufacturer == ""
    assert dataset.SpecificCharacterSet == "ISO_IR 192"


def test_text_of_a_template_is_decoded_by_its_character_set(
    photograph: Path, tmp_path: Path
) -> None:
    values = {**TEMPLATE, "PatientName": "Müller^Zoë"}
    path = template(tmp_path / "template.dcm", values, character_set="ISO_IR 100")
    dataset = read(acquire(photograph, options(template=path), now=NOW))
    assert str(dataset.PatientName) == "Müller^Zoë"


@pytest.mark.parametrize("suffix", [".json", ".yaml", ".yml"])
def test_a_metadata_file_is_taken_as_it_is_written(
    photograph: Path, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"metadata{suffix}"
    values = {**STATED, "PatientID": "007", "StudyDate": "20260102"}
    text = json.dumps(values)
    if suffix != ".json":
        text = "\n".join(f"{keyword}: {value}" for keyword, value in values.items())
    path.write_text(text, encoding="utf-8")
    dataset = read(acquire(photograph, options(metadata_file=path), now=NOW))
    assert dataset.PatientID == "007"
    assert dataset.StudyDate == "20260102"


def test_numbers_of_a_json_file_keep_their_digits(photograph: Path, tmp_path: Path) -> None:
    path = tmp_path / "metadata.json"
    text = json.dumps(STATED).replace('"A-100"', "1002003004005006")
    path.write_text(text)
    dataset = read(acquire(photograph, options(metadata_file=path), now=NOW))
    assert dataset.AccessionNumber == "1002003004005006"


def test_flags_outweigh_the_file_which_outweighs_the_template(
    photograph: Path, tmp_path: Path
) -> None:
    file = tmp_path / "metadata.json"
    file.write_text(json.dumps({"StudyDate": "20260102", "PatientSex": "O"}))
    path = template(tmp_path / "template.dcm")
    stated = options({"StudyDate": "20260103"}, metadata_file=file, template=path)
    dataset = read(acquire(photograph, stated, now=NOW))
    assert (dataset.StudyDate, dataset.PatientSex) == ("20260103", "O")
    assert dataset.PatientBirthDate == TEMPLATE["PatientBirthDate"]


@pytest.mark.parametrize("keyword", ["PatientID", "IssuerOfPatientID"])
def test_sources_that_disagree_on_the_patient_are_refused(
    photograph: Path, tmp_path: Path, keyword: str
) -> None:
    path = template(tmp_path / "template.dcm")
    with pytest.raises(AcquireError, match=f"{keyword}.*template") as caught:
        acquire(photograph, options({keyword: "SOMEBODY"}, template=path), now=NOW)
    assert "SOMEBODY" not in str(caught.value)


def test_another_study_takes_only_the_patient_from_the_template(
    photograph: Path, tmp_path: Path
) -> None:
    path = template(tmp_path / "template.dcm")
    with pytest.raises(AcquireError, match="AccessionNumber"):
        acquire(photograph, options({"StudyInstanceUID": "1.2.3"}, template=path), now=NOW)
    stated = {"StudyInstanceUID": "1.2.3", "AccessionNumber": "B"}
    dataset = read(acquire(photograph, options(stated, template=path), now=NOW))
    assert dataset.PatientSex == "M"
    assert "StudyDescription" not in dataset
    assert dataset.StudyDate == ""


def test_a_new_study_is_the_same_for_the_same_patient_and_accession(
    photograph: Path, tmp_path: Path
) -> None:
    path = template(tmp_path / "template.dcm")
    made = [
        acquire(
            photograph,
            options({"AccessionNumber": accession}, template=path, new_study=True),
            now=NOW,
        )
        for accession in ("N1", "N1", "N2")
    ]
    assert made[0].study == made[1].study != made[2].study
    with pytest.raises(AcquireError, match="a new study is known by it"):
        acquire(photograph, options(template=path, new_study=True), now=NOW)
    with pytest.raises(AcquireError, match="new study is asked for"):
        make(photograph, new_study=True)


@pytest.mark.parametrize("keyword", IDENTITY)
def test_nothing_is_made_without_patient_and_study(photograph: Path, keyword: str) -> None:
    stated = {name: value for name, value in STATED.items() if name != keyword}
    with pytest.raises(AcquireError, match=keyword) as caught:
        acquire(photograph, options(stated), now=NOW)
    assert caught.value.tag == SETTABLE[keyword].tag


def test_issuer_and_accession_may_be_stated_as_empty(photograph: Path) -> None:
    dataset = read(make(photograph, {"IssuerOfPatientID": "", "AccessionNumber": ""}))
    assert "IssuerOfPatientID" not in dataset
    assert dataset.AccessionNumber == ""


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientBirthDate", "31.12.1970"),
        ("PatientBirthDate", "19700231"),
        ("StudyTime", "9:30"),
        ("AcquisitionDateTime", "20260231"),
        ("PatientSex", "female"),
        ("PatientSex", "X"),
        ("StudyInstanceUID", "1.02.3"),
        ("SeriesNumber", "three"),
        ("SeriesNumber", "99999999999"),
        ("AccessionNumber", "A" * 17),
        ("PatientID", "1\\2"),
        ("PatientID", "1\n2"),
        ("PatientName", "A" * 65),
        ("PatientName", "a^b^c^d^e^f"),
        ("PatientName", "a=b=c=d"),
        ("Modality", "Foto"),
        ("BodyPartExamined", "Hände"),
        ("FrameTime", "soon"),
        ("Laterality", "B"),
    ],
)
def test_a_value_its_attribute_cannot_hold_is_refused_and_not_shown(
    photograph: Path, keyword: str, value: str
) -> None:
    with pytest.raises(AcquireError, match=keyword) as caught:
        make(photograph, {keyword: value})
    if len(value) > 2:
        assert value not in str(caught.value)


def test_an_attribute_that_cannot_be_set_is_refused(photograph: Path) -> None:
    with pytest.raises(AcquireError, match="SOPInstanceUID"):
        make(photograph, {"SOPInstanceUID": "1.2.3"})
    with pytest.raises(AcquireError, match="A key"):
        make(photograph, {"not a keyword": "1"})


def test_what_a_class_has_no_place_for_is_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf())
    assert any("Laterality" in note for note in make(path).notes)


def test_a_template_value_against_the_rules_is_left_out_and_said(
    photograph: Path, tmp_path: Path
) -> None:
    path = template(tmp_path / "template.dcm", {**TEMPLATE, "PatientSex": "W"})
    acquired = acquire(photograph, options(template=path), now=NOW)
    assert read(acquired).PatientSex == ""
    assert any("PatientSex" in note for note in acquired.notes)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.json", b"[]", "no mapping"),
        ("a.json", b'{"PatientID": null}', "PatientID"),
        ("a.json", b'{"PatientID": "1", "PatientID": "2"}', "twice"),
        ("a.json", b"{", "not JSON"),
        ("a.json", b"[" * 100_000, "not JSON"),
        ("a.json", b"\xff\xfe", "UTF-8"),
        ("a.yaml", b"PatientID: [1]", "PatientID"),
        ("a.yaml", b"PatientID: 1\nPatientID: 2", "twice"),
        ("a.yaml", b"a: b: c", "not YAML"),
        ("a.yaml", b"- 1", "no mapping"),
        ("a.txt", b"", "ends in"),
        ("a.json", b" " * (1 << 20) + b"{}", "more than"),
    ],
)
def test_a_metadata_file_of_another_shape_is_refused(
    photograph: Path, tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AcquireError, match=why) as caught:
        acquire(photograph, options(metadata_file=path), now=NOW)
    assert caught.value.path == path


def test_a_template_that_is_no_dicom_file_is_refused(photograph: Path, tmp_path: Path) -> None:
    with pytest.raises(AcquireError, match="no template"):
        acquire(photograph, options(template=photograph), now=NOW)
    with pytest.raises(AcquireError, match="cannot be read"):
        acquire(photograph, options(template=tmp_path / "missing"), now=NOW)


def test_a_template_in_an_unknown_character_set_is_refused(
    photograph: Path, tmp_path: Path
) -> None:
    path = template(tmp_path / "template.dcm")
    content = path.read_bytes().replace(b"ISO_IR 192", b"ISO_IR 999")
    path.write_bytes(content)
    with pytest.raises(AcquireError, match="0008,0005"):
        acquire(photograph, options(template=path), now=NOW)


def test_options_and_results_show_no_patient(photograph: Path) -> None:
    stated = options(STATED)
    assert STATED["PatientName"] not in repr(stated)
    assert "Zo" not in repr(acquire(photograph, stated, now=NOW))


def test_photographs_of_both_classes_are_made(photograph: Path) -> None:
    for photo_class in PhotoClass:
        made = make(photograph, photo_class=photo_class)
        assert made.sop_class == photo_class.value
        assert photo_class.value in CREATED_IODS
