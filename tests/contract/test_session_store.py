"""What every SessionStore does: the next version of what was read, or Conflict."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.dynamodb.sessions import DynamoDbSessionStore
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.dicomweb.negotiation import ResponseFormat
from chalicelib.dicomweb.sessions import PartPlan, SessionState
from chalicelib.dicomweb.store_instances import Tally
from chalicelib.origin.ports import Conflict, Unavailable
from chalicelib.origin.sessions.model import Answer, Framed, Placed, Session, SessionName
from chalicelib.origin.sessions.ports import SessionStore
from tests.fakes.sessions import MemorySessionStore

HEADERS = (("Content-Type", "application/dicom+json"), ("Location", "https://x/studies/1.2"))


def make_session(partition: str = "default", **changes: Any) -> Session:
    """A session as it is opened."""
    opened = Session(
        name=SessionName(partition, "0123456789abcdef" * 2),
        subject="",
        resource="/studies",
        content_type="application/dicom",
        form=ResponseFormat.JSON,
        plan=PartPlan(20 << 20, 8 << 20),
        upload_id="upload",
        opened="2026-05-01T10:00:00.123Z",
        expires="2026-05-02T10:00:00.123Z",
    )
    return replace(opened, **changes)


CHANGES: dict[str, Any] = {
    "subject": "Jürgen Müller/漢字 %41+@x",
    "resource": "/studies/1.2.3",
    "content_type": 'multipart/related; type="application/dicom"; boundary="a b"',
    "form": ResponseFormat.MULTIPART_XML,
    "plan": PartPlan(1 << 40, 1049 << 20),
    "upload_id": "u" * 200,
    "opened": "2026-01-01T00:00:00.000Z",
    "expires": "2026-12-31T23:59:59.999Z",
    "via": "0123456789abcdef,fedcba9876543210",
    "checksum": "T4tCwi3TcptRm6b2jS2nzFstYG0F2u1a1RKMwD5sY1g=-3",
    "state": SessionState.PLACING,
    "fence": 7,
    "lease_until": "2026-05-01T10:01:30.000Z",
    "attempts": 3,
    "under_way": 7,
    "framed": Framed(3, 1400, 1 << 39, ((1, 0), (2, 2), (7, 3))),
    "placed": Placed(2, 1000, Tally(900, 30, 100, 7), ("1.2", "1.3")),
    "answer": Answer(202, HEADERS, 3_000_001),
}


@pytest.fixture
def sessions(kind: str, request: pytest.FixtureRequest) -> SessionStore:
    if kind == "fake":
        return MemorySessionStore()
    return DynamoDbSessionStore(request.getfixturevalue("table"))


def test_a_session_that_never_was_is_none(sessions: SessionStore, partition: str) -> None:
    assert sessions.read(SessionName(partition, "f" * 32)) is None


def test_a_session_is_read_as_written_with_the_next_version(
    sessions: SessionStore, partition: str
) -> None:
    opened = make_session(partition)
    written = sessions.write(opened)
    assert written == replace(opened, version=1)
    assert sessions.read(opened.name) == written
    again = sessions.write(replace(written, state=SessionState.QUEUED))
    assert (again.version, again.state) == (2, SessionState.QUEUED)
    assert sessions.read(opened.name) == again


def test_every_field_has_a_change_here() -> None:
    assert CHANGES.keys() == {one.name for one in fields(Session)} - {"name", "version"}


@pytest.mark.parametrize("name", CHANGES)
def test_each_field_is_found_as_it_was_given(
    sessions: SessionStore, partition: str, name: str
) -> None:
    opened = make_session(partition)
    changed = replace(opened, **{name: CHANGES[name]})
    assert changed != opened
    written = sessions.write(changed)
    assert written == replace(changed, version=1)
    assert sessions.read(opened.name) == written


def test_all_fields_at_once_are_found_as_they_were_given(
    sessions: SessionStore, partition: str
) -> None:
    written = sessions.write(make_session(partition, **CHANGES))
    assert sessions.read(written.name) == written == make_session(partition, **CHANGES, version=1)


@pytest.mark.parametrize("state", SessionState)
def test_every_state_is_kept(sessions: SessionStore, partition: str, state: SessionState) -> None:
    written = sessions.write(make_session(partition, state=state))
    assert sessions.read(written.name) == written


@pytest.mark.parametrize("form", ResponseFormat)
def test_every_form_is_kept(sessions: SessionStore, partition: str, form: ResponseFormat) -> None:
    written = sessions.write(make_session(partition, form=form))
    assert sessions.read(written.name) == written


@pytest.mark.parametrize("stale", [0, 1, 3])
def test_another_version_is_a_conflict_and_stays(
    sessions: SessionStore, partition: str, stale: int
) -> None:
    first = sessions.write(make_session(partition))
    second = sessions.write(replace(first, fence=1))
    with pytest.raises(Conflict):
        sessions.write(replace(second, fence=2, version=stale))
    assert sessions.read(second.name) == second


def test_a_next_version_of_nothing_is_a_conflict(sessions: SessionStore, partition: str) -> None:
    session = make_session(partition, version=1)
    with pytest.raises(Conflict):
        sessions.write(session)
    assert sessions.read(session.name) is None


def test_of_two_that_read_one_version_one_writes(sessions: SessionStore, partition: str) -> None:
    read = sessions.write(make_session(partition))
    first = sessions.write(replace(read, fence=1))
    with pytest.raises(Conflict):
        sessions.write(replace(read, fence=2))
    assert sessions.read(read.name) == first


def test_sessions_are_told_apart_by_partition_and_identity(
    sessions: SessionStore, partition: str
) -> None:
    one = sessions.write(make_session(partition))
    other = sessions.write(replace(one, name=SessionName(partition, "e" * 32), version=0, fence=9))
    assert sessions.read(one.name) == one
    assert sessions.read(other.name) == other
    assert sessions.read(SessionName(f"{partition}-b", one.name.identity)) is None


# ---------------------------------------------------------------- DynamoDB


def test_an_item_may_be_deleted_a_week_after_the_session_expires(
    table: Table, partition: str
) -> None:
    session = make_session(partition, expires="2026-05-02T10:00:00.900Z")
    DynamoDbSessionStore(table).write(session)
    item = table.get((f"{partition}#session/{session.name.identity}", "session"))
    assert item is not None
    ends = datetime.fromisoformat("2026-05-09T10:00:00Z")
    assert item["expires_at"] == {"N": str(int(ends.timestamp()))}


def test_the_item_of_a_session_with_a_thousand_writers_is_not_too_large(
    table: Table, partition: str
) -> None:
    writers = tuple((fence, fence) for fence in range(1000))
    session = make_session(partition, framed=Framed(1000, 100_000, 1 << 40, writers))
    store = DynamoDbSessionStore(table)
    assert store.read(store.write(session).name) == replace(session, version=1)


class ThrottlingClient:
    """A client that is always told to slow down."""

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> Any:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, name)

        return call


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.read(SessionName("default", "0" * 32)),
        lambda store: store.write(make_session()),
    ],
    ids=["read", "write"],
)
def test_a_throttled_call_is_unavailable(act: Callable[[SessionStore], object]) -> None:
    store = DynamoDbSessionStore(Table(ThrottlingClient(), "stowage", lambda _: None))
    with pytest.raises(Unavailable):
        act(store)
