"""What one request cannot hold goes by a store session, as far as the time of a call allows."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.dicomweb.wadl import NAMESPACE
from chalicelib.forwarding.model import DeliveryState
from chalicelib.origin import hop_mark
from chalicelib.origin.hop_mark import mark_of
from chalicelib.useragent.transport import OutgoingRequest, Response
from tests.unit.forwarding.building import HOME, World, configured, make_document
from tests.unit.useragent.fakes import answer, module
from tests.unit.useragent.session_service import SessionService

LIMIT = 200  # bytes: less than any instance


@dataclass
class Destination(SessionService):
    """A service of sessions that says so, or is asked in vain."""

    says_limits: bool = True
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(max_body_bytes=LIMIT)

    def send(self, request: OutgoingRequest) -> Response:
        if request.method != "OPTIONS":
            return super().send(request)
        self.asked.append(request.url)
        limits = {"max_body_bytes": LIMIT, "max_session_bytes": 1 << 40} if self.says_limits else {}
        docs = "".join(f'<doc title="Limit {name}">{n}</doc>' for name, n in limits.items())
        wadl = f'<application xmlns="{NAMESPACE}">{docs}</application>'
        return Response(200, body=wadl.encode())


def make_world(destination: SessionService, **shape: Any) -> World:
    plan = {"representation": {"max_bytes": LIMIT, **shape}}
    world = World(configuration=configured(make_document(plan)))
    world.transport = destination  # type: ignore[assignment] # it sends as one does
    return world


def test_a_large_instance_goes_by_session_with_its_hop_mark() -> None:
    destination = Destination()
    world = make_world(destination)
    keys = world.store(1, 2)

    assert world.forward(keys) == frozenset()
    assert [world.state(key) for key in keys] == [DeliveryState.DELIVERED] * 2
    assert destination.stored == {key.sop_instance: 1 for key in keys}
    assert set(destination.kinds()) == {"open", "urls", "PUT", "complete", "state", "response"}
    [one, other] = destination.of("open")
    for opened in (one, other):
        assert opened.headers.get(hop_mark.FIELD) == hop_mark.write_marks((mark_of(HOME),))
    assert all(put.headers.get(hop_mark.FIELD) is None for put in destination.of("PUT"))


def test_a_destination_is_asked_once() -> None:
    destination = Destination()
    world = make_world(destination)
    world.forward(world.store(1, 2, 3))
    assert len(destination.asked) == 1


def test_a_destination_is_not_asked_for_what_a_request_holds() -> None:
    destination = Destination()
    destination.max_body_bytes = 1 << 20
    world = make_world(destination, max_bytes=1 << 20)
    [key] = world.store(1)
    world.forward([key])
    assert world.state(key) is DeliveryState.DELIVERED
    assert destination.asked == []


def test_a_destination_that_links_to_sessions_with_its_413_is_understood() -> None:
    destination = Destination(says_limits=False)
    world = make_world(destination)
    [key] = world.store(1)

    world.forward([key])
    assert world.state(key) is DeliveryState.DELIVERED
    assert destination.kinds()[:2] == ["store", "open"]


def test_metadata_with_bulkdata_goes_by_no_session() -> None:
    destination = Destination()
    world = make_world(destination, form="json")
    [key] = world.store(1)

    world.forward([key])
    assert set(destination.kinds()) == {"store"}
    assert world.state(key) is DeliveryState.FAILED


@pytest.mark.parametrize("kind", ["PUT", "state"])
def test_what_outlasts_the_call_is_held_and_comes_again(kind: str) -> None:
    """Before it was completed nothing is stored, and the session ends; afterwards it may be."""
    destination = Destination()
    world = make_world(destination)
    [key] = world.store(1)

    def run_out(moment: str) -> None:
        if moment == f"before {kind}":
            world.remaining = 50.0

    destination.watch = run_out
    world.forward([key])
    delivery = world.delivery(key)
    assert delivery is not None
    assert (delivery.state, delivery.is_uncertain) == (DeliveryState.HELD, kind == "state")
    assert destination.cancelled == ([] if kind == "state" else ["s1"])
    assert destination.stored == {}

    destination.watch = lambda moment: None
    world.remaining = 300.0
    world.run_postponed()
    assert world.state(key) is DeliveryState.DELIVERED


def test_what_an_unfinished_session_stored_after_all_counts_as_there() -> None:
    destination = Destination()
    world = make_world(destination)
    [key] = world.store(1)

    def run_out(moment: str) -> None:
        if moment == "before state":
            world.remaining = 50.0

    destination.watch = run_out
    world.forward([key])
    destination.watch = lambda moment: None
    destination.answers = lambda sent: answer(409, module(failed=[(sent.uids[0], 0x0111)]))
    world.remaining = 300.0
    world.run_postponed()

    delivery = world.delivery(key)
    assert delivery is not None
    assert (delivery.state, delivery.why) == (DeliveryState.UNVERIFIED, "already-there")
