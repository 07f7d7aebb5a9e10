"""All cases are sent once, to a product in a process of its own; tests look at what is left."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.hostile.cases import Case, Request
from tests.hostile.door import Answer, Door, Kept
from tests.hostile_metadata.corpus import CASES
from tests.hostile_metadata.hostile import Hostile


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep on one worker what needs the served product: it starts and is attacked only once."""
    for item in items:
        if "hostile_metadata" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("hostile_metadata"))


@dataclass(frozen=True)
class Evidence:
    """The answers, what was stored, and all that was printed and passed on."""

    answers: Mapping[str, Answer]
    objects: Mapping[str, Kept]
    output: bytes
    messages: str
    dead_letters: Mapping[str, list[object]]


def case_of(hostile: Hostile) -> Case:
    """A request that the door sends."""
    sent = hostile.message
    headers = dict(sent.headers)
    content_type = headers.pop("Content-Type")
    request = Request(sent.body, content_type=content_type, headers=tuple(headers.items()))
    return Case(f"metadata: {hostile.name}", request, hostile.status)


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    """Send the whole corpus, drain the queues, look around."""
    with Door.open(tmp_path_factory.mktemp("served")) as door:
        answers = {name: door.send(case_of(hostile)) for name, hostile in CASES.items()}
        dead_letters = door.command("drain")
        yield Evidence(answers, door.objects(), door.output(), door.messages(), dead_letters)
