"""How a session's body is cut, its checksum, and its documents: what is written is read."""

import json
from base64 import b64encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dicomweb.sessions import (
    MAX_PARTS,
    MAX_URLS,
    OpenRequest,
    PartPlan,
    PartUrl,
    Progress,
    SessionState,
    SessionStatus,
    WantedPart,
    composite_checksum,
    decode_complete,
    decode_open,
    decode_status,
    decode_urls,
    decode_wanted,
    encode_complete,
    encode_open,
    encode_status,
    encode_urls,
    encode_wanted,
    is_checksum,
    plan_parts,
)

MIB = 1 << 20
TIB = 1 << 40
DIGEST = b64encode(bytes(32)).decode()

numbers = st.integers(0, TIB)
positive = st.integers(1, TIB)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
fields = st.dictionaries(texts, st.text('abc/;="* -', max_size=20), max_size=3)
digests = st.binary(min_size=32, max_size=32).map(lambda digest: b64encode(digest).decode())


# ---------------------------------------------------------------- the body and its parts


@pytest.mark.parametrize(
    ("size", "part_bytes", "count", "last"),
    [
        (1, 8 * MIB, 1, 1),
        (8 * MIB - 1, 8 * MIB, 1, 8 * MIB - 1),
        (8 * MIB, 8 * MIB, 1, 8 * MIB),
        (8 * MIB + 1, 8 * MIB, 2, 1),
        (8000 * MIB - 1, 8 * MIB, 1000, 8 * MIB - 1),
        (8000 * MIB, 8 * MIB, 1000, 8 * MIB),
        (8000 * MIB + 1, 9 * MIB, 889, 8 * MIB + 1),
        (9000 * MIB, 9 * MIB, 1000, 9 * MIB),
        (TIB, 1049 * MIB, 1000, TIB - 999 * 1049 * MIB),
    ],
)
def test_a_body_is_cut_into_8_mib_or_a_thousandth(
    size: int, part_bytes: int, count: int, last: int
) -> None:
    plan = plan_parts(size)
    assert plan == PartPlan(size, part_bytes)
    assert (plan.count, plan.size_of(plan.count)) == (count, last)


@given(positive)
def test_parts_follow_each_other_and_are_the_body(size: int) -> None:
    plan = plan_parts(size)
    assert 1 <= plan.count <= MAX_PARTS
    assert plan.part_bytes >= 8 * MIB
    assert plan.part_bytes % MIB == 0
    assert plan.offset_of(1) == 0
    assert sum(map(plan.size_of, range(1, plan.count + 1))) == size
    assert all(
        plan.offset_of(number) + plan.size_of(number) == plan.offset_of(number + 1)
        for number in range(1, plan.count)
    )
    assert 1 <= plan.size_of(plan.count) <= plan.part_bytes


def test_the_checksum_is_s3s_composite() -> None:
    """The digests of ``abc`` and of nothing, by FIPS 180-2; around them, by OpenSSL."""
    abc = bytes.fromhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    nothing = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    assert composite_checksum([abc]) == "T4tCwi3TcptRm6b2jS2nzFstYG0F2u1a1RKMwD5sY1g=-1"
    assert composite_checksum([abc, nothing]) == "bxKQiW7oGgNJF00Z9Ec9JnoQKJxASAhh1cQq//+9efk=-2"


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=20))
def test_the_checksum_of_any_parts_is_one(parts: list[bytes]) -> None:
    hashed = [sha256(part).digest() for part in parts]
    expected = b64encode(sha256(b"".join(hashed)).digest()).decode()
    checksum = composite_checksum(iter(hashed))
    assert checksum == f"{expected}-{len(parts)}"
    assert is_checksum(checksum, len(parts))
    assert not is_checksum(checksum, len(parts) + 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        DIGEST,
        f"{DIGEST}-",
        f"{DIGEST}-0",
        f"{DIGEST}-01",
        f"{DIGEST}-2",
        f"{DIGEST}-1\n",
        f" {DIGEST}-1",
        f"{DIGEST}--1",
        f"{DIGEST}-１",
        f"{DIGEST[:-2]}-1",
        f"A{DIGEST}-1",
        DIGEST.replace("A", "_") + "-1",
        b64encode(bytes(31)).decode() + "-1",
        b64encode(bytes(33)).decode() + "-1",
        sha256(b"").hexdigest() + "-1",
    ],
)
def test_what_is_no_checksum_of_one_part(text: str) -> None:
    assert not is_checksum(text, 1)


def test_a_checksum_counts_up_to_a_thousand_parts() -> None:
    assert is_checksum(f"{DIGEST}-1000", 1000)


# ---------------------------------------------------------------- round trips


@given(st.builds(OpenRequest, texts.filter(bool), fields, positive, texts))
def test_what_opens_a_session_is_read_as_written(request: OpenRequest) -> None:
    assert decode_open(encode_open(request)) == request


@given(st.lists(st.builds(WantedPart, numbers, digests), min_size=1, max_size=MAX_URLS))
def test_wanted_parts_are_read_as_written(parts: list[WantedPart]) -> None:
    assert decode_wanted(encode_wanted(parts).encode()) == tuple(parts)


@given(texts)
def test_a_checksum_is_read_as_written(checksum: str) -> None:
    assert decode_complete(encode_complete(checksum)) == checksum


@pytest.mark.parametrize("text", ["", b"", "{}", '{"checksum":""}', '{"other":1}'])
def test_completing_needs_no_checksum(text: str | bytes) -> None:
    assert decode_complete(text) == ""


@given(st.lists(st.builds(PartUrl, numbers, texts, fields, texts), max_size=5))
def test_urls_are_read_as_written(urls: list[PartUrl]) -> None:
    assert decode_urls(encode_urls(iter(urls))) == tuple(urls)


@st.composite
def statuses(draw: st.DrawFn) -> SessionStatus:
    """A state of a session: what its document leaves out is not there."""
    state = draw(st.sampled_from(SessionState))
    is_open, is_final = state is SessionState.OPEN, state is SessionState.FINAL
    at_work = state.is_at_work
    return SessionStatus(
        identity=draw(texts),
        state=state,
        resource=draw(texts),
        plan=draw(st.builds(PartPlan, positive, positive)),
        opened=draw(texts),
        expires=draw(texts),
        received=tuple(draw(st.lists(numbers, max_size=5))) if is_open else (),
        retry_after=draw(numbers) if at_work else 0,
        is_stalled=draw(st.booleans()) if at_work else False,
        progress=draw(st.builds(Progress, *[numbers] * 5)) if at_work or is_final else Progress(),
        status=draw(numbers) if is_final else 0,
        response=draw(texts) if is_final else "",
        response_url=draw(texts) if is_final else "",
    )


@given(statuses())
def test_a_state_is_read_as_written(status: SessionStatus) -> None:
    assert decode_status(encode_status(status)) == status


COMMON = {"id", "state", "resource", "size", "part_bytes", "parts", "opened", "expires"}
AT_WORK = {"retry_after", "stalled", "progress"}


@pytest.mark.parametrize(
    ("state", "members"),
    [
        (SessionState.OPEN, {"received"}),
        (SessionState.QUEUED, AT_WORK),
        (SessionState.FRAMING, AT_WORK),
        (SessionState.PLACING, AT_WORK),
        (SessionState.FINAL, {"progress", "status", "response", "response_url"}),
        (SessionState.CANCELLED, set()),
        (SessionState.EXPIRED, set()),
    ],
)
def test_a_state_has_the_members_that_say_something(state: SessionState, members: set[str]) -> None:
    status = SessionStatus(
        "id",
        state,
        "/studies",
        PartPlan(9, 4),
        "o",
        "e",
        (1,),
        2,
        True,
        status=200,
        response="r",
        response_url="u",
    )
    document = json.loads(encode_status(status))
    assert document.keys() == COMMON | members
    assert (document["size"], document["part_bytes"], document["parts"]) == (9, 4, 3)
