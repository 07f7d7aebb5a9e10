"""PDF documents: in unchanged, titled by the user alone."""

from pathlib import Path

import pytest

from chalicelib.useragent.acquire import AcquireError
from tests.unit.useragent.acquire.making import make, pdf, read

TITLED = pdf(b"1 0 obj<</Title(Doe Jane report)>>endobj\n")


def test_a_document_goes_in_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "Doe^Jane.pdf"
    path.write_bytes(pdf())
    acquired = make(path)
    dataset = read(acquired)
    assert dataset.EncapsulatedDocument[: len(pdf())] == pdf()
    assert dataset.EncapsulatedDocumentLength == len(pdf())
    assert dataset.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert b"Doe^Jane" not in acquired.content


def test_title_is_what_the_user_states(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(TITLED)
    assert read(make(path)).DocumentTitle == ""
    assert read(make(path, {"DocumentTitle": "Befund"})).DocumentTitle == "Befund"


def test_defaults_hold_unless_stated(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf())
    dataset = read(make(path))
    assert (dataset.Modality, dataset.ConversionType) == ("DOC", "WSD")
    assert (dataset.BurnedInAnnotation, dataset.VerificationFlag) == ("YES", "UNVERIFIED")
    scanned = read(make(path, {"ConversionType": "SD", "BurnedInAnnotation": "NO"}))
    assert (scanned.ConversionType, scanned.BurnedInAnnotation) == ("SD", "NO")


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (pdf(b"2 0 obj<</Encrypt 3 0 R>>endobj\n"), "encrypted"),
        (b"a mail header\n" + pdf(), "before the PDF header"),
    ],
)
def test_unusual_documents_are_taken_with_a_note(tmp_path: Path, content: bytes, note: str) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(content)
    assert any(note in one for one in make(path).notes)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (pdf()[:-8], "cut short"),
        (b"GIF89a" + bytes(40), "GIF"),
        (b"a letter", "none of them"),
        (b"", "none of them"),
        (bytes(128) + b"DICM" + bytes(10), "DICOM file already"),
        (b"\0\0\0\x0cjP  " + bytes(20), "JPEG 2000"),
        (b"\xff\xd8\xff\xf7" + bytes(20), "JPEG-LS"),
    ],
)
def test_what_is_none_of_these_kinds_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(content)
    with pytest.raises(AcquireError, match=why):
        make(path)


def test_a_file_that_cannot_be_read_or_is_too_large_is_refused(tmp_path: Path) -> None:
    from chalicelib.useragent.acquire import AcquireLimits

    with pytest.raises(AcquireError, match="cannot be read"):
        make(tmp_path / "missing.pdf")
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf())
    with pytest.raises(AcquireError, match="max_file_bytes"):
        make(path, limits=AcquireLimits(max_file_bytes=10))
