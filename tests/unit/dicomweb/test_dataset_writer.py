"""Values as PS3.5 wants them in Explicit VR Little Endian."""

from contextlib import suppress
from io import BytesIO
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from chalicelib.dicomweb.dataset import BulkdataReference, Dataset, Element, Value
from chalicelib.dicomweb.dataset_writer import EncodedValue, Path, encode_dataset
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.standard.reasons import FailureReason
from chalicelib.standard.vrs import VRS
from tests.unit.dicomweb.elements import explicit, item


def encode(*elements: Element, value: EncodedValue | None = None) -> bytes:
    def resolve(element: Element, path: Path) -> EncodedValue:
        assert value is not None
        return value

    return b"".join(encode_dataset(Dataset(elements), resolve))


TAG = 0x00091001
VALUES: list[tuple[str, tuple[Value, ...], bytes]] = [
    ("AE", ("ONE", "TWO"), b"ONE\\TWO "),
    ("AS", ("042Y",), b"042Y"),
    ("CS", ("A",), b"A "),
    ("CS", ("", "B"), b"\\B"),
    ("DA", ("20240101",), b"20240101"),
    ("DS", ("1.50", "2"), b"1.50\\2"),
    ("DT", ("2024",), b"2024"),
    ("IS", ("-7",), b"-7"),
    ("TM", ("120000.5",), b"120000.5"),
    ("UI", ("1.2.3",), b"1.2.3\0"),
    ("LO", ("Größe",), "Größe ".encode()),
    ("LT", ("a\\b",), b"a\\b "),
    ("PN", ("Yamada^Tarou=山田^太郎",), "Yamada^Tarou=山田^太郎".encode()),
    ("SH", ("x", "", "y"), b"x\\\\y"),
    ("ST", ("t",), b"t "),
    ("UC", ("u",), b"u "),
    ("UR", ("http://a/b",), b"http://a/b"),
    ("UT", ("ü",), "ü".encode()),
    ("AT", (0x00181063, 0x7FE00010), bytes.fromhex("18006310e07f1000")),
    ("FD", (1.5, -2), pack("<2d", 1.5, -2)),
    ("FL", (0.25,), pack("<f", 0.25)),
    ("SL", (-1,), b"\xff\xff\xff\xff"),
    ("SS", (-2,), b"\xfe\xff"),
    ("SV", (-(2**63),), pack("<q", -(2**63))),
    ("UL", (2**32 - 1,), b"\xff\xff\xff\xff"),
    ("US", (1, 65535), b"\x01\0\xff\xff"),
    ("UV", (2**64 - 1,), b"\xff" * 8),
    ("OB", (b"\x01",), b"\x01\0"),
    ("OB", (b"",), b""),
    ("OD", (bytes(8),), bytes(8)),
    ("OF", (bytes(4),), bytes(4)),
    ("OL", (bytes(4),), bytes(4)),
    ("OV", (bytes(8),), bytes(8)),
    ("OW", (b"\x01\x02",), b"\x01\x02"),
    ("UN", (b"\x01\x02\x03",), b"\x01\x02\x03\0"),
]


@pytest.mark.parametrize(("vr", "values", "content"), VALUES)
def test_a_value_is_written_by_its_vr(vr: str, values: tuple[Value, ...], content: bytes) -> None:
    assert encode(Element(TAG, vr, values=values)) == explicit(TAG, vr, content)


def test_every_vr_has_a_sample() -> None:
    assert {vr for vr, _, _ in VALUES} == set(VRS) - {"SQ"}


@pytest.mark.parametrize("vr", sorted(VRS))
def test_no_values_are_zero_length(vr: str) -> None:
    assert encode(Element(TAG, vr)) == explicit(TAG, vr)


@pytest.mark.parametrize(
    ("vr", "values"),
    [
        ("US", (65536,)),
        ("US", (-1,)),
        ("US", ("1",)),
        ("SS", (1.5,)),
        ("FL", (1e39,)),
        ("FD", (b"",)),
        ("UV", (2**64,)),
        ("AT", (-1,)),
        ("AT", (2**32,)),
        ("AT", ("00100010",)),
        ("CS", ("É",)),
        ("UI", ("1.2.٣",)),
        ("LO", ("\ud800",)),
        ("LO", (1,)),
        ("DS", (1.5,)),
        ("LT", ("one", "two")),
        ("UR", ("http://a", "http://b")),
        ("OB", (b"", b"")),
        ("OB", ("text",)),
        ("OW", (b"\x01",)),
        ("OD", (bytes(4),)),
        ("SQ", ("Doe^Jane",)),
        ("XX", ("unknown",)),
        ("", ("unknown",)),
    ],
)
def test_a_value_its_vr_cannot_hold_is_refused(vr: str, values: tuple[Value, ...]) -> None:
    nested = Element(0x00081140, "SQ", values=(Dataset([Element(TAG, vr, values=values)]),))
    with pytest.raises(InstanceError) as refused:
        encode(nested)
    assert refused.value.reason is FailureReason.DATA_SET_MISMATCH
    assert refused.value.tag_path == "(0008,1140)[1].(0009,1001)"
    texts = [value for value in values if isinstance(value, str) and len(value) > 3]
    assert not any(text in refused.value.detail for text in texts)


def test_a_value_too_long_for_its_length_field_becomes_un() -> None:
    fits, does_not = ("x" * 65534,), ("1\\" * 32767 + "1",)
    assert encode(Element(TAG, "LT", values=fits)) == explicit(TAG, "LT", b"x" * 65534)
    content = does_not[0].encode() + b" "
    assert len(content) == 65536
    assert encode(Element(TAG, "DS", values=does_not)) == explicit(TAG, "UN", content)


def test_un_for_long_values_reads_back_as_the_vr() -> None:
    curve = Element(0x00281201, "US", values=tuple(range(0, 65536, 2)) * 2)
    written = dcmread(BytesIO(encode(curve)), force=True)
    assert written[0x00281201].VR in ("UN", "OW")
    assert written[0x00281201].value == pack("<65536H", *curve.values)  # type: ignore[arg-type]


def test_elements_ascend_and_group_lengths_are_left_out() -> None:
    written = encode(
        Element(0x00100020, "LO", values=("P1",)),
        Element(0x00100000, "UL", values=(4,)),
        Element(0x00080060, "CS", values=("CT",)),
    )
    assert written == explicit(0x00080060, "CS", b"CT") + explicit(0x00100020, "LO", b"P1")


def test_sequences_and_items_have_defined_lengths() -> None:
    inner = Dataset([Element(0x00081155, "UI", values=("1.2",))])
    outer = Element(
        0x00081115,
        "SQ",
        values=(Dataset([Element(0x00081199, "SQ", values=(inner, inner))]), Dataset()),
    )
    items = item(explicit(0x00081155, "UI", b"1.2\0")) * 2
    expected = item(explicit(0x00081199, "SQ", items)) + item()
    assert encode(outer) == explicit(0x00081115, "SQ", expected)


def test_specific_character_set_says_utf_8_wherever_it_stands() -> None:
    nested = Dataset([Element(0x00080005, "CS", values=("ISO_IR 100",))])
    written = encode(
        Element(0x00080005, "CS", values=("ISO 2022 IR 6", "ISO 2022 IR 87")),
        Element(0x00081140, "SQ", values=(nested,)),
    )
    utf_8 = explicit(0x00080005, "CS", b"ISO_IR 192")
    assert written == utf_8 + explicit(0x00081140, "SQ", item(utf_8))


def test_bulkdata_are_padded_by_their_vr_and_not_copied() -> None:
    content = memoryview(b"abc")
    value = EncodedValue((content,), "OB")
    buffers = encode_dataset(
        Dataset([Element(TAG, "OB", bulkdata=BulkdataReference("x"))]), lambda *_: value
    )
    assert any(buffer is content for buffer in buffers)
    assert b"".join(buffers) == explicit(TAG, "OB", b"abc\0")
    text = Element(TAG, "UT", bulkdata=BulkdataReference("x"))
    assert encode(text, value=EncodedValue((b"a", b"bc"), "UT")) == explicit(TAG, "UT", b"abc ")


def test_long_bulkdata_of_a_short_vr_become_un() -> None:
    numbers = Element(TAG, "US", bulkdata=BulkdataReference("x"))
    written = encode(numbers, value=EncodedValue((bytes(65536),), "US"))
    assert written == explicit(TAG, "UN", bytes(65536))


@pytest.mark.parametrize("tag", [0x00000002, 0xFFFEE000, 0x1_0000_0002])
def test_what_is_no_element_of_a_data_set_is_refused(tag: int) -> None:
    with pytest.raises(InstanceError):
        encode(Element(tag, "UL", values=(1,)))


def test_bulkdata_for_a_sequence_are_refused() -> None:
    with pytest.raises(InstanceError):
        encode(Element(0x00081140, "SQ", bulkdata=BulkdataReference("x")))


@pytest.mark.parametrize(("depth", "is_refused"), [(32, False), (33, True), (2000, True)])
def test_nesting_is_bounded(depth: int, is_refused: bool) -> None:
    dataset = Dataset()
    for _ in range(depth):
        dataset = Dataset([Element(0x00081140, "SQ", values=(dataset,))])
    if not is_refused:
        assert encode(*dataset)
        return
    with pytest.raises(InstanceError) as refused:
        encode(*dataset)
    assert refused.value.reason is FailureReason.TOO_DEEP


SOME_VALUE = st.one_of(
    st.text(max_size=20), st.integers(), st.floats(), st.binary(max_size=9), st.just(Dataset())
)


@given(
    st.sampled_from([*VRS, "ZZ"]),
    st.lists(SOME_VALUE, max_size=3).map(tuple),
    st.integers(0, 0xFFFFFFFF),
)
def test_any_value_is_written_evenly_or_refused(
    vr: str, values: tuple[Value, ...], tag: int
) -> None:
    with suppress(InstanceError):
        assert len(encode(Element(tag, vr, values=values))) % 2 == 0
