"""Documents of store sessions that nobody wrote: MalformedDocument refuses them, nothing else."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dicomweb.sessions import (
    MAX_URLS,
    MalformedDocument,
    PartPlan,
    SessionState,
    SessionStatus,
    decode_complete,
    decode_open,
    decode_status,
    decode_urls,
    decode_wanted,
    encode_status,
)

DIGEST = b64encode(bytes(32)).decode()
OPEN = {"resource": "/studies", "headers": {"Content-Type": "a/b"}, "size": 1, "checksum": "c"}
WANTED = {"parts": [{"number": 1, "sha256": DIGEST}]}
URLS = {"parts": [{"number": 1, "url": "u", "headers": {"a": "b"}, "expires": "e"}]}
STATUS: Mapping[str, Any] = json.loads(
    encode_status(SessionStatus("i", SessionState.FINAL, "r", PartPlan(1, 1), "o", "e"))
)
DECODERS: dict[str, tuple[Callable[[str | bytes], object], Mapping[str, Any]]] = {
    "open": (decode_open, OPEN),
    "wanted": (decode_wanted, WANTED),
    "complete": (decode_complete, {"checksum": "c"}),
    "urls": (decode_urls, URLS),
    "status": (decode_status, STATUS),
}
every_decoder = pytest.mark.parametrize(("decode", "right"), DECODERS.values(), ids=DECODERS)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def reads_or_refuses(decode: Callable[[str | bytes], object], text: str | bytes) -> None:
    with suppress(MalformedDocument):
        decode(text)


@every_decoder
@given(garbage=st.text() | st.binary())
def test_garbage_is_malformed(
    decode: Callable[[str | bytes], object], right: object, garbage: str | bytes
) -> None:
    reads_or_refuses(decode, garbage)


@every_decoder
@given(document=anything)
def test_other_json_is_malformed(
    decode: Callable[[str | bytes], object], right: object, document: object
) -> None:
    reads_or_refuses(decode, json.dumps(document))


@every_decoder
@given(data=st.data())
def test_a_member_of_another_kind_is_malformed(
    decode: Callable[[str | bytes], object], right: Mapping[str, Any], data: st.DataObject
) -> None:
    changed = dict(right)
    name = data.draw(st.sampled_from(sorted(changed)))
    if isinstance(changed[name], list) and data.draw(st.booleans()):
        [part] = changed[name]
        inside = data.draw(st.sampled_from(sorted(part)))
        changed[name] = [part | {inside: data.draw(anything)}]
    else:
        changed[name] = data.draw(anything)
    reads_or_refuses(decode, json.dumps(changed))


@every_decoder
@pytest.mark.parametrize(
    "text", [" ", "nothing", "null", "[]", "1", '"x"', "[" * 100_000, b"\xff", "9" * 5000]
)
def test_what_is_no_json_object_is_malformed(
    decode: Callable[[str | bytes], object], right: object, text: str | bytes
) -> None:
    with pytest.raises(MalformedDocument):
        decode(text)


@every_decoder
def test_members_that_are_not_known_are_ignored(
    decode: Callable[[str | bytes], object], right: Mapping[str, Any]
) -> None:
    assert decode(json.dumps({**right, "later": [1]})) == decode(json.dumps(right))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("resource", [None, 1, ["/studies"]]),
        (
            "headers",
            [
                None,
                [],
                "Content-Type: a/b",
                {"Content-Type": 1},
                {"Accept": ["a"]},
                {"Accept": "a\nb"},
            ],
        ),
        ("size", [None, 0, -1, 1.5, "1", True]),
        ("checksum", [None, 1, {}]),
    ],
)
def test_what_opens_no_session_names_the_member(name: str, values: list[object]) -> None:
    for value in values:
        with pytest.raises(MalformedDocument, match=name):
            decode_open(json.dumps({**OPEN, name: value}))


@pytest.mark.parametrize("name", ["resource", "headers", "size"])
def test_what_opens_a_session_has_these_members(name: str) -> None:
    document = {member: value for member, value in OPEN.items() if member != name}
    with pytest.raises(MalformedDocument, match=name):
        decode_open(json.dumps(document))


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        (None, "parts"),
        ({}, "parts"),
        ([], "parts"),
        ([1], "parts"),
        ([*WANTED["parts"], None], "parts"),
        (WANTED["parts"] * (MAX_URLS + 1), "parts"),
        ([{"sha256": DIGEST}], "number"),
        ([{"number": "1", "sha256": DIGEST}], "number"),
        ([{"number": -1, "sha256": DIGEST}], "number"),
        ([{"number": 1}], "sha256"),
        ([{"number": 1, "sha256": 7}], "sha256"),
        ([{"number": 1, "sha256": ""}], "sha256"),
        ([{"number": 1, "sha256": "é"}], "sha256"),
        ([{"number": 1, "sha256": DIGEST + "\n"}], "sha256"),
        ([{"number": 1, "sha256": sha256(b"").hexdigest()}], "sha256"),
        ([{"number": 1, "sha256": b64encode(bytes(31)).decode()}], "sha256"),
    ],
)
def test_wanted_parts_that_are_none_name_the_member(parts: object, named: str) -> None:
    with pytest.raises(MalformedDocument, match=named):
        decode_wanted(json.dumps({"parts": parts}))


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"state": "asleep"},
        {"size": 0},
        {"part_bytes": 0},
        {"progress": []},
        {"progress": {"stored": "1"}},
        {"received": {}},
        {"status": "200"},
    ],
)
def test_a_state_that_is_none_is_malformed(change: dict[str, object]) -> None:
    with pytest.raises(MalformedDocument):
        decode_status(json.dumps({**STATUS, **change}))
