"""What a deployment costs: calls counted, prices looked up, durations assumed and said so.

::

    python -m infra.costs

``CALLS`` is checked by a test that stores eight CT instances on the local stack and counts
what each function calls. List prices of us-east-1, without free tiers, taxes or discounts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

INSTANCES = 8
"""Of one request: eight CT instances of 0.5 MB fill what Lambda takes."""
INSTANCE_BYTES = 528_000
MILLION = 1_000_000

PRICES = {
    # USD per million
    "s3.PutObject": 5.00,
    "s3.GetObject": 0.40,
    "s3.HeadObject": 0.40,
    "apigateway.request": 3.50,
    "lambda.request": 0.20,
    "lambda.gb_second": 16.67,
    "dynamodb.write_unit": 0.625,
    "dynamodb.read_unit": 0.125,
    "events.PutEvents": 1.00,
    "sqs.request": 0.40,
}
MONTHLY = {
    # USD a month
    "alarm": 0.10,
    "key": 1.00,
    "storage_gb": 0.023,
    "cold_storage_gb": 0.004,
    "table_gb": 0.25,
    "recovery_gb": 0.20,
    "log_gb": 0.50,
}

CALLS: dict[str, dict[str, int]] = {
    "api": {"s3.PutObject": 8, "dynamodb.BatchWriteItem": 1, "events.PutEvents": 1},
    "validate": {
        "s3.HeadObject": 8,
        "s3.GetObject": 8,
        "dynamodb.GetItem": 8,
        "dynamodb.PutItem": 8,
    },
    "index": {
        "dynamodb.BatchGetItem": 3,
        "dynamodb.GetItem": 1,
        "dynamodb.PutItem": 3,
        "dynamodb.Query": 3,
    },
    "audit": {
        "dynamodb.BatchGetItem": 1,
        "logs.PutLogEvents": 1,
    },
    "forward": {},
    "reconcile": {
        "s3.HeadObject": 8,
        "dynamodb.BatchGetItem": 2,
        "dynamodb.GetItem": 8,
        "dynamodb.Query": 1,
    },
}
"""Calls that each function makes for one request of ``INSTANCES``; a stream's creation aside."""

SECONDS = {
    "api": 0.45,
    "validate": 1.2,
    "index": 0.4,
    "audit": 0.2,
    "forward": 0.1,
    "reconcile": 0.6,
}
"""Assumed billed duration of each function for one request's instances; to be measured in AWS."""
MEMORY_GB = {
    "api": 1769 / 1024,
    "validate": 1.0,
    "index": 0.5,
    "audit": 0.5,
    "forward": 0.5,
    "reconcile": 0.5,
}
AUTHORIZER_SHARE = 0.1
"""Of the requests: one token's policy is cached for a minute."""

WRITE_UNITS = {"record": 2, "verdict": 1, "aggregate": 2}
"""Units of 1 KB; the study's aggregate is written to the index by arrival too."""
SERIES_READ_UNITS = 30
"""Of one count of a series: some hundred records of 1.2 KB, strongly consistent, 4 KB a unit."""
LOG_BYTES = 1_200
"""Of all functions' and the access log's lines, for one instance."""
RECORD_BYTES = 2_600
"""Of a record with its verdict and its share of the aggregates."""

QUEUES = 6
POLLS = 650_000
"""Of one idle queue's mapping, a month."""
ALARMS = 24
KEYS = 1
"""The audit log's."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One line of the bill, in USD."""

    what: str
    usd: float


def per_million() -> Iterator[Cost]:
    """Yield what a million CT instances cost to take in, by service."""
    requests = MILLION / INSTANCES
    yield Cost("S3 puts", _calls(("s3.PutObject",)))
    yield Cost("S3 reads and looks", _calls(("s3.GetObject", "s3.HeadObject")))
    yield Cost("API Gateway", requests * PRICES["apigateway.request"] / MILLION)
    yield Cost("Lambda", _lambda(requests))
    yield Cost("DynamoDB writes", _writes(requests))
    yield Cost("DynamoDB reads", _reads(requests))
    yield Cost("EventBridge", _calls(("events.PutEvents",)))
    yield Cost("SQS", _sqs(requests))
    yield Cost("logs", MILLION * LOG_BYTES / 1e9 * MONTHLY["log_gb"])


def _calls(names: tuple[str, ...]) -> float:
    """Return what a million instances' calls of these names cost."""
    return sum(
        PRICES[name] * count / INSTANCES
        for calls in CALLS.values()
        for name, count in calls.items()
        if name in names
    )


def _lambda(requests: float) -> float:
    invocations = requests * (len(CALLS) + AUTHORIZER_SHARE)
    gb_seconds = requests * sum(SECONDS[name] * MEMORY_GB[name] for name in SECONDS)
    request_price, second_price = PRICES["lambda.request"], PRICES["lambda.gb_second"]
    return (invocations * request_price + gb_seconds * second_price) / MILLION


def _writes(requests: float) -> float:
    units: float = MILLION * WRITE_UNITS["record"]
    units += requests * CALLS["validate"]["dynamodb.PutItem"] * WRITE_UNITS["verdict"]
    # The study's aggregate once more, for the index by arrival.
    units += requests * (CALLS["index"]["dynamodb.PutItem"] + 1) * WRITE_UNITS["aggregate"]
    return units * PRICES["dynamodb.write_unit"] / MILLION


def _reads(requests: float) -> float:
    """Return the cost of reads: one unit an item, and counts of whole series."""
    units = 0.0
    for calls in CALLS.values():
        units += calls.get("dynamodb.GetItem", 0)
        units += calls.get("dynamodb.BatchGetItem", 0) * INSTANCES
        units += calls.get("dynamodb.Query", 0) * SERIES_READ_UNITS
    return requests * units * PRICES["dynamodb.read_unit"] / MILLION


def _sqs(requests: float) -> float:
    """Return the cost of sending, receiving and deleting: events by request, objects one by one."""
    consumers = len(CALLS) - 2  # all but the API and reconcile hear of events
    events = requests * consumers * 3
    objects = MILLION + 2 * MILLION / 10
    return (events + objects) * PRICES["sqs.request"] / MILLION


def idle() -> Iterator[Cost]:
    """Yield what a month without a request costs, nothing being stored."""
    polls = QUEUES * POLLS * PRICES["sqs.request"] / MILLION
    yield Cost(f"polling of {QUEUES} queues", polls)
    yield Cost(f"{ALARMS} alarms", ALARMS * MONTHLY["alarm"])
    yield Cost("key of the audit log", KEYS * MONTHLY["key"])


def keeping() -> Iterator[Cost]:
    """Yield what a month's keeping of a million CT instances costs."""
    gigabytes = MILLION * INSTANCE_BYTES / 1e9
    items = MILLION * RECORD_BYTES / 1e9
    yield Cost("objects", gigabytes * MONTHLY["storage_gb"])
    yield Cost("or objects in Glacier Instant Retrieval", gigabytes * MONTHLY["cold_storage_gb"])
    yield Cost("table, with recovery", items * (MONTHLY["table_gb"] + MONTHLY["recovery_gb"]))


def table(costs: Mapping[str, tuple[Cost, ...]]) -> Iterator[str]:
    """Yield the rows of a Markdown table."""
    yield "| what | USD |"
    yield "|---|---:|"
    for title, rows in costs.items():
        yield from (f"| {row.what} | {row.usd:.2f} |" for row in rows)
        yield f"| **{title}** | **{sum(row.usd for row in rows):.2f}** |"


def report() -> str:
    """Return the tables that ``docs/operations.md`` shows."""
    lines = [
        *table(
            {
                "a million CT instances": tuple(per_million()),
                "an idle month": tuple(idle()),
            }
        ),
        "",
        "| keeping a million CT instances, a month | USD |",
        "|---|---:|",
        *(f"| {row.what} | {row.usd:.2f} |" for row in keeping()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(report(), end="")
