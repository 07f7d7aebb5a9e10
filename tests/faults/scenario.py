"""A few hundred instances are sent while AWS fails; then what it holds is judged by the answers.

A process of its own, for the local stack and its functions take all of one. Prints what happened.
"""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from botocore.retries.standard import ExponentialBackoff

from infra.local.__main__ import functions_output
from infra.local.stack import LocalStack
from infra.operate import main as operate
from tests.builders_dicom import Uids, make_file
from tests.promises import Promises

ROOT = Path(__file__).resolve().parents[2]
PERCENT = 30
REQUESTS, PER_REQUEST = 20, 10
SENDERS = 4
ATTEMPTS = 4
PARTITION = "faulty"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
REGION = {"AWS_DEFAULT_REGION": "us-east-1"}


@dataclass
class Told:
    """What clients were told: of each instance, and with which statuses."""

    acknowledged: dict[str, bytes] = field(default_factory=dict)
    unacknowledged: dict[str, bytes] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)


@contextmanager
def child(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that ends when its standard input does."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, **CREDENTIALS, **REGION},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def line_of(process: subprocess.Popen[str], asked: str = "") -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    if asked:
        print(asked, file=process.stdin, flush=True)
    return process.stdout.readline().strip()


def request_of(number: int) -> dict[str, bytes]:
    """Return the instances of one request: two requests share a study."""
    made = (Uids.of("faults", number // 2, number, place) for place in range(PER_REQUEST))
    study, series = Uids.of("study", number // 2).study, Uids.of("series", number).series
    placed = (
        Uids(study=study, series=series, instance=one.instance, sop_class=one.sop_class)
        for one in made
    )
    return {uids.instance: make_file(uids).encode() for uids in placed}


def send(stack: LocalStack, number: int) -> Told:
    """Send one request; every other client sends again what was not acknowledged."""
    told, left = Told(), request_of(number)
    for _ in range(ATTEMPTS if number % 2 else 1):
        status, listed = post(stack, list(left.values()))
        told.statuses.append(status)
        told.acknowledged |= {uid: left.pop(uid) for uid in listed}
        if not left:
            break
    told.unacknowledged = left
    return told


def post(stack: LocalStack, files: Sequence[bytes]) -> tuple[int, list[str]]:
    """Return the status, and the SOP Instance UIDs of Referenced SOP Sequence."""
    start = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
    body = b"".join(start + file + b"\r\n" for file in files) + b"--b--\r\n"
    connection = http.client.HTTPConnection(urlsplit(stack.url).netloc, timeout=60)
    try:
        connection.request(
            "POST",
            f"/partitions/{PARTITION}/studies",
            body,
            {
                "Content-Type": 'multipart/related; type="application/dicom"; boundary=b',
                "Accept": "application/dicom+json",
            },
        )
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    if response.getheader("Content-Type") != "application/dicom+json":
        return response.status, []
    items = json.loads(content).get("00081199", {}).get("Value", [])
    return response.status, [item["00081155"]["Value"][0] for item in items]


def hasten(stack: LocalStack) -> None:
    """Let messages whose delivery was lost come back soon: in AWS that takes half an hour."""
    for queue in stack.template.of_type("AWS::SQS::Queue"):
        stack.clients.sqs.set_queue_attributes(
            QueueUrl=stack.queue_url(queue.logical_id), Attributes={"VisibilityTimeout": "8"}
        )


def settle(stack: LocalStack) -> int:
    """Let the functions finish; replay what was given up on, as an operator would."""
    stack.drain(timeout=30)
    replayed = 0
    for queue in ("validate", "index", "reconcile"):
        replayed += (
            stack.clients.sqs.get_queue_attributes(
                QueueUrl=stack.queue_url(f"{queue.title()}DeadLetters"),
                AttributeNames=["ApproximateNumberOfMessages"],
            )["Attributes"]["ApproximateNumberOfMessages"]
            != "0"
        )
        assert operate(["replay-dlq", queue]) == 0
    stack.drain(timeout=30)
    return replayed


def verdicts(stack: LocalStack) -> list[tuple[str, str]]:
    """Return SOP Instance UID and digest of every verdict."""
    pages = stack.clients.dynamodb.get_paginator("scan").paginate(TableName=stack.table)
    items = [item for page in pages for item in page["Items"]]
    return sorted(
        (item["sk"]["S"].rpartition("/")[2], item["sha256"]["S"])
        for item in items
        if item["sk"]["S"].startswith("verdict/")
    )


def judge(stack: LocalStack, told: Sequence[Told]) -> dict[str, int]:
    """Hold what AWS has against what clients were told."""
    acknowledged = {uid: file for one in told for uid, file in one.acknowledged.items()}
    others = {uid: file for one in told for uid, file in one.unacknowledged.items()}
    promises = Promises(stack.clients, stack.bucket, stack.table, PARTITION)
    held = promises.objects()
    assert len(held) == len(set(held)), "an object was written twice"
    assert set(acknowledged) <= set(held), "an acknowledged instance is not stored"
    # An instance that was not acknowledged is absent, or complete.
    complete = acknowledged | {uid: others[uid] for uid in held if uid not in acknowledged}
    promises.assert_recounted(promises.assert_stored_once(complete))
    digests = {uid: sha256(file).hexdigest() for uid, file in complete.items()}
    assert verdicts(stack) == sorted(digests.items()), "not one verdict each, on these bytes"
    return {"acknowledged": len(acknowledged), "others": len(others), "held": len(held)}


def run(stack: LocalStack, proxy: subprocess.Popen[str]) -> dict[str, object]:
    """Send while AWS fails, let it recover, and judge."""
    started = time.monotonic()
    hasten(stack)
    line_of(proxy, str(PERCENT))
    with ThreadPoolExecutor(SENDERS) as senders:
        told = list(senders.map(lambda number: send(stack, number), range(REQUESTS)))
    sent = time.monotonic()
    time.sleep(2)  # the functions go on while AWS does not
    line_of(proxy, "0")
    os.environ.update(stack.environment)
    replayed = settle(stack)
    settled = time.monotonic()
    statuses = [status for one in told for status in one.statuses]
    return {
        **judge(stack, told),
        "statuses": {str(status): statuses.count(status) for status in sorted(set(statuses))},
        "queues_replayed": replayed,
        "seconds": [round(end - started) for end in (sent, settled, time.monotonic())],
    }


def main() -> None:
    ExponentialBackoff.delay_amount = lambda *_: 0.02  # the SDK's patience is not what is tested
    told = sys.stdout
    with child("tests.crash.aws") as aws, child("tests.faults.proxy", line_of(aws)) as proxy:
        os.environ.update(CREDENTIALS | REGION | {"AWS_ENDPOINT_URL": line_of(proxy)})
        with (
            functions_output(),
            LocalStack(parameters={"ReconcileDelaySeconds": 1}, retry_after=1) as stack,
        ):
            happened = run(stack, proxy)
        assert proxy.stdin is not None
        proxy.stdin.close()
        struck = json.loads(line_of(proxy))
    print(json.dumps({**happened, "struck": struck}), file=told)


if __name__ == "__main__":
    main()
