"""Which messages wake a worker, and which come again."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.entrypoints.sessions import consume_wakes, decode_wake, encode_wake
from chalicelib.origin.sessions.model import SessionName

NAME = SessionName("clinic-1", "0123456789abcdef" * 2)
MALFORMED = [
    "",
    "nothing",
    "null",
    "7",
    "[]",
    '"text"',
    "{}",
    "[" * 100_000,
    '{"partition":"a"}',
    '{"session":"a"}',
    '{"partition":1,"session":"a"}',
    '{"partition":"a","session":null}',
    '{"partition":"","session":"a"}',
    '{"partition":"a/b","session":"a"}',
    '{"partition":"a#b","session":"a"}',
    '{"partition":["a"],"session":"a"}',
]


def batch(*bodies: str) -> dict[str, Any]:
    """An event of SQS; messages are numbered from 1."""
    return {
        "Records": [
            {"messageId": f"message-{number}", "body": body}
            for number, body in enumerate(bodies, start=1)
        ]
    }


def failed(event: dict[str, Any], *done: SessionName) -> list[str]:
    answer = consume_wakes(event, lambda name: name in done)
    assert list(answer) == ["batchItemFailures"]
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
)
def test_a_message_names_the_session_that_it_was_written_for(partition: str, identity: str) -> None:
    name = SessionName(partition, identity)
    assert decode_wake(encode_wake(name)) == name


def test_members_that_are_not_known_are_ignored() -> None:
    message = json.loads(encode_wake(NAME)) | {"later": True}
    assert decode_wake(json.dumps(message)) == NAME


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
def test_a_message_that_names_no_session_comes_again_and_wakes_nobody(body: str) -> None:
    assert decode_wake(body) is None

    def work(name: SessionName) -> bool:
        raise AssertionError(name)

    answer = consume_wakes(batch(body), work)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}


@given(st.text())
def test_no_message_is_worse_than_one_that_names_nothing(body: str) -> None:
    assert decode_wake(body) is None or json.loads(body)


def test_a_message_that_is_done_with_does_not_come_again() -> None:
    assert failed(batch(encode_wake(NAME)), NAME) == []


def test_a_message_that_is_not_done_with_comes_again() -> None:
    assert failed(batch(encode_wake(NAME))) == ["message-1"]


def test_each_message_of_a_batch_is_for_itself() -> None:
    other = SessionName("default", "f" * 32)
    event = batch(encode_wake(other), "nothing", encode_wake(NAME))
    assert failed(event, NAME) == ["message-1", "message-2"]


def test_no_messages_no_failures() -> None:
    assert failed(batch()) == []
