"""What a terabyte costs to take in, by each door: requests of the small one, and store sessions.

::

    python -m infra.doors

``DOORS`` has the calls of one request and of one session, counted on the local stack; prices and
what follows behind the door are those of ``infra.costs``; durations and looks are assumed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from infra import costs
from infra.costs import MILLION, Cost

PRICES = costs.PRICES | {
    "s3.CreateMultipartUpload": 5.00,
    "s3.UploadPart": 5.00,
    "s3.UploadPartCopy": 5.00,
    "s3.CompleteMultipartUpload": 5.00,
    "s3.ListParts": 5.00,
    "s3.DeleteObjects": 0.00,
    "sqs.SendMessage": 0.40,
}
"""USD per million."""
MEMORY_GB = {"api": costs.MEMORY_GB["api"], "ingest": 1769 / 1024}
SESSION_UNITS = 2
"""Write units of a session's item."""
TERABYTE = 10**12
STAGED_HOURS = 1.0
"""For which a session's body is kept, assumed: it is deleted with its answer."""


@dataclass(frozen=True, slots=True)
class Door:
    """What one request, or one session, takes in, and what that takes.

    Attributes
    ----------
    instances, instance_bytes : int
    requests : int
        Of API Gateway.
    calls : mapping
        Of each: ``client`` by presigned URLs, ``api``, ``ingest``.
    seconds : mapping
        Assumed billed duration of ``api``, of all requests, and of ``ingest``.
    is_staged : bool
        Whether bytes wait in the staging bucket.
    """

    name: str
    instances: int
    instance_bytes: int
    requests: int
    calls: Mapping[str, Mapping[str, int]]
    seconds: Mapping[str, float]
    is_staged: bool = True

    @property
    def per_terabyte(self) -> float:
        """How many of them a terabyte of instances makes."""
        return TERABYTE / (self.instances * self.instance_bytes)


DOORS = (
    Door(
        "POST: CT of 0.5 MB, eight a request",
        costs.INSTANCES,
        costs.INSTANCE_BYTES,
        requests=1,
        calls={"api": costs.CALLS["api"]},
        seconds={"api": costs.SECONDS["api"]},
        is_staged=False,
    ),
    # 33 parts of 8 MiB, which framing reads; two pages (500 parts and the rest); placing reads runs
    # of up to 16 MiB. Open, URLs, complete, answer, and a look every second.
    Door(
        "session: the same CT, 256 MiB",
        508,
        costs.INSTANCE_BYTES,
        requests=19,
        calls={
            "client": {"s3.UploadPart": 33},
            "api": {
                "s3.CreateMultipartUpload": 1,
                "s3.ListParts": 2,
                "s3.GetObject": 1,
                "dynamodb.GetItem": 18,
                "dynamodb.PutItem": 2,
                "sqs.SendMessage": 1,
            },
            "ingest": {
                "s3.ListParts": 1,
                "s3.CompleteMultipartUpload": 1,
                "s3.HeadObject": 1,
                "s3.GetObject": 63,
                "s3.PutObject": 513,
                "s3.DeleteObjects": 1,
                "dynamodb.GetItem": 1,
                "dynamodb.PutItem": 8,
                "dynamodb.BatchWriteItem": 34,
                "events.PutEvents": 18,
            },
        },
        seconds={"api": 1.2, "ingest": 15.0},
    ),
    # 120 parts of 8 MiB; S3 copies the instance in pieces of 128 MiB, its header is read by ranges.
    Door(
        "session: one instance of 1 GB",
        1,
        1_000_000_000,
        requests=12,
        calls={
            "client": {"s3.UploadPart": 120},
            "api": {
                "s3.CreateMultipartUpload": 1,
                "s3.ListParts": 2,
                "s3.GetObject": 1,
                "dynamodb.GetItem": 11,
                "dynamodb.PutItem": 2,
                "sqs.SendMessage": 1,
            },
            "ingest": {
                "s3.ListParts": 1,
                "s3.CreateMultipartUpload": 1,
                "s3.UploadPartCopy": 8,
                "s3.CompleteMultipartUpload": 2,
                "s3.GetObject": 125,
                "s3.HeadObject": 2,
                "s3.PutObject": 3,
                "s3.DeleteObjects": 1,
                "dynamodb.GetItem": 1,
                "dynamodb.PutItem": 6,
                "dynamodb.BatchWriteItem": 1,
                "events.PutEvents": 1,
            },
        },
        seconds={"api": 0.8, "ingest": 20.0},
    ),
)
"""Both doors. Of ``dynamodb.BatchWriteItem`` the items count, which are the instances."""


def taking_in(door: Door) -> Iterator[Cost]:
    """Yield what a terabyte costs by a door, by service, and what follows whatever the door."""
    many = door.per_terabyte

    def calls(*names: str) -> float:
        made = (
            of_one.get(name, 0) * PRICES[name] for of_one in door.calls.values() for name in names
        )
        return many * sum(made) / MILLION

    writes = sum(of_one.get("dynamodb.PutItem", 0) for of_one in door.calls.values())
    units = door.instances * costs.WRITE_UNITS["record"] + writes * SESSION_UNITS
    reads = sum(of_one.get("dynamodb.GetItem", 0) for of_one in door.calls.values())
    dynamodb = units * PRICES["dynamodb.write_unit"] + reads * PRICES["dynamodb.read_unit"]
    queue = 3 * calls("sqs.SendMessage")  # to send, receive and delete
    kept = (
        TERABYTE / 1e9 * costs.MONTHLY["storage_gb"] * STAGED_HOURS / 730 if door.is_staged else 0.0
    )
    yield Cost("S3 writes", calls(*(name for name in PRICES if _is_write(name))))
    yield Cost("S3 reads and looks", calls("s3.GetObject", "s3.HeadObject"))
    yield Cost("an hour in the staging bucket", kept)
    yield Cost("API Gateway", many * door.requests * PRICES["apigateway.request"] / MILLION)
    yield Cost("Lambda", many * _functions(door) / MILLION)
    yield Cost("DynamoDB", many * dynamodb / MILLION)
    yield Cost("EventBridge and SQS", calls("events.PutEvents") + queue)
    yield Cost("validation, index, audit, safety net", many * door.instances * _afterwards())


def _is_write(name: str) -> bool:
    return name.startswith("s3.") and name not in {"s3.GetObject", "s3.HeadObject"}


def _functions(door: Door) -> float:
    """Return what a million of a door's requests or sessions cost in Lambda."""
    invocations = door.requests * (1 + costs.AUTHORIZER_SHARE) + ("ingest" in door.seconds)
    gb_seconds = sum(MEMORY_GB[name] * seconds for name, seconds in door.seconds.items())
    return invocations * PRICES["lambda.request"] + gb_seconds * PRICES["lambda.gb_second"]


def _afterwards() -> float:
    """Return what one instance costs behind the door: all that it costs by the small one, but for
    what that does itself."""
    calls = sum(PRICES.get(name, 0.0) * count for name, count in costs.CALLS["api"].items())
    records = costs.INSTANCES * costs.WRITE_UNITS["record"] * PRICES["dynamodb.write_unit"]
    itself = calls + records + PRICES["apigateway.request"] + _functions(DOORS[0])
    return (sum(cost.usd for cost in costs.per_million()) - itself / costs.INSTANCES) / MILLION


def report() -> str:
    """Return the table that ``docs/operations.md`` shows."""
    return "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    """Yield the rows that compare the doors."""
    bills = [tuple(taking_in(door)) for door in DOORS]
    yield f"| a terabyte | {' | '.join(door.name for door in DOORS)} |"
    yield "|---|" + "---:|" * len(DOORS)
    for row in zip(*bills, strict=True):
        yield f"| {row[0].what} | {' | '.join(f'{one.usd:.2f}' for one in row)} |"
    sums = (sum(one.usd for one in bill) for bill in bills)
    yield f"| **USD** | {' | '.join(f'**{total:.2f}**' for total in sums)} |"


if __name__ == "__main__":
    print(report(), end="")
