"""A glance sees nothing that reading with care does not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.useragent.glance import Glance
from chalicelib.useragent.headers import Identity, read_identity
from tests.builders_dicom import (
    BIG,
    DEFLATED,
    IMPLICIT,
    UNDEFINED,
    Encoding,
    Uids,
    element,
    item,
    make_file,
    sequence,
)

UIDS = Uids.of("glance")
PLAIN = make_file(UIDS).encode()
HEAD_BYTES = 8 * 1024


def read(file: bytes) -> Identity | None:
    try:
        return read_identity(MemorySource(file))
    except InstanceError:
        return None


def test_a_plain_file_is_known_at_a_glance() -> None:
    found = Glance().at(PLAIN[:HEAD_BYTES])
    assert found is not None
    assert found == read(PLAIN)


@pytest.mark.parametrize("encoding", [IMPLICIT, BIG, DEFLATED])
def test_another_encoding_is_left_to_the_careful(encoding: Encoding) -> None:
    assert Glance().at(make_file(UIDS, encoding=encoding).encode()[:HEAD_BYTES]) is None


@pytest.mark.parametrize("length", [None, UNDEFINED])
def test_uids_of_items_are_nobody_s(length: int | None) -> None:
    inner = item(element(0x0020000E, "UI", b"1.2"), length=length)
    file = make_file(UIDS).with_elements(sequence(0x00081140, inner, length=length)).encode()
    assert Glance().at(file[:HEAD_BYTES]) == (read(file) if length is None else None)


def test_a_value_cut_by_the_end_is_not_seen() -> None:
    series = PLAIN.index(UIDS.series.encode())
    for end in range(series, series + len(UIDS.series)):
        assert Glance().at(PLAIN[:end]) is None


def test_what_is_seen_of_real_files_is_what_is_read() -> None:
    folder = Path(str(get_testdata_file("CT_small.dcm"))).parent
    files = [path.read_bytes() for path in folder.glob("*.dcm")]
    files = [file for file in files if file[128:132] == b"DICM"]
    seen = [(Glance().at(file[:HEAD_BYTES]), read(file)) for file in files]
    assert all(one in (None, other) for one, other in seen)
    assert sum(one is not None for one, _ in seen) > 10


def test_a_layout_that_was_met_is_no_promise_for_the_next_file() -> None:
    glance = Glance()
    others = [Uids.of(f"glance {number}") for number in range(6)]
    files = [make_file(uids).encode() for uids in (UIDS, UIDS, *others)]
    changed = make_file(UIDS, transfer_syntax="1.2.840.10008.1.2.2.").encode()
    for file in (*files, changed, changed[:400], *files):
        seen = glance.at(file[:HEAD_BYTES])
        assert seen == Glance().at(file[:HEAD_BYTES])


@given(st.data())
def test_what_is_seen_of_a_broken_file_is_what_is_read(data: st.DataObject) -> None:
    broken = bytearray(PLAIN)
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(132, 700)) % len(broken)] = data.draw(st.integers(0, 255))
    knowing = Glance()
    for _ in range(3):
        assert knowing.at(PLAIN[:HEAD_BYTES]) == read(PLAIN)
    for glance in (Glance(), knowing):
        assert glance.at(bytes(broken[:HEAD_BYTES])) in (None, read(bytes(broken)))
