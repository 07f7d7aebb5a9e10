"""What an operator sets right: the table rebuilt from the bucket, dead letters replayed.

What belongs here: the commands of ``infra.operate`` that write. They complete records and announce
instances; validation, indexing and the others then do their work as they always do. Everything may
be broken off and begun again.
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import boto3
from botocore.config import Config

from chalicelib import settings
from chalicelib.adapters.dynamodb.index import DynamoDbIndexStore
from chalicelib.adapters.dynamodb.records import DynamoDbRecordStore
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.adapters.dynamodb.verdicts import DynamoDbVerdictStore
from chalicelib.adapters.eventbridge import EventBridgeAnnouncer
from chalicelib.adapters.s3 import S3InstanceStore, parse_object_key
from chalicelib.adapters.waiting import jittered
from chalicelib.dicomweb.dicom_file import DicomFileLimits
from chalicelib.dicomweb.structure import StructureLimits
from chalicelib.origin.model import InstanceKey, InstanceRecord
from chalicelib.origin.ports import RecordStore
from chalicelib.origin.reconcile import ObjectName, Reconciler, ReconcileReport
from chalicelib.origin.record import read_record

COMMANDS = ("rebuild", "reconcile", "replay-dlq")
QUEUES = ("audit", "forward", "index", "ingest", "reconcile", "validate")
BATCH = 100
"""Objects of one batch: one event's worth twice over, and one read of the table."""
_CALL_MESSAGES = 10


class _NoRecords:
    """A RecordStore that has forgotten everything: each record is made anew from its object."""

    def __init__(self, records: RecordStore) -> None:
        self.write = records.write
        self.count = records.count

    def read(self, keys: Iterable[InstanceKey]) -> dict[InstanceKey, InstanceRecord]:
        return {}


@dataclass(frozen=True)
class Workshop:
    """What the commands work with.

    ``keys`` yields the bucket's keys under a prefix; ``reconciler`` completes what is missing,
    ``rebuilder`` makes everything anew; ``queue_name`` names a queue in full.
    """

    keys: Callable[[str], Iterator[str]]
    reconciler: Reconciler
    rebuilder: Reconciler
    sqs: Any
    queue_name: Callable[[str], str]


class RepairError(Exception):
    """Something could not be set right; the text says how much."""


def add_commands(commands: Any) -> None:
    """Add the commands to the operator's parser."""
    for name, does in (
        ("rebuild", "write every record anew from the bucket, validate and index again"),
        ("reconcile", "complete what lacks a record, a verdict or the index"),
    ):
        command = commands.add_parser(name, help=does)
        command.add_argument("--every-partition", action="store_true")
        command.add_argument("--threads", type=int, default=8, help="batches at once")
        command.add_argument("uid", nargs="*", help="SOP Instance UIDs; none stands for all")
    replay = commands.add_parser("replay-dlq", help="send a queue's dead letters back to it")
    replay.add_argument("queue", choices=QUEUES)
    replay.add_argument("--show", action="store_true", help="tell what is there, move nothing")


def run(options: argparse.Namespace, shop: Workshop) -> Iterator[str]:
    """Yield the lines that a command prints. Raises RepairError."""
    if options.command == "replay-dlq":
        yield from replay(shop, options.queue, only_show=options.show)
        return
    names = _names(shop, options)
    reconciler = shop.rebuilder if options.command == "rebuild" else shop.reconciler
    yield from complete(reconciler, names, options.threads)


# ------------------------------------------------------------------ rebuild and reconcile


def _names(shop: Workshop, options: argparse.Namespace) -> Iterator[ObjectName]:
    if options.uid:
        yield from (ObjectName(options.partition, uid) for uid in options.uid)
        return
    prefix = "" if options.every_partition else f"{options.partition}/instances/"
    for key in shop.keys(prefix):
        named = parse_object_key(key)
        if named:
            yield ObjectName(*named)


def complete(reconciler: Reconciler, names: Iterator[ObjectName], threads: int) -> Iterator[str]:
    """Reconcile objects batch by batch; yield what became of them.

    Parameters
    ----------
    reconciler : Reconciler
    names : iterator of ObjectName
        Read as the work goes on: a bucket may have millions.
    threads : int
        Batches at once.

    Raises
    ------
    RepairError
        At the end, when objects failed; each was named.
    """
    looked = recorded = announced = failed = 0
    with ThreadPoolExecutor(threads) as pool:
        while round_ := list(islice(names, BATCH * threads)):
            batches = [round_[start : start + BATCH] for start in range(0, len(round_), BATCH)]
            for report in pool.map(reconciler.reconcile, batches):
                recorded += len(report.recorded)
                announced += len(report.announced)
                failed += len(report.failed)
                yield from _failures(report)
            looked += len(round_)
            yield f"{looked} objects: {recorded} recorded, {announced} announced, {failed} failed"
    if failed:
        raise RepairError(f"{failed} objects failed; running the command again tries them again")


def _failures(report: ReconcileReport) -> Iterator[str]:
    for name in sorted(report.failed):
        yield f"failed: {name.partition} {name.sop_instance}"


# ------------------------------------------------------------------ dead letters


def replay(shop: Workshop, queue: str, *, only_show: bool = False) -> Iterator[str]:
    """Send a queue's dead letters back to it; yield one line for each.

    As many as there are at the start: one that fails again is not moved twice. A message is deleted
    once it is sent; being broken off in between sends it twice, which consumers outlive.
    """
    source = shop.sqs.get_queue_url(QueueName=shop.queue_name(f"{queue}-dlq"))["QueueUrl"]
    target = shop.sqs.get_queue_url(QueueName=shop.queue_name(queue))["QueueUrl"]
    left, shown, moved = _count(shop.sqs, source), [], 0
    while left > 0 and (messages := _receive(shop.sqs, source, left)):
        for message in messages:
            yield _described(message)
            handle = {"QueueUrl": source, "ReceiptHandle": message["ReceiptHandle"]}
            if only_show:
                shown.append(handle)
                continue
            shop.sqs.send_message(QueueUrl=target, MessageBody=message["Body"])
            shop.sqs.delete_message(**handle)
            moved += 1
        left -= len(messages)
    for handle in shown:
        shop.sqs.change_message_visibility(**handle, VisibilityTimeout=0)
    yield f"{moved} messages sent back to {shop.queue_name(queue)}"


def _count(sqs: Any, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
    return int(attributes[name])


def _receive(sqs: Any, url: str, left: int) -> list[dict[str, Any]]:
    answer = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=min(left, _CALL_MESSAGES),
        WaitTimeSeconds=1,
        VisibilityTimeout=120,
        MessageAttributeNames=["All"],
    )
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


def _described(message: Mapping[str, Any]) -> str:
    """Return one line about a message: UIDs, and why EventBridge could not deliver it."""
    attributes = message.get("MessageAttributes", {})
    cause = attributes.get("ERROR_CODE", {}).get("StringValue", "given up on")
    try:
        body = json.loads(message["Body"])
        detail = body.get("detail", {})
    except (ValueError, AttributeError):
        return f"message {message['MessageId']}: {cause}, not JSON"
    other = "a notification of S3" if "Records" in body else "a session"
    what = f"study {detail['study']}" if "study" in detail else other
    count = len(detail.get("instances", ()))
    return f"message {message['MessageId']}: {cause}, {what}" + (f", {count}" if count else "")


# ------------------------------------------------------------------ a deployment


def connect(environment: Mapping[str, str]) -> Workshop:
    """Return the workshop of a deployment: BUCKET, TABLE and EVENT_BUS as of its functions."""
    configured = settings.load({"BASE_URI": "none", **environment})
    config = Config(connect_timeout=2, read_timeout=20, max_pool_connections=64)
    s3, wait = boto3.client("s3", config=config), jittered(time.sleep, random.random)
    table = Table(boto3.client("dynamodb", config=config), configured.table, wait)
    instances, records = S3InstanceStore(s3, configured.bucket, wait), DynamoDbRecordStore(table)
    limits = DicomFileLimits(
        StructureLimits(configured.max_depth, configured.max_elements),
        configured.max_inflated_bytes,
    )
    make = partial(
        Reconciler,
        instances=instances,
        verdicts=DynamoDbVerdictStore(table),
        index=DynamoDbIndexStore(table),
        announcer=EventBridgeAnnouncer(boto3.client("events"), configured.event_bus),
        make_record=partial(read_record, instances, limits),
    )
    return Workshop(
        keys=partial(_keys, s3, configured.bucket),
        reconciler=make(records=records),
        rebuilder=make(records=_NoRecords(records)),
        sqs=boto3.client("sqs", config=config),
        queue_name=lambda queue: f"{configured.table}-{queue}",  # both begin with the name
    )


def _keys(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from (one["Key"] for one in page.get("Contents", ()))
