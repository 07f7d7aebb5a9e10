"""The bill is made of calls that are counted, not remembered."""

from collections import Counter
from typing import Any

import pytest
from botocore.client import BaseClient

from bench.ct import ct_instances
from infra import costs
from infra.local.stack import LocalStack
from tests.end_to_end.conftest import Post

QUEUES = {f"stowage-{name}": name for name in costs.CALLS if name != "api"}
ONCE = {("audit", "logs.CreateLogStream"), ("audit", "logs.PutLogEvents")}
"""A stream that is not there yet: the first put of each fails, and is made again."""


class Count:
    """Counts calls to AWS by who is at work; SQS is the event source mapping's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.who = "api"
        real = BaseClient._make_api_call

        def counting(client: Any, operation: str, arguments: Any) -> Any:
            service = client.meta.service_model.service_name
            if service != "sqs":
                self.calls[self.who, f"{service}.{operation}"] += 1
            return real(client, operation, arguments)

        monkeypatch.setattr(BaseClient, "_make_api_call", counting)


def test_each_function_makes_the_calls_that_the_bill_counts(
    local_stack: LocalStack, post: Post, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_stack.set_reconcile_delay(0)
    count = Count(monkeypatch)
    start = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
    files = ct_instances(costs.INSTANCES)
    body = b"".join(start + file + b"\r\n" for _, file in files) + b"--b--\r\n"
    kind = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}

    assert post(f"/partitions/{partition}/studies", body, kind).status == 200
    pumps = {pump.queue: pump for pump in local_stack.pumps._pumps}
    for queue, name in QUEUES.items():
        count.who = name
        while pumps[queue].deliver():
            pass

    expected = {
        (name, call): number
        for name, calls in costs.CALLS.items()
        for call, number in calls.items()
        if (name, call) not in ONCE
    }
    found = {key: number for key, number in count.calls.items() if key not in ONCE}
    assert found == expected


def test_every_call_has_a_price() -> None:
    for calls in costs.CALLS.values():
        for call in calls:
            assert call in costs.PRICES or call.startswith(("dynamodb.", "logs."))


def test_a_million_instances_and_an_idle_month_cost_little() -> None:
    assert 10 < sum(row.usd for row in costs.per_million()) < 40
    assert sum(row.usd for row in costs.idle()) < 10
