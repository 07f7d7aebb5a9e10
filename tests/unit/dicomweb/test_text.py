"""Text in every character set: pydicom's own charset files say what is right."""

from pathlib import Path

import pydicom.data
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread

from chalicelib.dicomweb.text import UndecodableText, character_sets_of, decode_text
from chalicelib.standard.character_sets import CHARACTER_SETS

FILES = sorted((Path(pydicom.data.__file__).parent / "charset_files").glob("chr*.dcm"))
NAMED = [path for path in FILES if "SQ" not in path.name]


def decode(value: bytes, declared: bytes | None, vr: str = "LO") -> str:
    sets = character_sets_of(declared) if declared is not None else ()
    return decode_text(value, sets, vr=vr)


@pytest.mark.parametrize("path", NAMED, ids=lambda path: path.stem)
def test_names_read_as_in_pydicom(path: Path) -> None:
    dataset = dcmread(path)
    raw = dataset.PatientName.original_string.rstrip(b" ")
    declared = "\\".join(dataset.SpecificCharacterSet) if isinstance(
        dataset.SpecificCharacterSet, pydicom.multival.MultiValue
    ) else dataset.SpecificCharacterSet  # fmt: skip
    assert decode(raw, declared.encode(), "PN").rstrip("=") == str(dataset.PatientName)


def test_ascii_needs_no_declaration() -> None:
    assert decode(b"Doe^Jane", None, "PN") == "Doe^Jane"


@pytest.mark.parametrize("value", [b"M\xfcller", b"\x1b$B;3ED", b"\x80"])
def test_undeclared_bytes_are_undecodable(value: bytes) -> None:
    with pytest.raises(UndecodableText):
        decode(value, None)


@pytest.mark.parametrize("term", [b"ISO_IR 999", b"latin1", b"ISO_IR 100\\nonsense", b"\xff"])
def test_an_undefined_term_is_undecodable(term: bytes) -> None:
    with pytest.raises(UndecodableText):
        character_sets_of(term)


@pytest.mark.parametrize(
    ("text", "delimiter", "vr"), [("本", b"\\", "LO"), ("本", b"\\", "PN"), ("表", b"=", "PN")]
)
def test_delimiters_inside_double_bytes_are_no_delimiters(
    text: str, delimiter: bytes, vr: str
) -> None:
    value = text.encode("iso2022_jp")
    assert delimiter in value
    assert decode(value, b"\\ISO 2022 IR 87", vr) == text


def test_the_first_set_is_back_after_a_delimiter() -> None:
    korean = b"\x1b$)C\xb1\xe8\\\xc4"
    with pytest.raises(UndecodableText):
        decode(korean, b"\\ISO 2022 IR 149")
    assert decode(b"\x1b$)C\xb1\xe8\\A", b"\\ISO 2022 IR 149") == "김\\A"


@pytest.mark.parametrize("term", [t for t, row in CHARACTER_SETS.items() if not row.double_byte_g0])
def test_every_set_reads_ascii(term: str) -> None:
    assert decode(b"ABC 123", term.encode()) == "ABC 123"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40), st.sampled_from(sorted(CHARACTER_SETS)))
def test_bytes_are_text_or_undecodable_and_never_a_question_mark(value: bytes, term: str) -> None:
    try:
        text = decode(value, term.encode())
    except UndecodableText:
        return
    assert "\ufffd" not in text or b"\xef\xbf\xbd" in value or term in ("GB18030",)
    assert text.count("?") <= value.count(b"?")
