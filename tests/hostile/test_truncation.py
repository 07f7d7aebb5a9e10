"""A file and a payload cut at every byte: what is not whole is not stored."""

from collections.abc import Iterator
from http import HTTPStatus
from struct import pack

import pytest

from chalicelib.settings import Settings
from chalicelib.standard.reasons import FailureReason as Reason
from tests.builders_dicom import (
    BIG,
    DEFLATED,
    IMPLICIT,
    JPEG_BASELINE,
    LITTLE,
    REFERENCED_IMAGE_SEQUENCE,
    REFERENCED_SOP_INSTANCE_UID,
    SERIES_INSTANCE_UID,
    UNDEFINED,
    FileParts,
    Uids,
    element,
    fragments,
    item,
    make_file,
    sequence,
)
from tests.hostile.answers import told
from tests.hostile.canary import PATIENT, find_canary
from tests.hostile.cases import (
    BOUNDARY,
    MULTIPART,
    STORED,
    Case,
    Outcome,
    Part,
    Request,
    Sequence,
    good_file,
    join_parts,
)
from tests.hostile.door import Door
from tests.hostile.fake_origin import FakeOrigin

SHAPES = {
    "explicit": {"encoding": LITTLE},
    "implicit": {"encoding": IMPLICIT},
    "big endian": {"encoding": BIG},
    "deflated": {"encoding": DEFLATED},
    "encapsulated": {
        "transfer_syntax": JPEG_BASELINE,
        "pixels": fragments(b"\xff\xd8\xff\xd9", b"\xff\xd9", offset_table=pack("<I", 0)),
    },
}


def whole_file(shape: str, number: int) -> FileParts:
    """A file with sequences of both kinds; its size does not depend on the number."""
    uids = Uids(f"2.25.{10**20 + number}", "2.25.5", "2.25.6")
    file = make_file(uids, PATIENT, **SHAPES[shape])  # type: ignore[arg-type]
    inner = LITTLE if file.encoding is DEFLATED else file.encoding
    reference = element(REFERENCED_SOP_INSTANCE_UID, "UI", b"2.25.9\0\0", encoding=inner)
    return file.with_elements(
        sequence(REFERENCED_IMAGE_SEQUENCE, item(reference, encoding=inner), encoding=inner),
        sequence(
            0x00400275,
            item(reference, length=UNDEFINED, encoding=inner),
            length=UNDEFINED,
            encoding=inner,
        ),
    )


def reasons_for(file: FileParts, size: int) -> set[Reason] | None:
    """Why a file cut to this size is refused; None when the cut leaves a whole data set."""
    head = len(file.head())
    if size < 128 + len(file.prefix):
        return {Reason.NOT_DICOM_FILE}
    if size < head:
        return {Reason.TRUNCATED, Reason.FILE_META_UNREADABLE, Reason.MISSING_ATTRIBUTE}
    if file.encoding is DEFLATED:
        return None if size >= len(file.encode()) - 1 else {Reason.TRUNCATED}
    needed = head + sum(len(e) for t, e in file.elements.items() if t <= SERIES_INSTANCE_UID)
    # The first byte of a big endian tag may be a zero: what it leaves are trailing zeros.
    is_zero = file.encode()[size - 1] == 0
    if size not in file.boundaries() and not (is_zero and size - 1 in file.boundaries()):
        return {Reason.TRUNCATED}
    return None if size >= needed else {Reason.MISSING_ATTRIBUTE}


def requests_of(parts: list[Part]) -> Iterator[list[Part]]:
    """The parts in as many groups as requests are needed."""
    for start in range(0, len(parts), Settings.max_parts):
        yield parts[start : start + Settings.max_parts]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_cut_anywhere_is_refused_unless_whole_elements_are_left(
    shape: str, door: Door
) -> None:
    size = len(whole_file(shape, 0).encode())
    cuts = range(size)
    parts = [Part(whole_file(shape, cut).encode()[:cut]) for cut in cuts]
    outcomes: list[Outcome] = []
    for group in requests_of(parts):
        answer = door.send(Case(f"cut {shape}", Request(join_parts(*group)), HTTPStatus.ACCEPTED))
        outcomes += [outcome for _, outcome in told(answer)]
        assert find_canary(answer.body) is None
        assert find_canary(answer.printed) is None

    assert len(outcomes) == size
    head = len(whole_file(shape, 0).head())
    for cut, outcome in zip(cuts, outcomes, strict=True):
        reasons = reasons_for(whole_file(shape, cut), cut)
        if reasons is None:
            assert outcome == STORED, cut
        else:
            assert outcome.reason in reasons, cut
            assert outcome.sequence is Sequence.FAILED or cut < head, cut


def test_a_payload_cut_anywhere_is_400_and_stores_nothing(fake_origin: FakeOrigin) -> None:
    body = join_parts(good_file("first"), good_file("second"))
    # The last two bytes are the line end behind the closing delimiter, which may be missing.
    for size in range(len(body) - 2):
        answer = fake_origin.post(body[:size], MULTIPART)
        assert answer.status == HTTPStatus.BAD_REQUEST, size
    assert fake_origin.instances.objects == {}

    assert body.endswith(f"--{BOUNDARY}--\r\n".encode())
    for size in (len(body) - 2, len(body) - 1, len(body)):
        assert fake_origin.post(body[:size], MULTIPART).status == HTTPStatus.OK
