"""Of two who deliver at once only one sends, and a claim whose owner died lapses."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event

import pytest

from chalicelib.forwarding.model import Delivery, DeliveryState
from chalicelib.origin.ports import Unavailable
from chalicelib.useragent.transport import Response
from tests.unit.forwarding.building import World, configured, dated, make_document
from tests.unit.useragent.fakes import Sent, answer, module, stores_all


def test_two_at_once_send_once() -> None:
    meet = Barrier(2, timeout=5)

    def claim_together(delivery: Delivery) -> None:
        if delivery.state is DeliveryState.SENDING:
            meet.wait()

    world = World(configuration=configured(make_document({"max_concurrency": 2})))
    world.deliveries._before_write = claim_together
    [key] = world.store(1)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(world.forward, [[key], [key]])) == [frozenset(), frozenset()]

    assert world.sent == [key.sop_instance]
    assert world.state(key) is DeliveryState.DELIVERED
    assert [seconds for _, seconds in world.postponed] == [60]
    world.run_postponed()
    assert world.sent == [key.sop_instance]


def test_a_claim_of_another_is_waited_for() -> None:
    world = World()
    [key] = world.store(1)
    until = dated(world.now + timedelta(seconds=100))
    claim = Delivery(key, "there", DeliveryState.SENDING, "", 1, lease_until=until)
    world.deliveries.write(claim)

    world.forward([key])
    assert world.transport.sent == []
    assert [seconds for _, seconds in world.postponed] == [101]


def test_a_claim_that_lapsed_is_taken_over_as_uncertain() -> None:
    world = World()
    world.answering(lambda sent: answer(409, module(failed=[(sent.uids[0], 0x0111)])))
    [key] = world.store(1)
    until = dated(world.now - timedelta(seconds=1))
    world.deliveries.write(Delivery(key, "there", DeliveryState.SENDING, "", 1, lease_until=until))
    world.forward([key])

    delivery = world.delivery(key)
    assert delivery is not None
    assert (delivery.state, delivery.attempts) == (DeliveryState.UNVERIFIED, 2)
    assert delivery.why == "already-there"


def test_who_loses_the_lease_while_sending_writes_nothing() -> None:
    world = World()
    [key] = world.store(1)

    def take_over(sent: Sent) -> Response:
        claim = world.delivery(key)
        assert claim is not None
        world.deliveries.write(claim)
        return stores_all(sent)

    world.answering(take_over)
    assert world.forward([key]) == frozenset()
    assert world.state(key) is DeliveryState.SENDING
    assert len(world.postponed) == 1


def test_what_was_sent_and_cannot_be_written_down_fails() -> None:
    world = World()
    [key] = world.store(1)

    def refuse_ends(delivery: Delivery) -> None:
        if delivery.state is DeliveryState.DELIVERED:
            raise Unavailable

    world.deliveries._before_write = refuse_ends
    assert world.forward([key]) == {key}
    assert world.state(key) is DeliveryState.SENDING


@pytest.mark.parametrize(("most", "posts"), [(1, 1), (2, 2)])
def test_a_destination_is_sent_to_by_no_more_at_once_than_it_allows(most: int, posts: int) -> None:
    world = World(configuration=configured(make_document({"max_concurrency": most})))
    first, second = world.store(1, 2)
    begun, go_on = Event(), Event()

    def slowly(sent: Sent) -> Response:
        if sent.uids == [first.sop_instance]:
            begun.set()
            go_on.wait(5)
        return stores_all(sent)

    world.answering(slowly)
    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(world.forward, [first])
        begun.wait(5)
        world.forward([second])
        during = len(world.transport.posts)
        go_on.set()
        task.result()

    assert during == posts
    assert len(world.postponed) == 2 - posts
    for _ in list(world.postponed):
        world.run_postponed()
    assert world.state(second) is DeliveryState.DELIVERED


def test_batches_hold_no_more_than_the_destination_takes() -> None:
    shape = {"representation": {"max_instances": 2}}
    world = World(configuration=configured(make_document(shape)))
    world.forward(world.store(*range(5)))

    assert [len(post.uids) for post in world.transport.posts] == [2, 2, 1]
