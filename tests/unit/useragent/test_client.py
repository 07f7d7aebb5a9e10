"""The store transaction against every answer, legal and lying (U-09 to U-12), without sockets."""

from typing import Any

import pytest

from chalicelib.useragent.client import ClientOptions, Destination, StoreClient
from chalicelib.useragent.errors import DestinationError, SourceError, TransportError
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.model import Cause, State
from chalicelib.useragent.payloads import DicomEncoder, WireOptions
from chalicelib.useragent.plan import BatchLimits
from chalicelib.useragent.retry import RetryPolicy
from chalicelib.useragent.sources import MemorySource
from tests.builders_dicom import BIG, IMPLICIT
from tests.unit.useragent.fakes import (
    BASE,
    STUDY,
    FakeClock,
    Recorder,
    ScriptedTransport,
    Sent,
    answer,
    make_client,
    make_instance,
    make_instances,
    module,
    stores_all,
)

ONE, TWO, THREE = (one.sop_instance for one in make_instances(3))
LOST = TransportError("The connection broke.", may_have_arrived=True)
REFUSED = TransportError("The server refuses connections.", may_have_arrived=False)
NO_SEARCH = answer(404)


def states(outcomes: list[Any]) -> list[State]:
    return [one.state for one in outcomes]


# ---------------------------------------------------------------- the request


def test_the_default_shape_is_the_one_every_server_takes() -> None:
    transport = ScriptedTransport(stores_all)
    make_client(transport).store(make_instances(2))

    [sent] = transport.sent
    assert (sent.method, sent.url) == ("POST", f"{BASE}/studies")
    assert sent.headers.get("Content-Type") == (
        'multipart/related; type="application/dicom"; boundary=boundary-1'
    )
    assert sent.headers.get("Content-Encoding") is None
    assert sent.length == len(sent.body)
    for part, instance in zip(sent.parts, make_instances(2), strict=True):
        assert list(part.headers) == [("content-type", "application/dicom")]
        assert bytes(part.body) == instance.source.read(0, instance.source.size)


def test_a_study_has_its_own_url() -> None:
    transport = ScriptedTransport(stores_all)
    make_client(transport, study=STUDY).store(make_instances(1))
    assert transport.sent[0].url == f"{BASE}/studies/{STUDY}"


@pytest.mark.parametrize("encoding", [IMPLICIT, BIG])
def test_what_may_not_travel_is_rewritten_and_said_to_be(encoding: Any) -> None:
    transport = ScriptedTransport(stores_all)
    [outcome] = make_client(transport).store([make_instance(1, encoding)])
    assert outcome.is_rewritten
    assert b"1.2.840.10008.1.2.1\0" in bytes(transport.sent[0].parts[0].body)


# ---------------------------------------------------------------- answers that list


@pytest.mark.parametrize(
    ("status", "listed", "expected"),
    [
        (200, module([ONE, TWO, THREE]), ["referenced"] * 3),
        (202, module([ONE, (TWO, 0xB000)], [(THREE, 0x0122)]), ["referenced", "warned", "failed"]),
        (202, module([(ONE, 0xB007), (TWO, 0xB006), (THREE, 0xBFFF)]), ["warned"] * 3),
        (200, module([ONE, TWO], [(THREE, 0xA900)]), ["referenced", "referenced", "failed"]),
        (409, module([], [(ONE, 0xA901), (TWO, 0xC000), (THREE, 0x1234)]), ["failed"] * 3),
        (409, module([], [(ONE, 0x0122)]), ["failed"] * 3),
        (400, module([], [(ONE, 0xC123), (TWO, 0xC123)]), ["failed"] * 3),
        (409, module([ONE], [(TWO, 0xC000), (THREE, 0xC000)]), ["referenced", "failed", "failed"]),
        (202, module([ONE, TWO], other=[0xC000]), ["referenced", "referenced", "failed"]),
        (200, [module([ONE]), module([TWO], [(THREE, 0x0110)])], ["referenced"] * 2 + ["failed"]),
        (201, module([ONE, TWO, THREE]), ["referenced"] * 3),
    ],
)
def test_the_module_is_read_whatever_the_status(
    status: int, listed: Any, expected: list[str]
) -> None:
    transport = ScriptedTransport(answer(status, listed))
    outcomes = make_client(transport).store(make_instances(3))
    assert states(outcomes) == expected
    assert len(transport.sent) == 1


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"<html>OK</html>", b"null", b"OK", b'{"a":1}']
)
@pytest.mark.parametrize("status", [200, 202, 204])
def test_success_that_lists_nothing_is_a_failure(status: int, body: bytes) -> None:
    [outcome] = make_client(ScriptedTransport(answer(status, body))).store(make_instances(1))
    assert (outcome.state, outcome.cause) == (State.FAILED, Cause.NOTHING_LISTED)


def test_what_is_not_listed_is_sent_once_more_alone() -> None:
    transport = ScriptedTransport(answer(200, module([ONE, THREE])), stores_all)
    outcomes = make_client(transport).store(make_instances(3))
    assert states(outcomes) == ["referenced"] * 3
    assert [sent.uids for sent in transport.sent] == [[ONE, TWO, THREE], [TWO]]


def test_what_is_listed_as_both_is_not_believed() -> None:
    both = answer(200, module([ONE], [(ONE, 0x0110)]))
    transport = ScriptedTransport(both, both, NO_SEARCH)
    [outcome] = make_client(transport).store(make_instances(1))
    assert outcome.state is State.UNVERIFIED


@pytest.mark.parametrize(
    ("search", "state", "cause"),
    [
        (
            answer(200, [{"00080018": {"vr": "UI", "Value": [ONE]}}]),
            "referenced",
            "found-by-search",
        ),
        (answer(200, []), "failed", "not-found-by-search"),
        (answer(204), "failed", "not-found-by-search"),
        (answer(200, [{"00080018": {"Value": ["1.2"]}}]), "failed", "not-found-by-search"),
        (answer(200, b"<html>"), "unverified", "not-listed"),
        (answer(404), "unverified", "not-listed"),
        (answer(501), "unverified", "not-listed"),
        (LOST, "unverified", "not-listed"),
    ],
)
def test_twice_unlisted_is_searched_for(search: Any, state: str, cause: str) -> None:
    empty = answer(200, module([], [("1.2.3", 0xC000)]))
    transport = ScriptedTransport(empty, empty, search)
    [outcome] = make_client(transport).store(make_instances(1))
    assert (outcome.state, outcome.cause) == (state, cause)
    assert transport.sent[2].method == "GET"
    assert f"/instances?SOPInstanceUID={ONE}" in transport.sent[2].url


def test_alone_and_listed_under_another_uid_is_stored_with_a_warning() -> None:
    transport = ScriptedTransport(answer(202, module([("1.2.3.4", 0xB000)])))
    [outcome] = make_client(transport).store(make_instances(1))
    assert (outcome.state, outcome.cause) == (State.WARNED, Cause.COERCED)
    assert "1.2.3.4" in outcome.detail


@pytest.mark.parametrize("code", [0x0111, 45070])
def test_exists_after_an_answer_that_never_came_is_already_there(code: int) -> None:
    transport = ScriptedTransport(LOST, answer(409, module([], [(ONE, code)])))
    [outcome] = make_client(transport).store(make_instances(1))
    assert (outcome.state, outcome.cause) == (State.REFERENCED, Cause.ALREADY_THERE)


def test_exists_in_words_after_an_answer_that_never_came_is_already_there() -> None:
    words = answer(409, b"The instance already exists.", "text/plain")
    [outcome] = make_client(ScriptedTransport(LOST, words)).store(make_instances(1))
    assert outcome.cause is Cause.ALREADY_THERE


@pytest.mark.parametrize("code", [0x0111, 45070])
def test_exists_at_once_is_a_failure(code: int) -> None:
    transport = ScriptedTransport(answer(409, module([], [(ONE, code)])))
    [outcome] = make_client(transport).store(make_instances(1))
    assert (outcome.state, outcome.cause) == (State.FAILED, Cause.EXISTS)


def test_uncertainty_of_an_earlier_run_counts() -> None:
    transport = ScriptedTransport(answer(409, module([], [(ONE, 0x0111)])))
    [outcome] = make_client(transport).store([make_instance(1, is_uncertain=True)])
    assert outcome.cause is Cause.ALREADY_THERE


def test_the_part_that_our_server_names_is_the_one_that_failed() -> None:
    listed = module([ONE, THREE])
    explained = {
        "00081197": {"vr": "US", "Value": [0xC002]},
        "00090010": {"vr": "LO", "Value": ["STOWAGE STORE 1"]},
        "00091001": {"vr": "LT", "Value": ["Part 2 is cut."]},
        "00091002": {"vr": "US", "Value": [2]},
    }
    listed["0008119A"] = {"vr": "SQ", "Value": [explained]}
    outcomes = make_client(ScriptedTransport(answer(202, listed))).store(make_instances(3))
    assert (outcomes[1].reason, outcomes[1].said) == (0xC002, "Part 2 is cut.")


# ---------------------------------------------------------------- again


@pytest.mark.parametrize("fault", [408, 429, 500, 502, 503, 504])
def test_what_passes_is_sent_again_whole(fault: int) -> None:
    transport = ScriptedTransport(answer(fault), answer(fault), stores_all)
    assert states(make_client(transport).store(make_instances(2))) == ["referenced"] * 2
    assert len({len(sent.body) for sent in transport.sent}) == 1
    assert all(sent.uids == [ONE, TWO] for sent in transport.sent)


def test_a_lost_connection_is_tried_again_with_a_whole_body() -> None:
    transport = ScriptedTransport(LOST, REFUSED, stores_all)
    assert states(make_client(transport).store(make_instances(2))) == ["referenced"] * 2
    assert [sent.uids for sent in transport.sent] == [[ONE, TWO]] * 3


def test_only_what_was_out_of_resources_is_sent_again() -> None:
    partly = answer(503, module([ONE], [(TWO, 0xA701), (THREE, 0xC000)]), Retry_After="7")
    transport = ScriptedTransport(partly, stores_all)
    clock = FakeClock()
    outcomes = make_client(transport, clock=clock).store(make_instances(3))
    assert states(outcomes) == ["referenced", "referenced", "failed"]
    assert transport.sent[1].uids == [TWO]
    assert clock.slept == [8.0]


def test_processing_failure_passes_only_under_503() -> None:
    passing = answer(503, module([], [(ONE, 0x0110)]))
    lasting = answer(409, module([], [(ONE, 0x0110)]))
    transport = ScriptedTransport(passing, lasting)
    [outcome] = make_client(transport).store(make_instances(1))
    assert (outcome.state, len(transport.sent)) == (State.FAILED, 2)


def test_attempts_are_bounded() -> None:
    transport = ScriptedTransport(answer(503, module([], [(ONE, 0xA700)])))
    [outcome] = make_client(transport).store(make_instances(1))
    assert (outcome.reason, len(transport.sent)) == (0xA700, 3)


@pytest.mark.parametrize("script", [answer(503), answer(429), REFUSED, LOST])
def test_a_destination_that_is_down_ends_it_and_nothing_is_settled(script: Any) -> None:
    recorder = Recorder()
    with pytest.raises(DestinationError):
        make_client(ScriptedTransport(script)).store(make_instances(2), recorder)
    assert [one.sop_instance for one in recorder.left] == [ONE, TWO]
    assert not recorder.outcomes
    assert {one.is_uncertain for one in recorder.left} == {script is LOST}


@pytest.mark.parametrize("status", [301, 302, 401, 403, 404, 405, 406, 410, 411, 415, 501, 505])
def test_a_status_of_the_whole_destination_ends_it_at_once(status: int) -> None:
    transport = ScriptedTransport(answer(status))
    with pytest.raises(DestinationError) as caught:
        make_client(transport).store(make_instances(2))
    assert caught.value.status == status
    assert len(transport.sent) == 1


def test_413_halves_until_it_fits_and_is_remembered() -> None:
    def at_most_two(sent: Sent) -> Any:
        return stores_all(sent) if len(sent.uids) <= 2 else answer(413)

    limits = BatchLimits(10**9, 100)
    transport = ScriptedTransport(at_most_two)
    outcomes = make_client(transport, limits=limits).store(make_instances(5))
    assert states(outcomes) == ["referenced"] * 5
    assert [len(sent.uids) for sent in transport.sent] == [5, 2, 3, 1, 2]
    assert limits.max_bytes == 64 * 1024


def test_413_for_one_instance_is_its_failure() -> None:
    [outcome] = make_client(ScriptedTransport(answer(413))).store(make_instances(1))
    assert (outcome.state, outcome.cause) == (State.FAILED, Cause.TOO_LARGE)


def test_one_instance_that_makes_a_server_refuse_all_is_found() -> None:
    def refuses_three(sent: Sent) -> Any:
        return answer(400, b"no", "text/plain") if THREE in sent.uids else stores_all(sent)

    transport = ScriptedTransport(refuses_three)
    outcomes = make_client(transport).store(make_instances(6))
    assert states(outcomes) == ["referenced"] * 2 + ["failed"] + ["referenced"] * 3
    assert outcomes[2].said == "no"


def test_a_server_that_refuses_everything_is_not_asked_for_each() -> None:
    transport = ScriptedTransport(answer(400))
    outcomes = make_client(transport).store(make_instances(64))
    assert states(outcomes) == ["failed"] * 64
    assert len(transport.sent) < 20


def test_unquoted_is_tried_once_by_option() -> None:
    def wants_token(sent: Sent) -> Any:
        content_type = sent.headers.get("Content-Type") or ""
        return stores_all(sent) if "type=application/dicom;" in content_type else answer(415)

    options = ClientOptions(retries_unquoted=True)
    transport = ScriptedTransport(wants_token)
    client = make_client(transport, options=options)
    assert states(client.store(make_instances(1))) == ["referenced"]
    assert states(client.store([make_instance(2)])) == ["referenced"]
    assert len(transport.sent) == 3


def test_c122_is_answered_by_rewriting() -> None:
    transport = ScriptedTransport(answer(409, module([], [(ONE, 0xC122)])), stores_all)
    client = make_client(transport, encoder=DicomEncoder(is_raw=True))
    [outcome] = client.store([make_instance(1, IMPLICIT)])
    assert outcome.state is State.REFERENCED
    assert outcome.is_rewritten


def test_c122_for_explicit_vr_is_a_failure() -> None:
    transport = ScriptedTransport(answer(409, module([], [(ONE, 0xC122)])))
    [outcome] = make_client(transport).store(make_instances(1))
    assert (outcome.state, len(transport.sent)) == (State.FAILED, 1)


def test_a_file_that_cannot_be_read_fails_alone() -> None:
    class Gone(MemorySource):
        def chunks(self) -> Any:
            yield b"DI"
            raise SourceError(self.label, "The file has changed since it was found.")

    broken = make_instance(2)
    broken = make_instance(2, source=Gone("gone", broken.source.read(0, 100)))
    transport = ScriptedTransport(stores_all)
    outcomes = make_client(transport).store([make_instance(1), broken, make_instance(3)])
    assert states(outcomes) == ["referenced", "failed", "referenced"]
    assert outcomes[1].cause is Cause.SOURCE


def test_everything_is_said_to_leave_before_it_does() -> None:
    recorder = Recorder()

    def look(sent: Sent) -> Any:
        assert recorder.sent[-1] == sent.uids
        return stores_all(sent)

    make_client(ScriptedTransport(LOST, look)).store(make_instances(2), recorder)
    assert recorder.sent == [[ONE, TWO]] * 2


def test_nothing_is_reported_stored_that_was_not_listed() -> None:
    listed = answer(200, module([ONE, "1.2.3.999"]))
    transport = ScriptedTransport(lambda sent: listed if sent.method == "POST" else NO_SEARCH)
    outcomes = make_client(transport, policy=RetryPolicy(attempts=1)).store(make_instances(3))
    assert [one.state.is_stored for one in outcomes] == [True, False, False]


@pytest.mark.parametrize(
    ("base", "wire", "is_plain"),
    [
        ("http://pacs.example/dicom-web", WireOptions(), True),
        ("HTTP://pacs.example/dicom-web", WireOptions(), True),
        ("https://pacs.example/dicom-web", WireOptions(), False),
        ("http://pacs.example/dicom-web", WireOptions(is_gzipped=True), False),
    ],
)
def test_only_files_in_the_clear_leave_without_work_for_other_processors(
    base: str, wire: WireOptions, is_plain: bool
) -> None:
    exchange = Exchange(ScriptedTransport(stores_all))
    client = StoreClient(Destination(base), exchange, encoder=DicomEncoder(wire))
    assert client.is_plain is is_plain
