"""Batches, waiting, the gate, capabilities, reasons in words."""

import threading

import pytest

from chalicelib.dicomweb.capabilities import describe
from chalicelib.dicomweb.messages import Headers
from chalicelib.dicomweb.multipart import split_parts
from chalicelib.dicomweb.multipart_writer import BytesContent, MultipartBody, OutgoingPart
from chalicelib.dicomweb.resources import Studies
from chalicelib.dicomweb.wadl import encode_wadl_xml
from chalicelib.standard.reasons import FailureReason, WarningReason
from chalicelib.useragent.capabilities import apply_limits, parse_limits, read_limits
from chalicelib.useragent.client import Destination
from chalicelib.useragent.concurrency import AdaptiveGate
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.model import Cause
from chalicelib.useragent.plan import BatchLimits, batches
from chalicelib.useragent.reasons import (
    FailureKind,
    advice_for,
    kind_of_failure,
    outcome_words,
    reason_words,
)
from chalicelib.useragent.retry import RetryPolicy, retry_after
from tests.unit.useragent.fakes import (
    BASE,
    FakeClock,
    ScriptedTransport,
    answer,
    make_instance,
    make_instances,
)


def sizes(count: int, limits: BatchLimits, cost: int = 10) -> list[int]:
    return [len(one) for one in batches(make_instances(count), limits, lambda one: cost)]


def test_batches_are_filled_to_bytes_and_parts() -> None:
    assert sizes(5, BatchLimits(25, 100)) == [2, 2, 1]
    assert sizes(5, BatchLimits(1000, 2)) == [2, 2, 1]
    assert sizes(3, BatchLimits(5, 100)) == [1, 1, 1]
    assert sizes(0, BatchLimits()) == []


def test_a_uid_stands_once_in_a_batch() -> None:
    twice = [make_instance(1), make_instance(1), make_instance(2)]
    assert [len(one) for one in batches(twice, BatchLimits())] == [1, 2]


def test_what_a_refusal_teaches_holds_for_the_next_batch() -> None:
    limits = BatchLimits(1_000_000, 100)
    plan = batches(make_instances(9), limits, lambda one: 100_000)
    assert len(next(plan)) == 9 or limits
    limits.refused(900_000, 9)
    assert limits.max_bytes == limits.learnt_bytes == 450_000
    limits.refused(300_000, 1)
    assert limits.max_bytes == 450_000


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        (
            {
                "Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT",
                "Date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            30.0,
        ),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_without_a_clock(fields: dict[str, str], seconds: float | None) -> None:
    assert retry_after(Headers(fields.items())) == seconds


def test_waits_double_up_to_a_bound() -> None:
    policy, clock = RetryPolicy(first_wait=1, longest_wait=5, longest_retry_after=60), FakeClock()
    assert [policy.wait(attempt, clock) for attempt in (1, 2, 3, 4, 9)] == [1, 2, 4, 5, 5]
    assert policy.wait(1, clock, Headers([("Retry-After", "9999")])) == 61


def test_the_gate_halves_once_for_refusals_that_came_together_and_opens_again() -> None:
    clock = FakeClock()
    gate = AdaptiveGate(8, clock)
    gate.throttled()
    gate.throttled()
    assert gate.allowed == 4
    clock.time = 2
    gate.throttled()
    assert gate.allowed == 2
    for _ in range(100):
        gate.accepted()
    assert gate.allowed == 8


def test_the_gate_lets_no_more_through_than_allowed() -> None:
    gate = AdaptiveGate(1, FakeClock())
    entered = threading.Event()

    def second() -> None:
        with gate.slot():
            entered.set()

    with gate.slot():
        thread = threading.Thread(target=second)
        thread.start()
        assert not entered.wait(0.05)
    thread.join()
    assert entered.is_set()


def test_limits_of_our_own_capabilities_are_read() -> None:
    wadl = encode_wadl_xml(describe(Studies("default"), BASE, {"max_parts": 7})).encode()
    limits = BatchLimits(1000, 500)
    apply_limits(parse_limits(wadl), limits)
    assert (limits.max_parts, limits.max_bytes) == (7, 1000)


@pytest.mark.parametrize("body", [b"", b"<", b"<!DOCTYPE a><a/>", b"<html/>", b"\0"])
def test_other_capabilities_say_nothing(body: bytes) -> None:
    assert parse_limits(body) == {}
    exchange = Exchange(ScriptedTransport(answer(404)))
    assert read_limits(exchange, Destination(BASE)) == {}


@pytest.mark.parametrize("code", [row.code for row in (*FailureReason, *WarningReason)])
def test_every_reason_has_words_and_an_advice(code: int) -> None:
    assert f"({code:04X}H)" in reason_words(code)
    assert advice_for(Cause.REASON, code)


def test_unknown_reasons_are_classified_by_range() -> None:
    assert kind_of_failure(0xA7FF) is FailureKind.TRANSIENT
    assert kind_of_failure(0xA9FF) is FailureKind.PERMANENT
    assert kind_of_failure(0xC122) is FailureKind.TRANSFER_SYNTAX
    assert kind_of_failure(0x0110, 409) is FailureKind.PERMANENT
    assert kind_of_failure(None) is FailureKind.PERMANENT
    assert "cannot understand" in reason_words(0xCFFF)
    assert "warning" in reason_words(0xB123)
    assert "Refused" in reason_words(0x1)


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_words(cause: Cause) -> None:
    assert outcome_words(cause, None, 500)
    assert not outcome_words(cause, None, 500).endswith(".")


def test_a_multipart_body_is_what_the_parser_reads_each_time() -> None:
    parts = [
        OutgoingPart((("Content-Type", "a/b"), ("Content-Location", "ü")), BytesContent(body))
        for body in (b"", b"one\r\n", b"-- b")
    ]
    body = MultipartBody(parts, "b")
    for _ in range(2):
        whole = b"".join(map(bytes, body))
        assert len(whole) == body.length
        assert [bytes(part.body) for part in split_parts(whole, "b")] == [b"", b"one\r\n", b"-- b"]
    with pytest.raises(ValueError, match="part"):
        MultipartBody([], "b")
