"""Every hostile body by way of a session: refused when it is opened, or answered as by the door."""

from collections.abc import Iterator

import pytest

from tests.hostile.canary import find_canary
from tests.hostile.cases import Case
from tests.hostile.corpus import CASES
from tests.unit.origin.sessions.test_ingest import same
from tests.unit.origin.sessions.world import World, make_world

BODIES = {
    name: case
    for name, case in CASES.items()
    if case.request.method == "POST"
    and case.request.body
    and case.request.target.startswith("/studies")
    and "?" not in case.request.target
    and len(case.request.body) < 3_000_000
    and not any(field[0].lower() == "content-encoding" for field in case.request.headers)
    and not case.request.body.startswith(b"\x1f\x8b")
}
"""Cases with a body that a session takes: no content-coding, and a resource in the path."""


@pytest.fixture
def worlds() -> Iterator[tuple[World, World]]:
    with make_world() as one, make_world() as other:
        yield one, other


@pytest.mark.parametrize("case", BODIES.values(), ids=BODIES)
def test_a_hostile_body_is_answered_as_by_the_small_door(
    case: Case, worlds: tuple[World, World]
) -> None:
    world, other = worlds
    request = case.request
    fields = dict(request.headers)
    if request.content_type is not None:
        fields["Content-Type"] = request.content_type
    due = other.post(request.body, request.target, **fields)
    opened = world.ask(
        "POST",
        "/sessions",
        {"resource": request.target, "headers": fields, "size": len(request.body)},
    )
    if opened.status != 201:
        assert opened.status == due.status or opened.status == 415
        assert world.staging.uploads == {}
    else:
        session = world.send(request.body, part_bytes=100_000, resource=request.target, **fields)
        assert world.work() == [True]
        if due.status == 413:  # the limits are others, and their names
            assert world.response(session).status == 413
            assert '"max_session_parts"' in world.response(session).body
        else:
            same(world.response(session), due)
    assert world.stored() == other.stored()
    assert find_canary(repr(world.telemetry.lines)) is None


def test_there_are_many() -> None:
    assert len(BODIES) > 100
