"""The configuration document: YAML or JSON to values, strictly.

Every error names the path it is about and no value: a secret that somebody wrote where its
reference belongs is not repeated in a log.
"""

import re
from collections.abc import Hashable
from datetime import UTC, time, tzinfo
from zoneinfo import ZoneInfo

import yaml

from chalicelib.forwarding.auth_plans import read_auth
from chalicelib.forwarding.configuration import (
    Configuration,
    DestinationPlan,
    Representation,
    Rule,
)
from chalicelib.forwarding.hours import Hours, Window
from chalicelib.forwarding.matching import MATCHABLE, Condition, Operator
from chalicelib.forwarding.nodes import ConfigurationError, Node
from chalicelib.forwarding.urls import check_url

__all__ = ["ConfigurationError", "read_document"]

MAX_DOCUMENT_BYTES = 1 << 20
MAX_CONCURRENCY = 32
_VERSION = 1
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SPAN = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def read_document(text: bytes, *, is_local: bool = False) -> Configuration:
    """Return the configuration that a document states.

    Parameters
    ----------
    text : bytes
        YAML, of which JSON is a part; UTF-8.
    is_local : bool
        Whether loopback, plain http to it, and secrets of the environment are allowed.

    Raises
    ------
    ConfigurationError
    """
    top = Node("", _load(text)).members(
        {"version", "destinations", "rules"}, ("version", "destinations", "rules")
    )
    top.of("version").number(_VERSION, _VERSION)
    destinations: dict[str, DestinationPlan] = {}
    for node in top.of("destinations").items():
        plan = _destination(node, is_local)
        if plan.name in destinations:
            raise node.wrong("has the name of another destination")
        destinations[plan.name] = plan
    rules: dict[str, Rule] = {}
    for node in top.of("rules").items():
        rule = _rule(node, destinations)
        if rule.name in rules:
            raise node.wrong("has the name of another rule")
        rules[rule.name] = rule
    return Configuration(destinations, tuple(rules.values()))


def _load(text: bytes) -> object:
    if len(text) > MAX_DOCUMENT_BYTES:
        raise ConfigurationError(f"The document is larger than {MAX_DOCUMENT_BYTES} bytes.")
    try:
        loaded: object = yaml.load(text, _Strict)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise ConfigurationError(f"The document is no YAML at {place}.") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigurationError("The document is neither YAML nor JSON.") from None
    return loaded


_BOOL, _TIMESTAMP = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"


class _Strict(yaml.SafeLoader):
    """YAML without what surprises: no name twice, no aliases; off is a text, and so is a date."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own, by first character
        first: [pair for pair in pairs if pair[0] not in (_BOOL, _TIMESTAMP)]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        mapping: dict[Hashable, object] = super().construct_mapping(node, deep)
        if len(mapping) != len(node.value):
            raise yaml.MarkedYAMLError(problem_mark=node.start_mark)
        return mapping


_Strict.add_implicit_resolver(_BOOL, re.compile("true|false"), ["t", "f"])


def _name(node: Node) -> str:
    if not isinstance(node.value, str) or not _NAME.fullmatch(node.value):
        raise node.wrong("shall be 1 to 63 lower-case letters, digits and hyphens")
    return node.value


def _destination(node: Node, is_local: bool) -> DestinationPlan:
    known = {
        "name",
        "url",
        "auth",
        "max_concurrency",
        "hours",
        "representation",
        "subjects",
    }
    members = node.members(known, ("name", "url"))
    url = members.of("url")
    if fault := check_url(url.text(), is_local=is_local):
        raise url.wrong(fault)
    plan = DestinationPlan(_name(members.of("name")), url.text().rstrip("/"))
    return DestinationPlan(
        name=plan.name,
        url=plan.url,
        auth=members.get("auth", lambda one: read_auth(one, is_local=is_local), plan.auth),
        max_concurrency=members.get(
            "max_concurrency", lambda one: one.number(1, MAX_CONCURRENCY), plan.max_concurrency
        ),
        hours=members.get("hours", _hours, plan.hours),
        representation=members.get("representation", _representation, plan.representation),
        subjects=members.get(
            "subjects", lambda one: frozenset(entry.text() for entry in one.items()), plan.subjects
        ),
    )


def _hours(node: Node) -> Hours:
    members = node.members({"timezone", "windows"}, ("windows",))
    windows = tuple(map(_window, members.of("windows").items()))
    if not windows:
        raise members.of("windows").wrong("shall not be empty: nothing would ever be sent")
    zone = _zone(members.of("timezone")) if "timezone" in members else UTC
    return Hours(windows, zone)


def _zone(node: Node) -> tzinfo:
    try:
        return ZoneInfo(node.text())
    except (ValueError, OSError, KeyError):
        raise node.wrong("is no time zone of the IANA database, such as Europe/Berlin") from None


def _window(node: Node) -> Window:
    members = node.members({"days", "time"}, ("time",))
    span = _SPAN.fullmatch(members.of("time").any_text())
    if span is None:
        raise members.of("time").wrong("shall be two times of day such as 20:00-06:00")
    begins, ends = (time.fromisoformat(part) for part in span.group().split("-"))
    days = members.get(
        "days",
        lambda one: frozenset(_DAYS.index(day.one_of(_DAYS)) for day in one.items()),
        frozenset(range(7)),
    )
    if not days:
        raise members.of("days").wrong("shall not be empty")
    return Window(begins, ends, days)


def _representation(node: Node) -> Representation:
    members = node.members(
        {
            "form",
            "max_bytes",
            "max_instances",
            "transfer_syntax",
            "raw",
            "gzip",
            "chunked",
            "retry_unquoted",
        }
    )
    plain = Representation()
    return Representation(
        form=members.get("form", lambda one: one.one_of(("dicom", "json", "xml")), plain.form),
        max_bytes=members.get("max_bytes", lambda one: one.number(1, 1 << 32), plain.max_bytes),
        max_instances=members.get(
            "max_instances", lambda one: one.number(1, 1000), plain.max_instances
        ),
        names_syntax=members.get("transfer_syntax", Node.switch, False),
        is_raw=members.get("raw", Node.switch, False),
        is_gzipped=members.get("gzip", Node.switch, False),
        is_chunked=members.get("chunked", Node.switch, False),
        retries_unquoted=members.get("retry_unquoted", Node.switch, False),
    )


def _rule(node: Node, destinations: dict[str, DestinationPlan]) -> Rule:
    members = node.members(
        {"name", "enabled", "match", "destinations"}, ("name", "match", "destinations")
    )
    match = members.of("match").members(MATCHABLE)
    names = tuple(entry.one_of(destinations) for entry in members.of("destinations").items())
    if not names:
        raise members.of("destinations").wrong("shall name a destination")
    return Rule(
        name=_name(members.of("name")),
        conditions=tuple(_condition(name, match.of(name)) for name in match),
        destinations=tuple(dict.fromkeys(names)),
        is_enabled=members.get("enabled", Node.switch, True),
    )


def _condition(name: str, node: Node) -> Condition:
    """Return a condition; a text alone means ``equals``, a list alone ``in``."""
    if isinstance(node.value, str):
        return Condition(name, Operator.EQUALS, (node.any_text(),))
    if isinstance(node.value, list):
        return _one_of_many(name, node)
    members = node.members(set(Operator))
    if len(members.values) != 1:
        raise node.wrong(f"shall have exactly one of {', '.join(sorted(Operator))}")
    operator = Operator(next(iter(members)))
    operand = members.of(operator)
    if operator is Operator.IN:
        return _one_of_many(name, operand)
    return Condition(name, operator, (operand.any_text(),))


def _one_of_many(name: str, node: Node) -> Condition:
    operands = tuple(entry.any_text() for entry in node.items())
    if not operands:
        raise node.wrong("shall not be empty: nothing would ever match")
    return Condition(name, Operator.IN, operands)
