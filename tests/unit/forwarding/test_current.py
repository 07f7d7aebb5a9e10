"""The configuration in force is the document's, read again when it may have changed."""

import json
from datetime import timedelta

import pytest

from chalicelib.forwarding.configuration import Configuration
from chalicelib.forwarding.current import MAX_AGE, CurrentConfiguration
from chalicelib.forwarding.document import ConfigurationError
from chalicelib.origin.ports import Unavailable
from tests.unit.forwarding.building import EVERYTHING_THERE, NOON

TEXT = json.dumps(EVERYTHING_THERE).encode()


class Document:
    """A document in memory; ``error`` is raised while there is one."""

    def __init__(self) -> None:
        self.version, self.text = "1", TEXT
        self.error: Exception | None = None
        self.reads: list[str] = []

    def read(self, known: str) -> tuple[str, bytes] | None:
        self.reads.append(known)
        if self.error is not None:
            raise self.error
        return None if known == self.version else (self.version, self.text)


class Case:
    def __init__(self) -> None:
        self.now = NOON
        self.document = Document()
        self.current = CurrentConfiguration(self.document, lambda: self.now)


@pytest.fixture
def case() -> Case:
    return Case()


def test_it_is_read_at_most_every_half_minute_and_only_when_changed(case: Case) -> None:
    first = case.current()
    assert case.current() is first
    case.now += MAX_AGE
    assert case.current() is first
    assert case.document.reads == ["", "1"]

    case.document.version, case.document.text = "2", TEXT.replace(b'"all"', b'"other"')
    case.now += MAX_AGE
    assert case.current().rules[0].name == "other"


def test_a_document_that_became_wrong_stops_everything_until_it_is_right(case: Case) -> None:
    case.current()
    case.document.version, case.document.text = "2", b"{}"
    for _ in range(2):
        case.now += MAX_AGE
        with pytest.raises(ConfigurationError, match="version"):
            case.current()
    case.document.version, case.document.text = "3", TEXT
    assert case.current().rules


def test_what_cannot_be_read_now_leaves_the_last_in_force(case: Case) -> None:
    case.document.error = Unavailable()
    with pytest.raises(Unavailable):
        case.current()
    case.document.error = None
    known = case.current()
    case.document.error = Unavailable()
    case.now += timedelta(hours=1)
    assert case.current() is known


def test_a_document_that_is_not_there_is_an_error_and_none_named_is_none(case: Case) -> None:
    case.document.error = KeyError("x")
    with pytest.raises(ConfigurationError, match="not there"):
        case.current()
    assert CurrentConfiguration(None, lambda: NOON)() == Configuration()
