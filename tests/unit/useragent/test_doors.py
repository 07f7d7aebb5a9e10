"""Which door: the rule, what teaches it, and how instances are gathered for it."""

import pytest

from chalicelib.dicomweb.sessions import RELATION
from chalicelib.useragent.doors import (
    LOT_BYTES,
    LOT_INSTANCES,
    SESSION_FROM_BYTES,
    Door,
    Doors,
    can_go_by_session,
    lots,
)
from chalicelib.useragent.model import Instance
from chalicelib.useragent.payloads import DicomEncoder, WireOptions
from chalicelib.useragent.plan import BatchLimits
from chalicelib.useragent.representations import JsonEncoder
from tests.unit.useragent.fakes import BASE, answer, make_instance, make_instances

MB = 1_000_000
OFFERED = {"max_body_bytes": 4_690_000, "max_session_bytes": 1 << 40, "max_session_parts": 100_000}
LINK = f'<{BASE}/sessions>; rel="{RELATION}"'


def make_doors(choice: Door = Door.AUTO, **said: int) -> Doors:
    doors = Doors(BatchLimits(4 * MB), choice)
    doors.learn(OFFERED | said)
    return doors


def shapes(costs: list[int], doors: Doors) -> list[tuple[str, int]]:
    """Return the door and the number of instances of each batch, for instances of these costs."""
    cost = dict(zip((one.sop_instance for one in make_instances(len(costs))), costs, strict=True))

    def cost_of(one: Instance) -> int:
        return cost[one.sop_instance]

    return [
        ("session" if doors.by_session(sum(map(cost_of, lot))) else "small", len(lot))
        for lot in lots(make_instances(len(costs)), doors, cost_of)
    ]


def test_where_sessions_are_not_offered_nothing_changes() -> None:
    doors = Doors(BatchLimits(4 * MB))
    doors.learn({"max_body_bytes": 4_690_000})
    assert shapes([2 * MB] * 5 + [500 * MB], doors) == [("small", n) for n in (2, 2, 1, 1)]


def test_what_one_request_cannot_hold_goes_by_session() -> None:
    assert shapes([5 * MB], make_doors()) == [("session", 1)]
    assert shapes([4_600_000], make_doors()) == [("small", 1)]


def test_many_small_ones_go_by_session_from_the_threshold_on() -> None:
    at, below = SESSION_FROM_BYTES // MB, SESSION_FROM_BYTES // MB - 1
    assert shapes([MB] * at, make_doors()) == [("session", at)]
    assert shapes([MB] * below, make_doors()) == [("small", 4)] * 7 + [("small", 3)]


def test_the_rest_goes_by_requests_and_its_large_ones_by_sessions_of_their_own() -> None:
    assert shapes([MB] * 268 + [MB] * 2, make_doors()) == [("session", 268), ("small", 2)]
    assert shapes([MB, 10 * MB, MB], make_doors()) == [("small", 1), ("session", 1), ("small", 1)]


def test_a_session_is_filled_up_to_bytes_and_instances() -> None:
    per = LOT_BYTES // (64 * MB)
    assert shapes([64 * MB] * (2 * per + 1), make_doors())[:2] == [("session", per)] * 2
    many = [20_000] * (LOT_INSTANCES + 1)
    assert shapes(many, make_doors()) == [("session", LOT_INSTANCES), ("small", 1)]
    assert shapes([300 * MB] * 2, make_doors()) == [("session", 1)] * 2


def test_what_the_server_says_of_sessions_is_kept_to() -> None:
    assert shapes([MB] * 100, make_doors(max_session_parts=50)) == [("session", 50)] * 2
    assert shapes([MB] * 100, make_doors(max_session_bytes=50 * MB)) == [("session", 50)] * 2


@pytest.mark.parametrize(
    ("choice", "door"), [(Door.SMALL, "small"), (Door.SESSION, "session"), (Door.AUTO, "small")]
)
def test_the_user_has_the_last_word(choice: Door, door: str) -> None:
    assert shapes([MB], make_doors(choice)) == [(door, 1)]
    assert Doors(BatchLimits(), Door.SESSION).has_sessions


def test_a_uid_stands_once_in_a_lot() -> None:
    twice = [make_instance(1), make_instance(1), make_instance(2)]
    found = list(lots(twice, make_doors(Door.SESSION), lambda one: MB))
    assert [len(one) for one in found] == [1, 2]


def test_what_is_made_and_held_in_memory_is_gathered_for_one_request() -> None:
    class Held:
        is_held = True

    instances = [make_instance(number, source=Held()) for number in range(40)]
    found = [len(lot) for lot in lots(instances, make_doors(), lambda one: MB)]
    assert found == [4] * 10


def test_a_refusal_with_a_link_tells_of_sessions_and_of_the_limit() -> None:
    doors = Doors(BatchLimits(8 * MB))
    problem = {"limit": {"name": "max_body_bytes", "value": 3 * MB}}
    assert doors.refused(answer(413, problem, Link=LINK), 5 * MB)
    assert doors.by_session(3 * MB + 1)
    assert not doors.by_session(3 * MB)


@pytest.mark.parametrize(
    "body", [b"", b"[]", {"limit": 3}, {"limit": {"name": "max_parts", "value": 3}}]
)
def test_a_refusal_without_a_limit_teaches_that_less_is_needed(body: object) -> None:
    doors = Doors(BatchLimits(8 * MB))
    assert doors.refused(answer(413, body, Link=LINK), 5 * MB)
    assert doors.by_session(5 * MB)
    assert not doors.by_session(5 * MB - 1)


def test_a_refusal_without_a_link_teaches_nothing_unless_sessions_are_known() -> None:
    doors = Doors(BatchLimits(8 * MB))
    assert not doors.refused(answer(413), 5 * MB)
    assert not doors.has_sessions
    known = make_doors()
    assert known.refused(answer(413), MB)
    assert known.by_session(MB)  # or it would be sent to the small door for ever


def test_no_refusal_opens_a_door_that_the_user_closed() -> None:
    assert not make_doors(Door.SMALL).refused(answer(413, Link=LINK), 5 * MB)


def test_sessions_that_are_not_there_are_not_asked_for_again() -> None:
    doors = make_doors()
    doors.withdraw()
    assert not doors.has_sessions
    assert doors.facts == {}


def test_sessions_take_dicom_files_without_a_coding() -> None:
    assert can_go_by_session(DicomEncoder())
    assert not can_go_by_session(DicomEncoder(WireOptions(is_gzipped=True)))
    assert not can_go_by_session(DicomEncoder(WireOptions(is_chunked=True)))
    assert not can_go_by_session(JsonEncoder())
