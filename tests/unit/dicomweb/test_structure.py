"""The structural walk: what it visits, what it refuses, and that nothing else comes out of it."""

from contextlib import suppress
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.dicomweb.byte_source import MemorySource, RangeSource
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.structure import Kind, StructuralWalk, StructureLimits
from chalicelib.standard.reasons import FailureReason
from chalicelib.standard.transfer_syntaxes import Encoding
from tests.unit.dicomweb.elements import (
    ITEM_DELIMITER,
    SEQUENCE_DELIMITER,
    UNDEFINED,
    big_endian,
    explicit,
    implicit,
    item,
)

SEQUENCE = 0x00081140
UID = 0x00081155
PIXEL_DATA = 0x7FE00010
FRAGMENTS = item() + item(b"\xff\xd8\xff\xd9") + SEQUENCE_DELIMITER

# One list drives every direction: whole, through windows, cut short.
# Each is a list of top-level elements.
TOP_LEVEL: dict[str, tuple[Encoding, bool, list[bytes]]] = {
    "flat": (
        Encoding.EXPLICIT_LITTLE,
        False,
        [explicit(0x00080005, "CS", b"ISO_IR 192"), explicit(PIXEL_DATA, "OW", b"\1" * 64)],
    ),
    "defined lengths": (
        Encoding.EXPLICIT_LITTLE,
        False,
        [
            explicit(SEQUENCE, "SQ", item(explicit(UID, "UI", b"1.2\0")) + item()),
            explicit(0x00100010, "PN", b"A^B "),
        ],
    ),
    "undefined lengths": (
        Encoding.EXPLICIT_LITTLE,
        False,
        [
            explicit(SEQUENCE, "SQ", length=UNDEFINED)
            + item(explicit(UID, "UI", b"1.2\0"), undefined=True)
            + SEQUENCE_DELIMITER,
            explicit(0x00100010, "PN", b"A^B "),
        ],
    ),
    "nested twice": (
        Encoding.EXPLICIT_LITTLE,
        False,
        [
            explicit(
                SEQUENCE, "SQ", item(explicit(SEQUENCE, "SQ", item(explicit(UID, "UI", b"1\0"))))
            )
        ],
    ),
    "implicit": (
        Encoding.IMPLICIT_LITTLE,
        False,
        [implicit(SEQUENCE, item(implicit(UID, b"1.2\0"))), implicit(0x00091001, b"private!")],
    ),
    "implicit, undefined lengths": (
        Encoding.IMPLICIT_LITTLE,
        False,
        [
            implicit(0x00091001, length=UNDEFINED)
            + item(implicit(UID, b"1.2\0"), undefined=True)
            + SEQUENCE_DELIMITER
        ],
    ),
    "big endian": (
        Encoding.EXPLICIT_BIG,
        False,
        [big_endian(0x7FE00008, "OF", b"\1" * 8), big_endian(PIXEL_DATA, "OW", b"\1" * 8)],
    ),
    "UN of undefined length holds implicit items": (
        Encoding.EXPLICIT_LITTLE,
        False,
        [
            explicit(0x00091001, "UN", length=UNDEFINED)
            + item(implicit(UID, b"1.2\0"))
            + SEQUENCE_DELIMITER
        ],
    ),
    "encapsulated": (
        Encoding.EXPLICIT_LITTLE,
        True,
        [explicit(PIXEL_DATA, "OB", length=UNDEFINED) + FRAGMENTS],
    ),
}
WELL_FORMED = {name: (*how, b"".join(parts)) for name, (*how, parts) in TOP_LEVEL.items()}
SAMPLES = pytest.mark.parametrize("name", WELL_FORMED)


def walk(data: bytes, encoding: Encoding = Encoding.EXPLICIT_LITTLE, **options: object) -> list:
    encapsulated = bool(options.pop("encapsulated", False))
    limits = StructureLimits(**options)  # type: ignore[arg-type]
    return list(StructuralWalk(MemorySource(data), encoding, encapsulated, limits=limits))


def refusal(data: bytes, **options: object) -> InstanceError:
    with pytest.raises(InstanceError) as caught:
        walk(data, **options)  # type: ignore[arg-type]
    return caught.value


@SAMPLES
def test_what_opens_is_closed(name: str) -> None:
    encoding, encapsulated, data = WELL_FORMED[name]
    steps = walk(data, encoding, encapsulated=encapsulated)
    kinds = [step.kind for step in steps]
    for opening, closing in (
        (Kind.SEQUENCE, Kind.END_SEQUENCE),
        (Kind.ITEM, Kind.END_ITEM),
        (Kind.FRAGMENTS, Kind.END_FRAGMENTS),
    ):
        assert kinds.count(opening) == kinds.count(closing)
    assert all(step.offset + step.length <= len(data) for step in steps if step.kind == 0)


@SAMPLES
@pytest.mark.parametrize("window", [12, 16, 64])
def test_windows_see_what_memory_sees(name: str, window: int) -> None:
    encoding, encapsulated, data = WELL_FORMED[name]
    source = RangeSource(len(data), lambda start, n: data[start : start + n], window)
    through_windows = list(StructuralWalk(source, encoding, encapsulated))
    assert through_windows == walk(data, encoding, encapsulated=encapsulated)


@SAMPLES
def test_every_cut_is_refused_or_ends_between_two_elements(name: str) -> None:
    encoding, encapsulated, data = WELL_FORMED[name]
    ends = {0, *accumulate(map(len, TOP_LEVEL[name][2]))}
    for length in range(len(data)):
        if length in ends:
            walk(data[:length], encoding, encapsulated=encapsulated)
        else:
            error = refusal(data[:length], encoding=encoding, encapsulated=encapsulated)
            assert error.reason is FailureReason.TRUNCATED


def test_depth_counts_the_items_around() -> None:
    _, _, data = WELL_FORMED["nested twice"]
    assert [step.depth for step in walk(data)] == [0, 1, 1, 2, 2, 2, 1, 1, 0]


def test_an_element_must_end_inside_its_item() -> None:
    lying = explicit(SEQUENCE, "SQ", item(explicit(UID, "UI", b"1.2\0", length=40)))
    error = refusal(lying + explicit(0x00100010, "PN", b"x" * 60))
    assert error.reason is FailureReason.MALFORMED_STRUCTURE
    assert error.tag_path == "(0008,1140)[1].(0008,1155)"


def test_an_element_must_end_inside_the_data_set() -> None:
    error = refusal(explicit(0x00100010, "PN", b"A^B ", length=60))
    assert error.reason is FailureReason.TRUNCATED
    assert error.detail == "(0010,0010) promises 60 bytes at byte 8, 4 are left in the data set."


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(explicit(PIXEL_DATA, "OW", length=UNDEFINED) + FRAGMENTS, id="native pixels"),
        pytest.param(explicit(0x00100010, "UT", length=UNDEFINED), id="text without end"),
        pytest.param(ITEM_DELIMITER, id="item delimiter at the top"),
        pytest.param(SEQUENCE_DELIMITER, id="sequence delimiter at the top"),
        pytest.param(item(), id="item at the top"),
        pytest.param(explicit(SEQUENCE, "SQ", b"\1\2\3\4\5\6\7\0"), id="no item in a sequence"),
        pytest.param(explicit(SEQUENCE, "SQ", b"\1\2\3\4"), id="half an item header"),
        pytest.param(explicit(SEQUENCE, "SQ", item(ITEM_DELIMITER)), id="delimiter in a length"),
        pytest.param(
            explicit(SEQUENCE, "SQ", length=UNDEFINED) + b"\xfe\xff\xdd\xe0\1\0\0\0",
            id="delimiter with a length",
        ),
        pytest.param(b"\x10\0\x10\0\x01\x02\x04\0abcd", id="no VR"),
    ],
)
def test_contradictions_are_malformed(broken: bytes) -> None:
    assert refusal(broken).reason is FailureReason.MALFORMED_STRUCTURE


@pytest.mark.parametrize("group_0", [b"\0" * 8 + b"A", implicit(0x00000002, b"1.2\0")])
def test_group_0000_is_no_data_set(group_0: bytes) -> None:
    assert refusal(group_0).reason is FailureReason.MALFORMED_STRUCTURE


@pytest.mark.parametrize("zeros", [1, 7, 8, 12, 512])
@pytest.mark.parametrize("encoding", [Encoding.EXPLICIT_LITTLE, Encoding.IMPLICIT_LITTLE])
def test_zeros_after_the_last_element_are_observed(zeros: int, encoding: Encoding) -> None:
    element = implicit if encoding is Encoding.IMPLICIT_LITTLE else explicit
    last = element(UID, b"1.2\0") if element is implicit else explicit(UID, "UI", b"1.2\0")
    walk = StructuralWalk(MemorySource(last + b"\0" * zeros), encoding, False)
    assert len(list(walk)) == 1
    assert walk.observations == {"trailing-zeros"}


def test_zeros_inside_an_item_are_refused() -> None:
    assert refusal(explicit(SEQUENCE, "SQ", item(b"\0" * 8))).reason


def test_a_future_vr_is_read_by_its_long_form() -> None:
    future = b"\x08\0\x01\0ZZ\0\0" + (4).to_bytes(4, "little") + b"abcd"
    walk = StructuralWalk(MemorySource(future), Encoding.EXPLICIT_LITTLE, False)
    assert [step.vr for step in walk] == ["UN"]
    assert walk.observations == {"unknown-vr"}


@pytest.mark.parametrize(
    ("data", "observation"),
    [
        (explicit(0x00080060, "CS", b"CT0"), "odd-length"),
        (explicit(0x00080060, "CS") + explicit(0x00080060, "CS"), "repeated-tag"),
        (explicit(0x00100010, "PN") + explicit(0x00080060, "CS"), "unordered-tags"),
    ],
)
def test_tolerance_is_observed(data: bytes, observation: str) -> None:
    walk = StructuralWalk(MemorySource(data), Encoding.EXPLICIT_LITTLE, False)
    list(walk)
    assert walk.observations == {observation}


def nested(depth: int) -> bytes:
    opening = explicit(SEQUENCE, "SQ", length=UNDEFINED) + b"\xfe\xff\0\xe0\xff\xff\xff\xff"
    return opening * depth + (ITEM_DELIMITER + SEQUENCE_DELIMITER) * depth


def test_nesting_is_bounded() -> None:
    assert walk(nested(32))
    assert refusal(nested(33)).reason is FailureReason.TOO_DEEP
    assert refusal(nested(100_000)).reason is FailureReason.TOO_DEEP


@pytest.mark.parametrize("flood", [explicit(0x00080060, "CS"), item()])
def test_elements_and_items_are_counted(flood: bytes) -> None:
    data = flood * 11 if flood != item() else explicit(SEQUENCE, "SQ", flood * 11)
    assert refusal(data, max_elements=10).reason is FailureReason.TOO_MANY_ELEMENTS


def test_a_flood_of_zero_tags_costs_one_look() -> None:
    # Zeros, then something: each zero tag must not scan the rest again.
    error = refusal(b"\0" * 4_000_000 + b"A")
    assert error.reason is FailureReason.MALFORMED_STRUCTURE


@settings(max_examples=150, deadline=None)
@given(
    data=st.binary(max_size=200),
    encoding=st.sampled_from(
        [Encoding.EXPLICIT_LITTLE, Encoding.IMPLICIT_LITTLE, Encoding.EXPLICIT_BIG]
    ),
    encapsulated=st.booleans(),
)
def test_garbage_is_refused_or_walked(data: bytes, encoding: Encoding, encapsulated: bool) -> None:
    with suppress(InstanceError):
        walk(data, encoding, encapsulated=encapsulated)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(WELL_FORMED)), st.data())
def test_one_changed_byte_is_refused_or_walked(name: str, draw: st.DataObject) -> None:
    encoding, encapsulated, data = WELL_FORMED[name]
    at = draw.draw(st.integers(0, len(data) - 1))
    changed = data[:at] + bytes([draw.draw(st.integers(0, 255))]) + data[at + 1 :]
    with suppress(InstanceError):
        walk(changed, encoding, encapsulated=encapsulated)
