"""Many clients at once: one object for each UID, a true answer for each request, a right index."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import pytest

from chalicelib.standard.reasons import FailureReason
from infra.local.stack import LocalStack
from tests.end_to_end.conftest import Answer, Post
from tests.promises import Promises
from tests.unit.dicomweb.dicom_files import encode_file, make_dataset

CLIENTS = 8
DUPLICATE = FailureReason.DUPLICATE_SOP_INSTANCE.code
STUDIES = ("1.2.840.1", "1.2.840.2")
SERIES = "1.2.840.9"


@pytest.fixture
def promises(local_stack: LocalStack, partition: str) -> Promises:
    return Promises(local_stack.clients, local_stack.bucket, local_stack.table, partition)


@dataclass(frozen=True)
class Sent:
    """One request: the files by SOP Instance UID, and what was answered."""

    files: dict[str, bytes]
    answer: Answer

    @property
    def referenced(self) -> list[str]:
        items = self.answer.json().get("00081199", {"Value": []})["Value"]
        return [item["00081155"]["Value"][0] for item in items]

    @property
    def failed(self) -> dict[str, int]:
        items = self.answer.json().get("00081198", {"Value": []})["Value"]
        return {i["00081155"]["Value"][0]: i["00081197"]["Value"][0] for i in items}


Send = Callable[[dict[str, bytes]], Sent]


@pytest.fixture
def send(post: Post, partition: str) -> Send:
    headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}

    def send(files: dict[str, bytes]) -> Sent:
        parts = [
            b"--b\r\nContent-Type: application/dicom\r\n\r\n%s\r\n" % f for f in files.values()
        ]
        body = b"".join(parts) + b"--b--\r\n"
        return Sent(files, post(f"/partitions/{partition}/studies", body, headers))

    return send


def send_at_once(send: Send, requests: Sequence[dict[str, bytes]]) -> list[Sent]:
    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(send, requests))


@contextmanager
def consuming(stack: LocalStack, workers: int = 2) -> Iterator[None]:
    """Let functions consume while the block runs, and then until nothing is left."""
    done = threading.Event()

    def consume() -> None:
        while not done.wait(0.05):
            stack.drain(60.0)

    with ThreadPoolExecutor(workers) as executor:
        tasks = [executor.submit(consume) for _ in range(workers)]
        try:
            yield
        finally:
            done.set()
        for task in tasks:
            task.result()
    stack.drain(60.0)


def test_overlapping_requests_store_each_instance_once_and_answer_what_is_true(
    send: Send, promises: Promises, local_stack: LocalStack
) -> None:
    """Fifteen UIDs, most with three contents in two studies, in 24 requests of seven."""
    random = Random(1)
    contents = {uid_of(n): [make_content(n, variant) for variant in range(3)] for n in range(12)}
    contents |= {
        uid_of(12 + variant): [make_content(12 + variant, variant)] for variant in range(3)
    }
    requests = [
        {uid: random.choice(contents[uid]) for uid in random.sample(sorted(contents), 7)}
        for _ in range(24)
    ]
    with consuming(local_stack):
        answered = send_at_once(send, requests)

    stored = {uid: promises.content(uid) for uid in contents}
    for sent in answered:
        assert sent.answer.status in (200, 202, 409)
        equal = [uid for uid, file in sent.files.items() if file == stored[uid]]
        assert sent.referenced == equal
        assert sent.failed == {uid: DUPLICATE for uid in sent.files if uid not in equal}
    records = promises.assert_stored_once(stored)
    promises.assert_recounted(records)
    promises.assert_judged(stored)
    one, other = (promises.study(study) for study in STUDIES)
    assert one.instance_count + other.instance_count == len(contents)
    # Whichever contents won, each study holds one of the last three UIDs at least.
    assert one.conflicts == ("PatientID", "SeriesInstanceUID")
    assert other.conflicts == ("SeriesInstanceUID",)


def uid_of(number: int) -> str:
    return f"1.2.840.5.{number}"


def make_content(number: int, variant: int) -> bytes:
    """Variants 0 and 2 are of one study and two patients, 1 is of another study."""
    return encode_file(
        make_dataset(
            SOPInstanceUID=uid_of(number),
            StudyInstanceUID=STUDIES[variant % 2],
            SeriesInstanceUID=SERIES,
            PatientID=f"P{variant}",
        )
    )


def test_identical_requests_at_once_all_succeed(
    send: Send, promises: Promises, local_stack: LocalStack
) -> None:
    files = {uid_of(n): make_content(n, 0) for n in range(5)}
    with consuming(local_stack):
        answered = send_at_once(send, [files] * 16)
    assert {sent.answer.status for sent in answered} == {200}
    assert all(sent.referenced == list(files) for sent in answered)
    promises.assert_recounted(promises.assert_stored_once(files))


@pytest.fixture
def only_the_index_listens(local_stack: LocalStack) -> Iterator[None]:
    """Nothing is told to validation and reconcile: in the stand-in they cost most of the time."""
    events, s3, bucket = local_stack.clients.events, local_stack.clients.s3, local_stack.bucket
    [rule] = events.list_rules(EventBusName=local_stack.event_bus)["Rules"]
    where = {"Rule": rule["Name"], "EventBusName": local_stack.event_bus}
    targets = events.list_targets_by_rule(**where)["Targets"]
    told = s3.get_bucket_notification_configuration(Bucket=bucket)
    del told["ResponseMetadata"]
    events.remove_targets(**where, Ids=["validate"])
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    yield
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=told)
    events.put_targets(**where, Targets=targets)


@pytest.mark.usefixtures("only_the_index_listens")
def test_a_thousand_instances_of_one_study_from_eight_clients_are_counted_right(
    send: Send, promises: Promises, local_stack: LocalStack
) -> None:
    study, uids = STUDIES[0], [uid_of(n) for n in range(1000, 2000)]
    templates = [
        encode_file(
            make_dataset(
                SOPInstanceUID="1.2.840.5.9999",
                StudyInstanceUID=study,
                SeriesInstanceUID=f"{SERIES}.{n}",
            )
        )
        for n in range(3)
    ]
    files = {
        uid: templates[n % 3].replace(b"1.2.840.5.9999", uid.encode()) for n, uid in enumerate(uids)
    }
    requests = [{uid: files[uid] for uid in uids[n::40]} for n in range(40)]
    with consuming(local_stack):
        answered = send_at_once(send, requests)

    assert {sent.answer.status for sent in answered} == {200}
    assert promises.objects() == uids
    records = promises.records_of(study)
    assert sorted(record.key.sop_instance for record in records) == uids
    promises.assert_recounted(records)
    counted = promises.study(study)
    assert (counted.series_count, counted.instance_count) == (3, len(uids))
