"""What is announced goes where the rules say: once, held where it must wait, never in a circle."""

from datetime import timedelta

import pytest

from chalicelib.forwarding.deliver import DeliverPolicy
from chalicelib.forwarding.model import DeliveryState, Hold
from chalicelib.origin.hop_mark import FIELD, mark_of
from chalicelib.origin.ports import Unavailable
from chalicelib.useragent.errors import TransportError
from tests.builders_dicom import Patient
from tests.unit.forwarding.building import HOME, THERE, World, configured, make_document
from tests.unit.useragent.fakes import Sent, answer, module, stores_all

LOST = TransportError("gone", may_have_arrived=True)


@pytest.fixture
def world() -> World:
    return World()


def test_what_matches_is_sent_in_one_request_and_written_down(world: World) -> None:
    keys = world.store(1, 2, 3)

    assert world.forward(keys) == frozenset()
    assert len(world.transport.posts) == 1
    assert sorted(world.sent) == sorted(key.sop_instance for key in keys)
    for key in keys:
        delivery = world.delivery(key)
        assert delivery is not None
        assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 1)
        assert (delivery.status, delivery.why, delivery.lease_until) == (200, "listed", "")
    assert world.telemetry.counts["InstancesForwarded"] == 3


def test_the_bytes_sent_are_those_stored(world: World) -> None:
    [key] = world.store(1)
    world.forward([key])

    stored, _ = world.instances.objects["default", key.sop_instance]
    assert bytes(world.transport.posts[0].parts[0].body) == stored


def test_a_duplicate_event_sends_nothing(world: World) -> None:
    keys = world.store(1, 2)
    world.forward(keys)
    world.forward(keys)
    world.forward(keys[:1])

    assert len(world.transport.posts) == 1


def test_what_no_rule_matches_goes_nowhere(world: World) -> None:
    world.configuration = configured(make_document(rule={"match": {"Modality": "MR"}}))
    [key] = world.store(1)

    assert world.forward([key]) == frozenset()
    assert world.transport.sent == []
    assert world.delivery(key) is None


def test_an_instance_without_record_fails(world: World) -> None:
    keys = world.store(1, 2)
    del world.records.records[keys[0]]

    assert world.forward(keys) == {keys[0]}
    assert world.state(keys[1]) is DeliveryState.DELIVERED


# ---------------------------------------------------------------- answers


@pytest.mark.parametrize(
    "refused",
    [
        lambda sent: answer(409, module(failed=[(uid, 0x0111) for uid in sent.uids])),
        lambda sent: answer(202, module(failed=[(uid, 45070) for uid in sent.uids])),
        lambda sent: answer(409, b"it does exist", "text/plain"),
    ],
)
def test_already_there_counts_as_delivered_unverified(world: World, refused: object) -> None:
    [key] = world.answering(refused).store(1)  # type: ignore[arg-type]

    assert world.forward([key]) == frozenset()
    assert world.state(key) is DeliveryState.UNVERIFIED
    assert world.postponed == []


def test_a_permanent_failure_is_written_down_counted_and_not_tried_again(world: World) -> None:
    def refuse_first(sent: Sent) -> object:
        return answer(202, module(sent.uids[1:], failed=[(sent.uids[0], 0xC000)]))

    keys = world.answering(refuse_first).store(1, 2)  # type: ignore[arg-type]

    assert world.forward(keys) == frozenset()
    failed = next(key for key in keys if world.state(key) is DeliveryState.FAILED)
    delivery = world.delivery(failed)
    assert delivery is not None
    assert (delivery.status, delivery.reason, delivery.why) == (202, 0xC000, "reason")
    assert world.telemetry.counts["ForwardsFailed"] == 1
    world.forward(keys)
    assert (len(world.transport.posts), world.postponed) == (1, [])


@pytest.mark.parametrize(
    "fault",
    [
        answer(503, b"", "text/plain"),
        answer(401, b"", "text/plain"),
        answer(404, b"", "text/plain"),
        TransportError("refused", may_have_arrived=False),
        TransportError("certificate", may_have_arrived=False, is_permanent=True),
        LOST,
        lambda sent: answer(503, module(failed=[(uid, 0xA700) for uid in sent.uids])),
        lambda sent: answer(202, module(failed=[(uid, 0xA700) for uid in sent.uids])),
    ],
)
def test_a_passing_fault_is_tried_again_later(world: World, fault: object) -> None:
    keys = world.answering(fault).store(1, 2)  # type: ignore[arg-type]

    assert world.forward(keys) == frozenset()
    assert {world.state(key) for key in keys} == {DeliveryState.HELD}
    assert {world.delivery(key).why for key in keys} == {Hold.UNAVAILABLE}  # type: ignore[union-attr]
    [(event, seconds)] = world.postponed
    assert (len(event.instances), seconds) == (2, 30)

    world.answering(stores_all).run_postponed()
    assert {world.state(key) for key in keys} == {DeliveryState.DELIVERED}
    assert {world.delivery(key).attempts for key in keys} == {2}  # type: ignore[union-attr]


def test_delays_grow_and_end_in_the_queues_own_hands(world: World) -> None:
    world.policy = DeliverPolicy(patience=8)
    [key] = world.answering(answer(503, b"", "text/plain")).store(1)
    world.forward([key])
    delays = []
    while world.postponed:
        delays.append(world.postponed[0][1])
        failed = world.run_postponed()

    assert delays == [30, 60, 120, 240, 480, 900, 900]
    assert failed == {key}


def test_what_was_lost_on_the_way_and_exists_now_is_delivered_unverified(world: World) -> None:
    [key] = world.answering(LOST).store(1)
    world.forward([key])
    delivery = world.delivery(key)
    assert delivery is not None
    assert delivery.is_uncertain

    world.answering(lambda sent: answer(409, module(failed=[(sent.uids[0], 0x0111)])))
    world.run_postponed()
    assert world.state(key) is DeliveryState.UNVERIFIED


def test_an_object_that_is_gone_fails_alone(world: World) -> None:
    keys = world.store(1, 2)
    del world.instances.objects["default", keys[0].sop_instance]

    assert world.forward(keys) == frozenset()
    assert [world.state(key) for key in keys] == [DeliveryState.FAILED, DeliveryState.DELIVERED]


def test_an_object_that_cannot_be_read_now_is_tried_again(world: World) -> None:
    keys = world.store(1, 2)

    def trouble(method: str, uid: str) -> None:
        if uid == keys[0].sop_instance:
            raise Unavailable

    world.instances._before = trouble
    assert world.forward(keys) == frozenset()
    assert [world.state(key) for key in keys] == [DeliveryState.HELD, DeliveryState.DELIVERED]
    assert len(world.postponed) == 1


def test_no_batch_is_begun_without_time(world: World) -> None:
    world.remaining = 60
    [key] = world.store(1)

    assert world.forward([key]) == frozenset()
    assert world.transport.sent == []
    assert [seconds for _, seconds in world.postponed] == [1]


def test_unavailable_stores_fail_the_instances_of_their_study(world: World) -> None:
    [key] = world.store(1)
    world.deliveries.unavailable = True

    assert world.forward([key]) == {key}
    assert world.transport.sent == []


# ---------------------------------------------------------------- circles


def test_requests_carry_the_mark_of_all_services_so_far(world: World) -> None:
    [key] = world.store(1, via="0123456789abcdef")
    world.forward([key])

    assert world.transport.posts[0].headers.get(FIELD) == f"0123456789abcdef,{mark_of(HOME)}"


def test_a_partition_has_a_mark_of_its_own(world: World) -> None:
    [key] = world.store(1, partition="research")
    world.forward([key])

    assert world.transport.posts[0].headers.get(FIELD) == mark_of(f"{HOME}/partitions/research")


@pytest.mark.parametrize(
    "via",
    [
        mark_of(THERE),
        mark_of(THERE.upper().replace("/DICOM-WEB", "/dicom-web/")),
        f"{mark_of('https://a.example')},{mark_of(THERE)},{mark_of('https://b.example')}",
        mark_of(HOME),
        ",".join(mark_of(f"https://{n}.example") for n in range(4)),
    ],
)
def test_nothing_goes_where_it_has_been_nor_too_far(world: World, via: str) -> None:
    [key] = world.store(1, via=via)

    assert world.forward([key]) == frozenset()
    assert world.transport.sent == []
    assert world.delivery(key) is None


def test_nothing_goes_back_to_its_source(world: World) -> None:
    world.configuration = configured(make_document({"subjects": ["there-gateway"]}))
    [theirs] = world.store(1, subject="there-gateway")
    [ours] = world.store(2, subject="ward-3")
    world.forward([theirs, ours])

    assert world.sent == [ours.sop_instance]


def test_a_destination_that_is_this_service_gets_nothing(world: World) -> None:
    world.configuration = configured(make_document({"url": f"{HOME}/"}))
    [key] = world.store(1)
    world.forward([key])

    assert world.transport.sent == []


# ---------------------------------------------------------------- holds


def test_a_study_in_conflict_is_held_before_the_index_knows(world: World) -> None:
    first = world.store(1)
    second = world.store(2, patient=Patient(patient_id=b"OTHER"), is_indexed=False)

    assert world.forward([*first, *second]) == frozenset()
    assert world.transport.sent == []
    assert {world.delivery(key).why for key in [*first, *second]} == {Hold.CONFLICT}  # type: ignore[union-attr]
    [(event, seconds)] = world.postponed
    assert (len(event.instances), seconds) == (2, 900)
    assert world.telemetry.counts["ForwardsHeld"] == 2


def test_what_is_held_goes_out_when_the_study_agrees_again(world: World) -> None:
    [key] = world.store(1)
    world.store(2, patient=Patient(patient_id=b"OTHER"))
    world.forward([key])
    assert world.state(key) is DeliveryState.HELD

    world.index.series.clear()  # as an operator's correction will
    world.index_all([key])
    world.run_postponed()
    assert world.state(key) is DeliveryState.DELIVERED


def test_a_conflict_is_looked_at_for_three_days_and_then_left_to_an_operator(world: World) -> None:
    [key] = world.store(1)
    world.store(2, patient=Patient(patient_id=b"OTHER"))
    world.now += timedelta(days=3)

    assert world.forward([key]) == frozenset()
    assert world.state(key) is DeliveryState.HELD
    assert world.postponed == []


def test_what_the_index_has_not_claimed_waits_a_moment(world: World) -> None:
    [key] = world.store(1, is_indexed=False)

    assert world.forward([key]) == frozenset()
    assert [seconds for _, seconds in world.postponed] == [15]
    world.index_all([key])
    world.run_postponed()
    assert world.state(key) is DeliveryState.DELIVERED


def test_what_the_index_never_claims_fails(world: World) -> None:
    [key] = world.store(1, is_indexed=False)
    world.now += timedelta(minutes=11)

    assert world.forward([key]) == {key}


def test_outside_its_hours_a_destination_gets_nothing(world: World) -> None:
    hours = {"windows": [{"time": "12:10-13:00"}]}
    world.configuration = configured(make_document({"hours": hours}))
    [key] = world.store(1)

    world.forward([key])
    assert (world.state(key), world.transport.sent) == (DeliveryState.HELD, [])
    assert world.delivery(key).why == Hold.HOURS  # type: ignore[union-attr]
    [(_, seconds)] = world.postponed
    assert seconds == 601
    world.run_postponed()
    assert world.state(key) is DeliveryState.DELIVERED


def test_the_wait_for_hours_is_cut_to_what_a_queue_allows(world: World) -> None:
    hours = {"windows": [{"time": "20:00-06:00"}]}
    world.configuration = configured(make_document({"hours": hours}))
    world.forward(world.store(1))

    assert [seconds for _, seconds in world.postponed] == [900]
    versions = {one.version for one in world.deliveries.deliveries.values()}
    world.run_postponed()
    assert {one.version for one in world.deliveries.deliveries.values()} == versions
