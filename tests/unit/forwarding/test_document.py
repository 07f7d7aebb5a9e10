"""The document is read strictly: what is wrong is said with its path, and no value repeated."""

import json
from contextlib import suppress
from datetime import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.forwarding.configuration import AuthKind
from chalicelib.forwarding.document import ConfigurationError, read_document
from chalicelib.forwarding.hours import Window
from chalicelib.forwarding.matching import Condition, Operator
from tests.unit.forwarding.building import EVERYTHING_THERE, configured, make_document

SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:stowage/forward/there-AbCdEf"
PARAMETER = "arn:aws:ssm:eu-central-1:123456789012:parameter/stowage/forward/there"

TOKEN_IN_CLEAR = {"token_url": "http://a", "client_id": "c", "secret": ""}

WHOLE = b"""
version: 1
destinations:
  - name: research
    url: https://pacs.example.org/dicom-web/
    auth:
      basic: {user: stowage, password: "%s#password"}
    max_concurrency: 4
    hours:
      timezone: UTC
      windows:
        - {time: "20:00-06:00", days: [mon, tue]}
    representation: {form: json, max_bytes: 1000000, gzip: true}
    subjects: [research-gateway]
rules:
  - name: mammograms
    match:
      partition: default
      source: {glob: "ward-*"}
      Modality: [MG, CR]
      StationName: {equals: MG-ROOM-2}
    destinations: [research]
  - name: off
    enabled: false
    match: {}
    destinations: [research]
""" % SECRET.encode()


def test_a_whole_document() -> None:
    configuration = read_document(WHOLE)
    [plan] = configuration.destinations.values()

    assert (plan.name, plan.url) == ("research", "https://pacs.example.org/dicom-web")
    assert (plan.auth.kind, plan.auth.settings) == (AuthKind.BASIC, {"user": "stowage"})
    assert plan.auth.secrets == {"password": f"{SECRET}#password"}
    assert plan.max_concurrency == 4
    assert plan.hours.windows == (Window(time(20), time(6), frozenset({0, 1})),)
    assert (plan.representation.form, plan.representation.is_gzipped) == ("json", True)
    assert plan.subjects == {"research-gateway"}
    first, second = configuration.rules
    assert first.conditions == (
        Condition("partition", Operator.EQUALS, ("default",)),
        Condition("source", Operator.GLOB, ("ward-*",)),
        Condition("Modality", Operator.IN, ("MG", "CR")),
        Condition("StationName", Operator.EQUALS, ("MG-ROOM-2",)),
    )
    assert (second.is_enabled, second.conditions) == (False, ())


@pytest.mark.parametrize(
    ("destination", "path"),
    [
        ({"name": "There"}, "destinations[0].name"),
        ({"name": 1}, "destinations[0].name"),
        ({"url": "http://there.example"}, "destinations[0].url"),
        ({"url": "http://127.0.0.1:8042"}, "destinations[0].url"),
        ({"url": "https://user:hunter2@there.example"}, "destinations[0].url"),
        ({"url": "https://there.example/?key=hunter2"}, "destinations[0].url"),
        ({"url": "https:///dicom-web"}, "destinations[0].url"),
        ({"url": "https://there.example:port"}, "destinations[0].url"),
        ({"url": "ftp://there.example"}, "destinations[0].url"),
        ({"urls": []}, "destinations[0].urls"),
        ({"auth": {}}, "destinations[0].auth"),
        ({"auth": "hunter2"}, "destinations[0].auth"),
        ({"auth": {"bearer": {"token": "hunter2"}}}, "destinations[0].auth.bearer.token"),
        ({"auth": {"bearer": {"token": "env:TOKEN"}}}, "destinations[0].auth.bearer.token"),
        ({"auth": {"basic": {"user": "u"}}}, "destinations[0].auth.basic.password"),
        ({"auth": {"headers": {"X-Key": "hunter2"}}}, "destinations[0].auth.headers.X-Key"),
        ({"auth": {"headers": {"Host": SECRET}}}, "destinations[0].auth.headers"),
        ({"auth": {"sigv4": {}}}, "destinations[0].auth.sigv4.region"),
        (
            {"auth": {"client_credentials": TOKEN_IN_CLEAR}},
            "destinations[0].auth.client_credentials.token_url",
        ),
        ({"max_concurrency": 0}, "destinations[0].max_concurrency"),
        ({"max_concurrency": True}, "destinations[0].max_concurrency"),
        ({"hours": {"windows": []}}, "destinations[0].hours.windows"),
        ({"hours": {"windows": [{"time": "9-5"}]}}, "destinations[0].hours.windows[0].time"),
        ({"hours": {"windows": [{"time": 9}]}}, "destinations[0].hours.windows[0].time"),
        (
            {"hours": {"windows": [{"time": "09:00-17:00", "days": ["sunday"]}]}},
            "destinations[0].hours.windows[0].days[0]",
        ),
        (
            {"hours": {"windows": [{"time": "09:00-17:00"}], "timezone": "Mars/Olympus"}},
            "destinations[0].hours.timezone",
        ),
        (
            {"hours": {"windows": [{"time": "09:00-17:00"}], "timezone": "../../etc/passwd"}},
            "destinations[0].hours.timezone",
        ),
        ({"representation": {"form": "dcm"}}, "destinations[0].representation.form"),
        ({"representation": {"raw": "yes"}}, "destinations[0].representation.raw"),
        ({"subjects": "me"}, "destinations[0].subjects"),
    ],
)
def test_a_wrong_destination_is_named_by_its_path(destination: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        configured(make_document(destination))

    assert str(caught.value).startswith(f"{path}: ")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ({"name": ""}, "rules[0].name"),
        ({"enabled": "yes"}, "rules[0].enabled"),
        ({"destinations": []}, "rules[0].destinations"),
        ({"destinations": ["nowhere"]}, "rules[0].destinations[0]"),
        ({"match": None}, "rules[0].match"),
        ({"match": {"PatientWeight": "90"}}, "rules[0].match.PatientWeight"),
        ({"match": {"RequestAttributesSequence": "x"}}, "rules[0].match.RequestAttributesSequence"),
        ({"match": {"Modality": 7}}, "rules[0].match.Modality"),
        ({"match": {"Modality": []}}, "rules[0].match.Modality"),
        ({"match": {"Modality": {}}}, "rules[0].match.Modality"),
        ({"match": {"Modality": {"equals": "CT", "in": ["CT"]}}}, "rules[0].match.Modality"),
        ({"match": {"Modality": {"regex": ".*"}}}, "rules[0].match.Modality.regex"),
        ({"match": {"Modality": {"in": ["CT", 5]}}}, "rules[0].match.Modality.in[1]"),
        ({"match": {"Modality": {"glob": ["*"]}}}, "rules[0].match.Modality.glob"),
    ],
)
def test_a_wrong_rule_is_named_by_its_path(rule: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        configured(make_document(rule=rule))

    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        None,
        EVERYTHING_THERE | {"version": 2},
        EVERYTHING_THERE | {"rule": []},
        EVERYTHING_THERE | {"destinations": EVERYTHING_THERE["destinations"] * 2},
        EVERYTHING_THERE | {"rules": EVERYTHING_THERE["rules"] * 2},
    ],
)
def test_a_document_of_another_shape_is_refused(document: Any) -> None:
    with pytest.raises(ConfigurationError):
        configured(document)


@pytest.mark.parametrize(
    "text",
    [
        b"version: 1\nversion: 1\n",
        b"a: &x [1]\nb: *x\n",
        b"a: [",
        b"\xff\xfe\x00",
        b"!!python/object/apply:os.system ['true']",
        b"[" * 5000,
        b"x" * (1 << 20) + b"y",
    ],
)
def test_what_is_no_plain_yaml_is_refused(text: bytes) -> None:
    with pytest.raises(ConfigurationError):
        read_document(text)


@pytest.mark.parametrize(
    "destination",
    [
        {"url": "http://127.0.0.1:8042/dicom-web"},
        {"url": "http://[::1]:8042/dicom-web"},
        {"url": "http://localhost:8042/dicom-web"},
        {"auth": {"bearer": {"token": "env:TOKEN"}}},
    ],
)
def test_a_local_stack_may_more(destination: dict[str, Any]) -> None:
    text = json.dumps(make_document(destination)).encode()
    assert read_document(text, is_local=True).destinations
    with pytest.raises(ConfigurationError):
        read_document(text)


@pytest.mark.parametrize(
    "auth",
    [
        {"bearer": {"token": SECRET}},
        {"bearer": {"token": PARAMETER}},
        {"headers": {"X-Api-Key": f"{SECRET}#key"}},
        {"sigv4": {"region": "eu-central-1"}},
        {
            "client_credentials": {
                "token_url": "https://id.example/token",
                "client_id": "stowage",
                "secret": SECRET,
                "scope": "dicom.write",
            }
        },
    ],
)
def test_every_kind_of_auth(auth: dict[str, Any]) -> None:
    [plan] = configured(make_document({"auth": auth})).destinations.values()
    assert plan.auth.kind == next(iter(auth))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "url", "match", "x", ""]), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(JSON, JSON)
def test_garbage_is_a_configuration_error(destinations: object, rules: object) -> None:
    document = {"version": 1, "destinations": destinations, "rules": rules}
    with suppress(ConfigurationError):
        configured(document)
