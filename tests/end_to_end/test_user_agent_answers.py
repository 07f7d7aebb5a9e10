"""What the user agent makes of every answer (PS3.2 Table N.7-95), on real connections."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from chalicelib.useragent.auth import BearerAuth, Secret
from chalicelib.useragent.concurrency import AdaptiveGate
from chalicelib.useragent.errors import DestinationError
from chalicelib.useragent.model import Cause, State
from chalicelib.useragent.plan import BatchLimits
from chalicelib.useragent.refusals import REFUSED_BY_DESTINATION
from chalicelib.useragent.retry import RETRIED_STATUSES, THROTTLING_STATUSES
from chalicelib.useragent.transport import Response, Tls
from tests.builders_dicom import DEFLATED
from tests.end_to_end.wire import Wire, client_of, lists, wired
from tests.unit.useragent.fakes import (
    STUDY,
    FakeClock,
    Recorder,
    Sent,
    answer,
    make_instance,
    make_instances,
    module,
    stores_all,
)
from tests.unit.useragent.loopback import make_certificate, serving

ONE, TWO, THREE = (one.sop_instance for one in make_instances(3))


def proving(claim: str, *values: Any) -> list[Any]:
    return [pytest.param(one, marks=pytest.mark.proves(f"{claim}:{one}")) for one in values]


def sent_file() -> bytes:
    [one] = make_instances(1)
    return one.source.read(0, one.source.size)


def states(outcomes: list[Any]) -> list[str]:
    return [one.state.value for one in outcomes]


@pytest.mark.parametrize(
    ("status", "listed", "expected"),
    [
        pytest.param(
            200,
            module([ONE, (TWO, 0xB000)], [(THREE, 0xA900)]),
            ["referenced", "warned", "failed"],
            marks=pytest.mark.proves("ua-status:200"),
        ),
        (201, module([ONE, TWO, THREE]), ["referenced"] * 3),
        pytest.param(
            202,
            module([ONE, (TWO, 0xB006)], [(THREE, 0x0122)]),
            ["referenced", "warned", "failed"],
            marks=pytest.mark.proves("ua-status:202"),
        ),
        (409, module([], [(ONE, 0xA901), (TWO, 0xC000), (THREE, 0x0122)]), ["failed"] * 3),
        (400, module([ONE], [(TWO, 0xC000), (THREE, 0xC000)]), ["referenced", "failed", "failed"]),
    ],
)
def test_an_answer_that_lists_is_read(status: int, listed: Any, expected: list[str]) -> None:
    with wired(answer(status, listed)) as wire:
        outcomes = client_of(wire.url).store(make_instances(3))

    assert states(outcomes) == expected
    assert len(wire.sent) == 1


@pytest.mark.proves("ua-status:200", "ua-status:2xx", "ua-policy:listed")
@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_success_that_lists_nothing_is_a_failure(status: int) -> None:
    with wired(status) as wire:
        [outcome] = client_of(wire.url).store(make_instances(1))

    assert (outcome.state, outcome.cause) == (State.FAILED, Cause.NOTHING_LISTED)


@pytest.mark.parametrize("status", proving("ua-status", *sorted(RETRIED_STATUSES)))
def test_a_passing_fault_is_met_with_the_whole_body_again(status: int) -> None:
    clock = FakeClock()
    gate = AdaptiveGate(4, clock)
    allowed: list[int] = []

    def stores(sent: Sent) -> Response:
        allowed.append(gate.allowed)
        return stores_all(sent)

    with wired(answer(status, Retry_After="7"), status, stores) as wire:
        outcomes = client_of(wire.url, clock, gate=gate).store(make_instances(2))

    assert states(outcomes) == ["referenced"] * 2
    assert [one.uids for one in wire.posts] == [[ONE, TWO]] * 3
    assert clock.slept[0] >= 7
    assert len(clock.slept) == 2
    assert allowed == [1 if status in THROTTLING_STATUSES else 4]  # halved twice


@pytest.mark.parametrize("status", proving("ua-status", *sorted(REFUSED_BY_DESTINATION)))
def test_a_refusal_of_everything_ends_the_run(status: int) -> None:
    noted = Recorder()
    with wired(status) as wire, pytest.raises(DestinationError) as refusal:
        client_of(wire.url).store(make_instances(3), noted)

    assert refusal.value.status == status
    assert len(wire.sent) == 1
    assert [one.sop_instance for one in noted.left] == [ONE, TWO, THREE]


@pytest.mark.proves("ua-status:401")
def test_a_token_is_renewed_once() -> None:
    tokens = iter(("old", "new"))
    with wired(401, stores_all) as wire:
        auth = BearerAuth(lambda: Secret(next(tokens)))
        [outcome] = client_of(wire.url, auth=auth).store(make_instances(1))

    assert outcome.state.is_stored
    sent = [one.headers.get("Authorization") for one in wire.posts]
    assert sent == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize(
    "status",
    [
        *proving("ua-status", 400, 409),
        pytest.param(418, marks=pytest.mark.proves("ua-status:other")),
        pytest.param(599, marks=pytest.mark.proves("ua-status:other")),
    ],
)
def test_the_one_at_fault_is_found_by_halves(status: int) -> None:
    def refuses_two(sent: Sent) -> Response:
        return answer(status) if TWO in sent.uids else stores_all(sent)

    with wired(refuses_two) as wire:
        outcomes = client_of(wire.url).store(make_instances(3))

    assert states(outcomes) == ["referenced", "failed", "referenced"]
    assert outcomes[1].status == status


@pytest.mark.proves("ua-status:413")
def test_what_is_too_large_is_halved_and_remembered() -> None:
    def takes_one(sent: Sent) -> Response:
        return stores_all(sent) if len(sent.parts) == 1 else answer(413)

    limits = BatchLimits()
    with wired(takes_one) as wire:
        outcomes = client_of(wire.url, limits=limits).store(make_instances(2))
    with wired(413) as small:
        [alone] = client_of(small.url).store(make_instances(1))

    assert states(outcomes) == ["referenced"] * 2
    assert limits.learnt_bytes is not None
    assert (alone.state, alone.cause) == (State.FAILED, Cause.TOO_LARGE)


@pytest.mark.proves("ua-policy:redirect")
@pytest.mark.parametrize("status", proving("ua-status", 307, 308))
def test_a_redirection_is_followed_without_credentials(status: int) -> None:
    with wired(stores_all) as other, wired(0) as wire:
        wire._script = [answer(status, Location=f"{other.url}/studies")]
        auth = BearerAuth(lambda: Secret("secret"))
        [outcome] = client_of(wire.url, auth=auth).store(make_instances(1))

    assert outcome.state.is_stored
    assert wire.posts[0].body == other.posts[0].body
    assert wire.posts[0].headers.get("Authorization") == "Bearer secret"
    assert other.posts[0].headers.get("Authorization") is None


@pytest.mark.proves("ua-status:3xx")
@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirection_that_forgets_the_body_is_not_followed(status: int) -> None:
    with wired(answer(status, Location="/elsewhere")) as wire, pytest.raises(DestinationError):
        client_of(wire.url).store(make_instances(1))

    assert len(wire.sent) == 1


# ---------------------------------------------------------------- Failure Reasons, no answer


@pytest.mark.proves("ua-reason:transient")
@pytest.mark.parametrize(("status", "reason"), [(202, 0xA700), (409, 0xA7FF), (503, 0x0110)])
def test_out_of_resources_is_sent_again(status: int, reason: int) -> None:
    with wired(answer(status, module([ONE], [(TWO, reason)])), stores_all) as wire:
        outcomes = client_of(wire.url).store(make_instances(2))

    assert states(outcomes) == ["referenced"] * 2
    assert [one.uids for one in wire.posts] == [[ONE, TWO], [TWO]]


@pytest.mark.proves("ua-reason:transfer_syntax")
def test_a_refused_syntax_is_rewritten_where_no_codec_is_needed() -> None:
    with wired(answer(409, module([], [(ONE, 0xC122)])), stores_all) as wire:
        [outcome] = client_of(wire.url).store([make_instance(1, DEFLATED)])
        [second] = client_of(wire.url).store(make_instances(1))

    assert outcome.state.is_stored
    assert outcome.is_rewritten
    assert b"1.2.840.10008.1.2.1\0" in bytes(wire.posts[1].parts[0].body)
    assert not second.is_rewritten


@pytest.mark.proves("ua-reason:exists", "ua-policy:already-there", "ua-policy:no-answer")
@pytest.mark.parametrize("reason", [0x0111, 45070])
def test_exists_is_success_only_after_an_attempt_without_answer(reason: int) -> None:
    exists = answer(409, module([], [(ONE, reason)]))
    with wired(None, exists) as wire:
        [after] = client_of(wire.url).store(make_instances(1))
    with wired(exists) as fresh:
        [first] = client_of(fresh.url).store(make_instances(1))

    assert [bytes(one.parts[0].body) for one in wire.posts] == [sent_file()] * 2
    assert (after.state, after.cause) == (State.REFERENCED, Cause.ALREADY_THERE)
    assert first.state is State.FAILED


@pytest.mark.proves("ua-reason:permanent")
@pytest.mark.parametrize("reason", [0x0110, 0x0122, 0xA900, 0xC000, 0x1234])
def test_other_reasons_are_final(reason: int) -> None:
    with wired(answer(409, module([], [(ONE, reason)]))) as wire:
        [outcome] = client_of(wire.url).store(make_instances(1))

    assert (outcome.state, outcome.reason) == (State.FAILED, reason)
    assert len(wire.sent) == 1


@pytest.mark.proves("ua-policy:unlisted", "ua-search:instances")
@pytest.mark.parametrize(
    ("found", "state"),
    [
        (answer(200, [{"00080018": {"vr": "UI", "Value": [TWO]}}]), "referenced"),
        (answer(204), "failed"),
        (answer(404), "unverified"),
    ],
)
def test_what_no_answer_lists_is_sent_alone_and_then_searched_for(
    found: Response, state: str
) -> None:
    with wired(lists(ONE), lists(ONE, THREE), found) as wire:
        outcomes = client_of(wire.url).store(make_instances(2))

    assert states(outcomes) == ["referenced", state]
    assert [one.uids for one in wire.posts] == [[ONE, TWO], [TWO]]
    search = wire.sent[2]
    assert search.method == "GET"
    assert f"/studies/{STUDY}/series/" in search.url
    assert search.url.endswith(f"/instances?SOPInstanceUID={TWO}&limit=1")


@pytest.mark.proves("ua-policy:gives-up")
@pytest.mark.parametrize("step", [None, 503, 500])
def test_a_server_that_never_stores_ends_the_run(step: int | None) -> None:
    noted = Recorder()
    with wired(step) as wire, pytest.raises(DestinationError):
        client_of(wire.url).store(make_instances(1), noted)

    assert len(wire.posts) == 3
    assert [one.sop_instance for one in noted.left] == [ONE]


@pytest.mark.proves("ua-policy:tls-verified")
def test_a_certificate_that_does_not_verify_gets_nothing(tmp_path: Path) -> None:
    got: list[object] = []
    with serving(got.append, tls=server_context(tmp_path)) as url, pytest.raises(DestinationError):
        client_of(url).store(make_instances(1))

    assert got == []


@pytest.mark.proves("ua-auth:client-certificate")
def test_a_client_certificate_is_shown_where_it_is_wanted(tmp_path: Path) -> None:
    context = server_context(tmp_path)
    context.verify_mode = ssl.CERT_REQUIRED
    pem = str(tmp_path / "pem")
    context.load_verify_locations(pem)
    wire = Wire(stores_all)
    with serving(wire, tls=context) as url:
        with pytest.raises(DestinationError):
            client_of(url, tls=Tls(pem)).store(make_instances(1))
        assert wire.sent == []
        [outcome] = client_of(url, tls=Tls(pem, pem)).store(make_instances(1))

    assert outcome.state.is_stored


def server_context(folder: Path) -> ssl.SSLContext:
    """Return what a server of this machine is known by: ``pem`` in the folder."""
    (folder / "pem").write_bytes(make_certificate())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pem")
    return context
