"""Values by their VR: what passes, and what each kind of wrong value is called."""

import pytest

from chalicelib.origin.validate.dictionary import entry_of
from chalicelib.standard.value_grammar import GRAMMARS, VALUE_BYTES
from chalicelib.standard.vrs import VRS
from tests.builders_dicom import element, item, pad, sequence
from tests.unit.origin.validate.samples import CHARACTER_SET, Sample, cs, good

PRIVATE = 0x00091001
CREATOR = element(0x00090010, "LO", b"STOWAGE ")
TEXT_OF_LENGTH = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10240, "PN": 64}

RIGHT = (
    ("AE", b"AE 1-X"),
    ("AS", b"018M"),
    ("AT", b"\x08\0\x18\0"),
    ("CS", b"ORIGINAL\\PRIMARY\\AXIAL_1 \\"),
    ("CS", b" A "),
    ("DA", b"20240229"),
    ("DA", b"19991231\\20000101 "),
    ("DS", b"-1.5E+03\\ 2\\+.5\\3. "),
    ("DS", b"1234567890.12345"),
    ("DT", b"20240229235960.123456+1400"),
    ("DT", b"2024"),
    ("DT", b"202402-0500 "),
    ("FD", bytes(16)),
    ("FL", bytes(4)),
    ("IS", b"-2147483648\\ +7 "),
    ("LO", b"\\a\\"),
    ("LO", b"x" * 64 + b"\\" + b"y" * 64),
    ("LT", b"a\r\n\tb\x0c"),
    ("OB", bytes(3)),
    ("OD", bytes(8)),
    ("OF", bytes(4)),
    ("OL", bytes(4)),
    ("OV", bytes(8)),
    ("OW", bytes(2)),
    ("PN", b"A^B^C^D^E=F^G=H^I"),
    ("PN", b"a" * 64 + b"=" + b"b" * 64 + b"=" + b"c" * 64),
    ("SH", b"x" * 16),
    ("SL", bytes(4)),
    ("SS", bytes(2)),
    ("ST", b"\\not a delimiter\\ "),
    ("SV", bytes(8)),
    ("TM", b"23"),
    ("TM", b"235960.999999 "),
    ("UC", b"x" * 2000),
    ("UI", b"1.2.840.10008.0\0"),
    ("UI", b"2.25.1\\1.2\0"),
    ("UL", bytes(4)),
    ("UN", b"\xff\xfe\xfd"),
    ("UR", b"https://example.org/a?b=c#d "),
    ("US", bytes(2)),
    ("UT", b"a\\b\r\n"),
    ("UV", bytes(8)),
)

WRONG = (
    ("AE", b"A\tB", "value-grammar"),
    ("AE", b"A" * 17, "value-length"),
    ("AS", b"18M ", "value-grammar"),
    ("AS", b"0180M", "value-length"),
    ("AT", bytes(6), "value-bytes"),
    ("CS", b"lower case", "value-grammar"),
    ("CS", b"A-B", "value-grammar"),
    ("CS", b"A" * 17, "value-length"),
    ("DA", b"20241301", "value-grammar"),
    ("DA", b"2024.02.01", "value-grammar"),
    ("DA", b"202402", "value-grammar"),
    ("DS", b"1,5", "value-grammar"),
    ("DS", b"1.5.2", "value-grammar"),
    ("DS", b"NaN ", "value-grammar"),
    ("DS", b".", "value-grammar"),
    ("DS", b"1.23456789012345678", "value-length"),
    ("DT", b"20240229T10", "value-grammar"),
    ("DT", b"20241301", "value-grammar"),
    ("FD", bytes(12), "value-bytes"),
    ("IS", b"1.5 ", "value-grammar"),
    ("IS", b"2147483648", "value-grammar"),
    ("IS", b"0000000000001 ", "value-length"),
    ("LO", b"x" * 65, "value-length"),
    ("LO", b"a\0b ", "control-character"),
    ("LO", b"a\r\n", "control-character"),
    ("LT", b"a\x08b", "control-character"),
    ("OW", bytes(3), "value-bytes"),
    ("PN", b"A^B^C^D^E^F", "person-name"),
    ("PN", b"A=B=C=D", "person-name"),
    ("PN", b"a" * 65, "value-length"),
    ("SH", b"x" * 17, "value-length"),
    ("TM", b"24", "value-grammar"),
    ("TM", b"10:20:30", "value-grammar"),
    ("TM", b"1020301", "value-grammar"),
    ("UI", b"1.02.3", "value-grammar"),
    ("UI", b"3.1 ", "value-grammar"),
    ("UI", b"1.2." + b"9" * 61, "value-length"),
    ("UR", b"a b ", "value-grammar"),
    ("US", bytes(3), "value-bytes"),
)


def rules_of(vr: str, value: bytes, *around: bytes) -> set[str]:
    """What is found in a private element, of which the dictionary says nothing."""
    pad_byte = VRS[vr].pad if vr not in VALUE_BYTES else b""
    value += pad_byte * (len(value) % 2)
    found = Sample(good(CREATOR, element(PRIVATE, vr, value), *around).encode()).rules()
    return found - {"element-odd"}


@pytest.mark.parametrize(("vr", "value"), RIGHT)
def test_a_right_value_has_no_finding(vr: str, value: bytes) -> None:
    assert rules_of(vr, value) == set()


def test_every_vr_has_a_right_value() -> None:
    assert {vr for vr, _ in RIGHT} == VRS.keys() - {"SQ"}


@pytest.mark.parametrize(("vr", "value", "rule"), WRONG)
def test_a_wrong_value_is_found(vr: str, value: bytes, rule: str) -> None:
    assert rule in rules_of(vr, value)


def test_every_grammar_has_a_wrong_value() -> None:
    assert GRAMMARS.keys() <= {vr for vr, _, _ in WRONG}


@pytest.mark.parametrize("vr", TEXT_OF_LENGTH)
def test_lengths_are_counted_in_characters(vr: str) -> None:
    utf8 = cs(CHARACTER_SET, b"ISO_IR 192")
    longest = TEXT_OF_LENGTH[vr]
    assert rules_of(vr, "ü".encode() * longest, utf8) == set()
    assert rules_of(vr, "ü".encode() * (longest + 1), utf8) == {"value-length"}


@pytest.mark.parametrize("vr", GRAMMARS)
def test_no_grammar_takes_long(vr: str) -> None:
    for piece in (b"1", b" ", b"1.", b"A", b"\\", b"1\\"):
        assert not GRAMMARS[vr].fullmatch(piece * (60_000 // len(piece)) + b"\x01")


@pytest.mark.parametrize(
    ("terms", "value"),
    [
        (b"ISO_IR 100", "Müller".encode("latin-1")),
        (b"ISO_IR 144", "Люкceмбypг".encode("iso8859-5")),
        (b"ISO_IR 192", "王^小東".encode()),
        (b"GB18030", "王^小東".encode("gb18030")),
        (b"\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3K\\\x1b(B^\x1b$BB@O:\x1b(B"),
        (b"ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3"),
        (b"\\ISO 2022 IR 149", b"Hong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"),
    ],
)
def test_text_of_a_declared_character_set_has_no_finding(terms: bytes, value: bytes) -> None:
    assert rules_of("PN", pad(value, b" "), cs(CHARACTER_SET, terms)) == set()


@pytest.mark.parametrize(
    ("terms", "value", "rule"),
    [
        (b"ISO_IR 192", b"M\xfcller", "text-undecodable"),
        (b"ISO_IR 6", b"M\xfcller", "text-undecodable"),
        (b"ISO_IR 100", b"\x1b$B;3\x1b(B", "text-undecodable"),
        (b"ISO_IR 100", b"curly \x93quotes\x94 ", "control-character"),
        (b"LATIN1", b"M\xfcller", "character-set-unknown"),
    ],
)
def test_text_of_another_character_set_is_found(terms: bytes, value: bytes, rule: str) -> None:
    assert rule in rules_of("LO", value, cs(CHARACTER_SET, terms))


def test_an_item_may_declare_a_character_set_of_its_own() -> None:
    inside = cs(CHARACTER_SET, b"ISO_IR 192") + element(0x00081155, "UI", b"1.2\0")
    text = element(0x00204000, "LT", "ü".encode())
    items = item(inside + text) + item(text)
    found = Sample(good(CHARACTER_SET, sequence(0x00081140, items)).encode()).verdict().findings
    assert [(one.rule, one.tag_path) for one in found] == [
        ("character-set-missing", "(0008,1140)[2].(0020,4000)")
    ]


@pytest.mark.parametrize(
    ("tag", "right", "wrong"),
    [
        (0x00280010, {1}, {0, 2}),
        (0x00280030, {2}, {1, 3}),
        (0x00080008, {2, 3, 9}, {1}),
        (0x30060050, {3, 6, 300}, {1, 2, 4}),
        (0x00281101, {3}, {1, 2, 4}),
        (0x00186000, {1}, {2}),
        (0x60003000, {1}, {2}),
    ],
)
def test_multiplicity_is_that_of_the_dictionary(tag: int, right: set[int], wrong: set[int]) -> None:
    entry = entry_of(tag)
    assert entry is not None
    assert {count for count in right | wrong if entry.allows(count)} == right


def test_repeating_groups_are_in_the_dictionary() -> None:
    assert entry_of(0x60223000) == entry_of(0x60003000)
    assert entry_of(0x60223001) is None
