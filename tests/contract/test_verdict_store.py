"""What every VerdictStore does."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.dynamodb.table import Table
from chalicelib.adapters.dynamodb.verdicts import DynamoDbVerdictStore
from chalicelib.origin.model import Finding, InstanceKey, Severity, Verdict
from chalicelib.origin.ports import Unavailable, VerdictStore
from tests.builders import make_key
from tests.fakes.verdicts import MemoryVerdictStore


def make_verdict(key: InstanceKey, *severities: Severity) -> Verdict:
    findings = tuple(
        Finding("pixel-length", one, "(7FE0,0010)", "too short by 2 bytes", "PS3.5 8.1")
        for one in severities
    )
    return Verdict(key, "ab" * 32, 3, findings, omitted=len(severities) // 200)


@pytest.fixture
def key(partition: str) -> InstanceKey:
    return make_key(partition=partition)


def test_a_verdict_is_read_as_written(verdicts: VerdictStore, key: InstanceKey) -> None:
    assert verdicts.read(key) is None
    verdict = make_verdict(key, *Severity)
    verdicts.write(verdict)
    assert verdicts.read(key) == verdict


def test_a_full_verdict_fits(verdicts: VerdictStore, key: InstanceKey) -> None:
    verdict = make_verdict(key, *[Severity.WARNING] * 200)
    verdicts.write(verdict)
    assert verdicts.read(key) == verdict


def test_a_new_verdict_takes_the_place_of_the_old(verdicts: VerdictStore, key: InstanceKey) -> None:
    verdicts.write(make_verdict(key, Severity.ERROR))
    verdicts.write(make_verdict(key))
    assert verdicts.read(key) == make_verdict(key)


def test_observations_are_a_set_that_only_grows(verdicts: VerdictStore, key: InstanceKey) -> None:
    assert verdicts.observations(key) == frozenset()
    for observed in (["rewrapped"], [], ["odd-length", "rewrapped"], ["rewrapped"]):
        verdicts.observe(key, observed)
    assert verdicts.observations(key) == {"odd-length", "rewrapped"}


def test_instances_do_not_see_each_others_verdicts(verdicts: VerdictStore, partition: str) -> None:
    one, other = make_key("1.2.3", partition=partition), make_key("1.2.30", partition=partition)
    verdicts.write(make_verdict(one))
    verdicts.observe(one, ["rewrapped"])
    assert verdicts.read(other) is None
    assert verdicts.observations(other) == frozenset()


def test_findings_of_a_study_are_counted_by_severity(
    verdicts: DynamoDbVerdictStore | MemoryVerdictStore, partition: str
) -> None:
    def write(sop: str, study: str, *severities: Severity) -> None:
        verdicts.write(make_verdict(make_key(sop, study=study, partition=partition), *severities))

    assert verdicts.findings_of(partition, "1.1") == (0, {})
    write("1.2.1", "1.1", Severity.ERROR, Severity.INFORMATION)
    write("1.2.2", "1.1", Severity.ERROR)
    write("1.2.3", "1.1")
    write("1.2.4", "1.10", Severity.UNSAFE)
    count, findings = verdicts.findings_of(partition, "1.1")
    assert (count, findings) == (3, {Severity.ERROR: 2, Severity.INFORMATION: 1})


class ThrottlingClient:
    """A client that is always told to slow down."""

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> Any:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, name)

        return call


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.write(make_verdict(make_key())),
        lambda store: store.read(make_key()),
        lambda store: store.observe(make_key(), ["rewrapped"]),
        lambda store: store.observations(make_key()),
        lambda store: store.findings_of("default", "1.1"),
    ],
)
def test_a_throttled_call_is_unavailable(act: Callable[[DynamoDbVerdictStore], object]) -> None:
    store = DynamoDbVerdictStore(Table(ThrottlingClient(), "stowage", lambda _: None))
    with pytest.raises(Unavailable):
        act(store)
