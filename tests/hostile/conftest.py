"""All hostile cases are sent once; the tests then look at what they left behind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.hostile.corpus import CASES
from tests.hostile.door import Answer, Door, Kept
from tests.hostile.fake_origin import FakeOrigin


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep on one worker what needs the served product: it starts and is attacked only once."""
    for item in items:
        if "door" in getattr(item, "fixturenames", ()) and "hostile" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("hostile"))


@dataclass(frozen=True)
class Evidence:
    """What was left when every case had been sent and every message consumed.

    ``objects`` and ``items`` are the bucket's and the table's, ``dead_letters`` what no function
    could consume.
    """

    answers: Mapping[str, Answer]
    objects: Mapping[str, Kept]
    items: str
    dead_letters: Mapping[str, list[object]]


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """The product in a process of its own."""
    with Door.open(tmp_path_factory.mktemp("served")) as door:
        yield door


@pytest.fixture(scope="session")
def evidence(door: Door) -> Evidence:
    """Send the whole corpus, drain the queues, look around."""
    answers = {name: door.send(case) for name, case in CASES.items()}
    dead_letters = door.command("drain")
    return Evidence(answers, door.objects(), door.items(), dead_letters)


@pytest.fixture
def fake_origin() -> Iterator[FakeOrigin]:
    """An origin server on fakes."""
    with FakeOrigin.running() as origin:
        yield origin
