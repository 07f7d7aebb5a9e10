"""Sending by store session: the protocol of ``docs/sessions.md``, and all that can go wrong."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.dicomweb.multipart import split_parts
from chalicelib.dicomweb.sessions import SessionState
from chalicelib.useragent.auth import Secret, basic
from chalicelib.useragent.client import ClientOptions, StoreClient
from chalicelib.useragent.doors import Door, Doors
from chalicelib.useragent.errors import DestinationError, SourceError, Stopped, TransportError
from chalicelib.useragent.model import Cause, Outcome, State
from chalicelib.useragent.plan import BatchLimits
from chalicelib.useragent.transport import Response
from tests.builders_dicom import BIG, IMPLICIT
from tests.unit.useragent.fakes import (
    Recorder,
    Sent,
    answer,
    make_client,
    make_instance,
    make_instances,
    module,
)
from tests.unit.useragent.session_service import (
    STAGING,
    After,
    Before,
    SessionService,
    StoppableClock,
    kind_of,
    loads,
)

SENT_ONCE = ["open", "urls", "PUT", "complete", "state", "response"]
ATTEMPTS = 3


def client_of(service: SessionService, door: Door = Door.SESSION, **changes: Any) -> StoreClient:
    limits = BatchLimits(max(service.max_body_bytes, 1))
    known = {"clock": StoppableClock(), "doors": Doors(limits, door)}
    return make_client(service, **(known | changes))  # type: ignore[arg-type]


def states(outcomes: list[Outcome]) -> set[tuple[State, Cause]]:
    return {(one.state, one.cause) for one in outcomes}


STORED = {(State.REFERENCED, Cause.LISTED)}

# ---------------------------------------------------------------- the way it should go


def test_a_session_gives_what_a_request_gives() -> None:
    instances = make_instances(3)
    service, plain = SessionService(), SessionService(max_body_bytes=1 << 30)
    by_session = client_of(service).store(instances)
    by_request = client_of(plain, Door.SMALL).store(instances)
    assert by_session == by_request
    assert list(dict.fromkeys(service.kinds())) == SENT_ONCE
    assert plain.kinds() == ["store"]


def test_the_body_is_the_one_that_a_request_would_carry() -> None:
    service = SessionService()
    client_of(service, options=ClientOptions(connections=1)).store(make_instances(2))
    [session] = service.sessions.values()
    asked = loads(service.of("open")[0])
    assert asked["resource"] == "/studies"
    assert asked["size"] == len(session.body)
    kind = asked["headers"]["Content-Type"]
    assert kind.startswith('multipart/related; type="application/dicom"; boundary=')
    parts = split_parts(session.body, kind.rpartition("=")[2])
    contents = [one.source.content for one in make_instances(2)]  # type: ignore[attr-defined]
    assert [bytes(part.body) for part in parts] == contents
    assert "dicom+json" in asked["headers"]["Accept"]


def test_the_study_is_the_session_s_resource() -> None:
    service = SessionService()
    client_of(service, study="1.2.3").store(make_instances(1))
    assert loads(service.of("open")[0])["resource"] == "/studies/1.2.3"


@pytest.mark.parametrize("part_bytes", [1 << 20, 701, 350, 97, 16])
@pytest.mark.parametrize("connections", [1, 4])
def test_parts_may_end_anywhere(part_bytes: int, connections: int) -> None:
    service = SessionService(part_bytes=part_bytes)
    options = ClientOptions(connections=connections)
    instances = [make_instance(1), make_instance(2, IMPLICIT), make_instance(3, BIG)]
    assert states(client_of(service, options=options).store(instances)) == STORED
    [session] = service.sessions.values()
    assert sorted(service.put_parts()) == list(range(1, session.plan.count + 1))
    assert all(len(loads(one)["parts"]) <= 16 for one in service.of("urls"))


def test_parts_that_end_where_files_do() -> None:
    probe = SessionService(part_bytes=1 << 20)
    client_of(probe).store(make_instances(1))
    [one] = probe.sessions.values()
    head = len(one.body.split(b"\r\n\r\n")[0]) + 4
    for part_bytes in (head, head + 658, len(one.body), len(one.body) - 1, len(one.body) + 1):
        service = SessionService(part_bytes=part_bytes)
        assert states(client_of(service).store(make_instances(2))) == STORED


def test_a_large_answer_is_fetched_where_it_lies_without_credentials() -> None:
    service = SessionService()
    service.keeps_answers_elsewhere = True
    auth = basic("ada", Secret("s3cret"))
    assert states(client_of(service, auth=auth).store(make_instances(1))) == STORED
    assert service.kinds()[-1] == "answer"
    for sent in service.log:
        is_ours = not sent.url.startswith(STAGING)
        assert (sent.headers.get("Authorization") is not None) is is_ours


def test_a_redirect_to_the_answer_is_followed() -> None:
    service = SessionService()

    def redirects(_: SessionService, sent: Sent) -> Response:
        [session] = service.sessions.values()
        session.response_url = f"{STAGING}/answer/1"
        return answer(303, Location=session.response_url)

    service.meet("response", redirects)
    assert states(client_of(service).store(make_instances(1))) == STORED
    assert service.kinds()[-1] == "answer"


def test_an_answer_s_url_that_has_expired_is_asked_for_again() -> None:
    service = SessionService()
    service.keeps_answers_elsewhere = True
    service.meet("answer", answer(403))
    assert states(client_of(service).store(make_instances(1))) == STORED
    assert service.kinds()[-3:] == ["answer", "state", "answer"]


def test_presigned_requests_carry_the_given_fields_and_their_length() -> None:
    service = SessionService()
    client_of(service).store(make_instances(1))
    for sent in service.of("PUT"):
        assert {name for name, _ in sent.headers} == {"x-amz-checksum-sha256"}
        assert sent.length == len(sent.body)


def test_waiting_is_told_and_as_long_as_the_server_asks() -> None:
    service, recorder = SessionService(), Recorder()
    client_of(service).store(make_instances(1), recorder)
    assert recorder.waits == [2.5] * 3
    assert recorder.sent == [[one.sop_instance for one in make_instances(1)]]


# ---------------------------------------------------------------- which door


def test_a_link_in_a_413_leads_to_a_session_without_capabilities() -> None:
    service = SessionService(max_body_bytes=500)
    client = client_of(service, Door.AUTO, doors=None, limits=BatchLimits(1 << 20))
    assert states(client.store(make_instances(3))) == STORED
    assert list(dict.fromkeys(service.kinds())) == ["store", *SENT_ONCE]
    assert states(client.store([make_instance(9)])) == STORED
    assert len(service.of("store")) == 1  # the second time it is known


def test_what_fits_goes_by_request_although_there_are_sessions() -> None:
    service = SessionService(max_body_bytes=10_000)
    client = client_of(service, Door.AUTO)
    client.doors.learn({"max_body_bytes": 10_000, "max_session_bytes": 1 << 30})
    client.store(make_instances(2))
    assert service.kinds() == ["store"]


def test_a_413_without_sessions_halves_as_before() -> None:
    service = SessionService()
    service.meet("store", answer(413), answer(413), answer(413))
    client = client_of(service, Door.AUTO)
    client.store(make_instances(2))
    assert service.kinds()[:3] == ["store"] * 3
    assert "open" not in service.kinds()


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_where_no_session_can_be_opened_requests_go_on(status: int) -> None:
    service = SessionService(max_body_bytes=2_000)
    client = client_of(service, Door.AUTO)
    client.doors.learn({"max_body_bytes": 2_000, "max_session_bytes": 1 << 30})
    service.meet("open", answer(status))
    assert states(client.store(make_instances(6))) == STORED
    assert service.kinds() == ["open", "store", "store", "store"]
    client.store(make_instances(1))
    assert len(service.of("open")) == 1


def test_where_sessions_alone_are_wanted_and_there_are_none_the_run_ends() -> None:
    service = SessionService()
    service.meet("open", answer(404))
    with pytest.raises(DestinationError, match="no store sessions"):
        client_of(service).store(make_instances(1))


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"id":"1","state":"new"}'])
def test_what_is_no_service_of_sessions_is_left_alone(body: bytes) -> None:
    service = SessionService(max_body_bytes=10_000)
    client = client_of(service, Door.AUTO)
    client.doors.learn({"max_body_bytes": 500, "max_session_bytes": 1 << 30})
    service.meet("open", answer(201, body, "application/json"))
    assert states(client.store(make_instances(1))) == STORED
    assert service.kinds() == ["open", "store"]


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("status", [401, 406, 415])
def test_what_would_refuse_the_request_refuses_the_session(status: int) -> None:
    service, recorder = SessionService(), Recorder()
    service.meet("open", answer(status))
    with pytest.raises(DestinationError) as caught:
        client_of(service).store(make_instances(2), recorder)
    assert caught.value.status == status
    assert [one.is_uncertain for one in recorder.left] == [False, False]


def test_a_session_that_is_too_large_is_halved_and_one_instance_fails() -> None:
    service = SessionService()
    service.meet("open", answer(413), answer(413))
    outcomes = client_of(service).store(make_instances(2))
    assert [(one.state, one.cause) for one in outcomes] == [
        (State.FAILED, Cause.TOO_LARGE),
        (State.REFERENCED, Cause.LISTED),
    ]


def test_a_413_as_the_final_answer_halves_too() -> None:
    service = SessionService()
    refusals = [answer(413, {"title": "too many parts"}, "application/problem+json")]
    good = service.answers
    service.answers = lambda sent: refusals.pop() if refusals else good(sent)
    assert states(client_of(service).store(make_instances(4))) == STORED
    assert len(service.sessions) == 3


def test_400_is_looked_into_by_halves() -> None:
    service = SessionService()
    service.meet("open", answer(400))
    assert states(client_of(service).store(make_instances(2))) == STORED
    assert len(service.sessions) == 2


# ---------------------------------------------------------------- final answers


@pytest.mark.parametrize("status", [200, 202, 409])
def test_modules_are_read_whatever_the_status(status: int) -> None:
    def refuses_first(sent: Sent) -> Response:
        first, *rest = sent.uids
        return answer(status, module(rest, [(first, 0x0122)]))

    service = SessionService(answers=refuses_first)
    outcomes = client_of(service).store(make_instances(2))
    assert [(one.state, one.reason, one.status) for one in outcomes] == [
        (State.FAILED, 0x0122, status),
        (State.REFERENCED, None, status),
    ]


def test_a_503_that_lists_instances_is_retried_as_a_request_would_be() -> None:
    seen: list[list[str]] = []

    def short_of_resources(sent: Sent) -> Response:
        seen.append(sent.uids)
        first, *rest = sent.uids
        if len(seen) == 1:
            return answer(503, module(rest, [(first, 0xA700)]), Retry_After="7")
        return answer(200, module(sent.uids))

    service = SessionService(answers=short_of_resources)
    clock = StoppableClock()
    assert states(client_of(service, clock=clock).store(make_instances(2))) == STORED
    assert [len(uids) for uids in seen] == [2, 1]
    assert 8.0 in clock.slept


def test_a_gateway_s_503_is_not_taken_for_the_session_s() -> None:
    service = SessionService(answers=lambda sent: answer(503, module([], [(sent.uids[0], 0xA700)])))
    service.meet("response", answer(503, b"<html>", "text/html"))
    [outcome] = client_of(service).store(make_instances(1))
    assert (outcome.state, outcome.reason) == (State.FAILED, 0xA700)


# ---------------------------------------------------------------- faults that pass


@pytest.mark.parametrize("fault", [Before, After, answer(500), answer(503), answer(429)])
@pytest.mark.parametrize("kind", ["open", "urls", "PUT", "complete", "state", "response"])
def test_what_passes_is_tried_again(kind: str, fault: Any) -> None:
    service = SessionService()
    service.meet(kind, *[fault] * (ATTEMPTS - 1))
    assert states(client_of(service).store(make_instances(2))) == STORED
    assert max(service.stored.values()) == 1


@pytest.mark.parametrize("fault", [Before, answer(500), answer(503)])
@pytest.mark.parametrize("kind", ["open", "urls", "PUT", "complete", "state", "response"])
def test_what_does_not_pass_ends_the_run(kind: str, fault: Any) -> None:
    service, recorder = SessionService(), Recorder()
    service.meet(kind, *[fault] * 1000)
    options = ClientOptions(connections=1)
    with pytest.raises(DestinationError):
        client_of(service, options=options).store(make_instances(2), recorder)
    may_be_stored = kind in ("complete", "state", "response")
    assert [one.is_uncertain for one in recorder.left] == [may_be_stored] * 2
    assert bool(service.cancelled) is (kind in ("urls", "PUT"))  # nobody would go on with it


def test_a_fault_that_cannot_pass_ends_the_run_at_once() -> None:
    def is_no_match(service: SessionService, sent: Sent) -> Response:
        raise TransportError("No.", may_have_arrived=False, is_permanent=True)

    for kind in ("open", "PUT"):
        service = SessionService()
        service.meet(kind, *[is_no_match] * 9)
        with pytest.raises(DestinationError, match="No"):
            client_of(service).store(make_instances(1))
        assert len(service.of(kind)) <= 4


@pytest.mark.parametrize("status", [400, 403])
def test_a_url_that_is_refused_is_asked_for_again(status: int) -> None:
    service = SessionService(part_bytes=1 << 20)
    service.meet("PUT", answer(status), answer(status))
    assert states(client_of(service).store(make_instances(1))) == STORED
    assert service.kinds()[:6] == ["open", "urls", "PUT", "urls", "PUT", "urls"]
    assert len({one.url for one in service.of("PUT")}) == 3


@pytest.mark.parametrize("status", [400, 403])
def test_but_not_for_ever(status: int) -> None:
    service = SessionService(part_bytes=1 << 20)
    service.meet("PUT", *[answer(status)] * 100)
    with pytest.raises(DestinationError, match=f"status {status}"):
        client_of(service).store(make_instances(1))
    assert len(service.of("PUT")) == ATTEMPTS


def test_parts_that_the_server_misses_are_sent_again() -> None:
    service = SessionService()

    def loses_a_part(service: SessionService, sent: Sent) -> Response:
        [session] = service.sessions.values()
        del session.parts[2]
        return service._complete(sent)

    service.meet("complete", loses_a_part)
    assert states(client_of(service).store(make_instances(2))) == STORED
    assert service.put_parts().count(2) == 2
    assert len(service.put_parts()) == 1 + max(service.put_parts())


def test_a_server_that_never_finds_the_body_whole_is_given_up() -> None:
    service = SessionService()
    service.meet("complete", *[answer(409)] * 100)
    with pytest.raises(DestinationError):
        client_of(service).store(make_instances(1))
    assert len(service.of("complete")) <= 3 * ATTEMPTS


def test_a_stalled_session_is_completed_again() -> None:
    service = SessionService()

    def stalls(service: SessionService, sent: Sent) -> Response:
        [session] = service.sessions.values()
        session.is_stalled = True
        return service._state(sent)

    service.meet("state", None, stalls)
    assert states(client_of(service).store(make_instances(1))) == STORED
    assert len(service.of("complete")) == 2


def test_a_server_that_does_not_get_on_is_not_waited_for_for_ever() -> None:
    def stands_still(service: SessionService, sent: Sent) -> Response:
        [session] = service.sessions.values()
        session.state, session.polls = SessionState.FRAMING, [SessionState.FRAMING] * 2
        return service._state(sent)

    service, recorder = SessionService(), Recorder()
    service.meet("state", *[stands_still] * 10_000)
    clock = StoppableClock()
    with pytest.raises(DestinationError, match="does not get on"):
        client_of(service, clock=clock).store(make_instances(1), recorder)
    assert 900 < sum(clock.slept) < 1000
    assert recorder.left[0].is_uncertain


# ---------------------------------------------------------------- the session is gone


def gone(service: SessionService, sent: Sent) -> Response:
    service.sessions.clear()
    return answer(404)


def cancelled(service: SessionService, sent: Sent) -> Response:
    for session in service.sessions.values():
        session.state = SessionState.CANCELLED
    return getattr(service, f"_{kind_of(sent).lower()}")(sent)  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", ["urls", "PUT", "complete"])
@pytest.mark.parametrize("fault", [gone, cancelled, answer(404), answer(410), answer(422)])
def test_a_session_that_is_gone_is_begun_anew(kind: str, fault: Any) -> None:
    service = SessionService()
    service.meet(kind, fault)
    options = ClientOptions(connections=1)
    outcomes = client_of(service, options=options).store(make_instances(2))
    assert states(outcomes) == STORED
    assert len(service.of("open")) == 2


def test_after_it_was_completed_what_exists_is_ours() -> None:
    stored: set[str] = set()

    def stores_once(sent: Sent) -> Response:
        there = [uid for uid in sent.uids if uid in stored]
        new = [uid for uid in sent.uids if uid not in stored]
        stored.update(sent.uids)
        return answer(409 if there else 200, module(new, [(uid, 0x0111) for uid in there]))

    service = SessionService(answers=stores_once)
    service.meet("response", gone)
    outcomes = client_of(service).store(make_instances(2))
    assert states(outcomes) == {(State.REFERENCED, Cause.ALREADY_THERE)}


# ---------------------------------------------------------------- sources, and the user


def make_vanishing(name: int, reads: int) -> Any:
    """Return an instance whose file cannot be read any more after so many reads."""
    whole = make_instance(name)
    left = [reads]

    class Source:
        label, size = whole.source.label, whole.source.size

        def chunks(self) -> Any:
            return whole.source.chunks()

        def read(self, offset: int, length: int) -> bytes:
            left[0] -= 1
            if left[0] < 0:
                raise SourceError(self.label, "The file has changed since it was found.")
            return whole.source.read(offset, length)

    return make_instance(name, source=Source())


@pytest.mark.parametrize("reads", [0, 1, 2, 3])
def test_a_file_that_changes_costs_itself_alone(reads: int) -> None:
    service = SessionService()
    instances = [make_instance(1), make_vanishing(2, reads), make_instance(3)]
    outcomes = client_of(service, options=ClientOptions(connections=1)).store(instances)
    assert [one.state for one in outcomes] == [State.REFERENCED, State.FAILED, State.REFERENCED]
    assert outcomes[1].cause is Cause.SOURCE
    assert service.cancelled == ["s1"]
    assert instances[1].sop_instance not in service.stored


@pytest.mark.parametrize("kind", ["PUT", "state"])
def test_a_user_who_stops_is_obeyed(kind: str) -> None:
    service, clock, recorder = SessionService(), StoppableClock(), Recorder()

    def stops(service: SessionService, sent: Sent) -> Response:
        clock.stop()
        return getattr(service, f"_{kind.lower()}")(sent)  # type: ignore[no-any-return]

    service.meet(kind, stops)
    client = client_of(service, clock=clock, options=ClientOptions(connections=1))
    with pytest.raises(Stopped):
        client.store(make_instances(2), recorder)
    assert len(service.of(kind)) == 1
    assert [one.is_uncertain for one in recorder.left] == [kind == "state"] * 2


@pytest.mark.parametrize("url", ["http://staging.example/x", "ftp://staging.example/x", "x"])
def test_no_part_leaves_where_tls_does_not_protect(url: str) -> None:
    service = SessionService()

    def names_another(service: SessionService, sent: Sent) -> Response:
        parts = loads(sent)["parts"]
        given = [{"number": one["number"], "url": url, "headers": {}} for one in parts]
        return answer(200, {"parts": given}, "application/json")

    service.meet("urls", *[names_another] * 9)
    with pytest.raises(DestinationError, match="TLS"):
        client_of(service).store(make_instances(1))
    assert service.of("PUT") == []


def test_documents_that_make_no_sense_end_the_session() -> None:
    bad: list[Callable[[SessionService, Sent], Response] | Response] = [
        answer(200, b"", "application/json"),
        answer(200, {"parts": []}, "application/json"),
    ]
    for fault in bad:
        service = SessionService()
        service.meet("urls", fault)
        assert states(client_of(service).store(make_instances(1))) == STORED
        assert service.cancelled == ["s1"]
    service = SessionService()
    service.meet("state", answer(200, b"{}", "application/json"))
    client_of(service).store(make_instances(1))
    assert len(service.of("open")) == 2
