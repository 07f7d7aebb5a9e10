"""What is stored in one partition goes on to another, and to servers that behave as they do."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.deliveries import DynamoDbDeliveryStore
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.forwarding.model import Delivery, DeliveryState
from chalicelib.origin.hop_mark import mark_of
from infra.local.stack import LocalStack
from tests.builders_dicom import PIXEL_DATA, Patient, Uids, element, make_file, uid_of
from tests.end_to_end.conftest import Post
from tests.end_to_end.test_stowage_send import send as stowage_send
from tests.unit.useragent.fakes import module
from tests.unit.useragent.loopback import Connection, Handler, serving

Configure = Callable[..., None]
LARGE = 6_000_000  # bytes: more than one request holds


@pytest.fixture
def study(partition: str) -> str:
    return uid_of("forwarded", partition)


@pytest.fixture
def there(partition: str) -> str:
    return f"{partition}-there"


@pytest.fixture
def configure(
    local_stack: LocalStack, partition: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Configure]:
    """Write rules by which all of this test's partition goes to a URL."""
    import chalicelib.functions

    forwarder: Any = chalicelib.functions.bootstrap.forwarder
    key = f"configuration/{partition}.yaml"
    monkeypatch.setenv("FORWARD_RULES", f"s3://{local_stack.bucket}/{key}")
    monkeypatch.setenv("FORWARD_LOCAL", "on")

    def write(url: str, *more: dict[str, Any], **rules: dict[str, Any]) -> None:
        document = {
            "version": 1,
            "destinations": [{"name": "there", "url": url}, *more],
            "rules": [
                {"name": "all", "match": {"partition": partition}, "destinations": ["there"]},
                *rules.values(),
            ],
        }
        body = json.dumps(document).encode()
        local_stack.clients.s3.put_object(Bucket=local_stack.bucket, Key=key, Body=body)
        forwarder.cache_clear()

    yield write
    forwarder.cache_clear()


@pytest.fixture
def send(post: Post, study: str, partition: str) -> Callable[..., Uids]:
    """Store a small image of the test's study."""

    def store(name: object, patient: Patient | None = None, to: str = partition) -> Uids:
        uids = Uids.of(partition, name, study=study)
        content = make_file(uids, patient).encode()
        fields = {"Content-Type": "application/dicom", "Accept": "application/dicom+json"}
        assert post(f"/partitions/{to}/studies", content, fields).status == 200
        return uids

    return store


@pytest.fixture
def deliveries(local_stack: LocalStack, study: str) -> Callable[[str], list[Delivery]]:
    """Return the delivery records of the test's study in a partition."""
    table = Table(local_stack.clients.dynamodb, local_stack.table, lambda _: None)
    return lambda partition: list(DynamoDbDeliveryStore(table).of_study(partition, study))


@contextmanager
def drained(stack: LocalStack) -> Iterator[None]:
    """Let queues be consumed by a thread of its own too."""
    done = threading.Event()

    def work() -> None:
        while not done.wait(0.05):
            stack.drain(60.0)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def stored(stack: LocalStack, partition: str, uids: Uids) -> dict[str, Any]:
    key = f"{partition}/instances/{uids.instance}.dcm"
    found: dict[str, Any] = stack.clients.s3.get_object(Bucket=stack.bucket, Key=key)
    return found


@pytest.mark.proves("ua-policy:forwarding", "ua-header:stowage-via")
def test_an_instance_is_forwarded_once_under_duplicate_events_and_never_back(
    local_stack: LocalStack,
    configure: Configure,
    send: Callable[..., Uids],
    deliveries: Callable[[str], list[Delivery]],
    partition: str,
    there: str,
) -> None:
    here_url = f"{local_stack.url}/partitions/{partition}"
    back = {"name": "back", "match": {"partition": there}, "destinations": ["here"]}
    configure(f"{local_stack.url}/partitions/{there}", {"name": "here", "url": here_url}, back=back)
    uids = send(1)
    send(1)
    local_stack.drain()
    send(1)
    local_stack.drain()

    copy = stored(local_stack, there, uids)
    assert copy["Body"].read() == stored(local_stack, partition, uids)["Body"].read()
    assert copy["Metadata"]["via"] == mark_of(here_url)
    [delivery] = deliveries(partition)
    assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 1)
    assert deliveries(there) == []
    assert local_stack.take_messages("ForwardDeadLetters") == []


def test_what_no_request_can_hold_goes_by_session(
    local_stack: LocalStack,
    configure: Configure,
    deliveries: Callable[[str], list[Delivery]],
    study: str,
    partition: str,
    there: str,
    tmp_path: Path,
) -> None:
    """The worker of the destination is at work while the forwarding function waits for it."""
    here_url = f"{local_stack.url}/partitions/{partition}"
    configure(f"{local_stack.url}/partitions/{there}")
    uids = Uids.of(partition, "large", study=study)
    file = make_file(uids).with_elements(element(PIXEL_DATA, "OW", bytes(LARGE)))
    (tmp_path / "large.dcm").write_bytes(file.encode())
    with drained(local_stack):
        assert stowage_send(tmp_path / "large.dcm", here_url)["stored"] == 1
        local_stack.drain(60.0)

    copy = stored(local_stack, there, uids)
    assert copy["Body"].read() == file.encode()
    assert copy["Metadata"]["via"] == mark_of(here_url)
    [delivery] = deliveries(partition)
    assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 1)


def test_an_instance_that_is_there_otherwise_is_delivered_unverified(
    local_stack: LocalStack,
    configure: Configure,
    send: Callable[..., Uids],
    deliveries: Callable[[str], list[Delivery]],
    partition: str,
    there: str,
) -> None:
    configure(f"{local_stack.url}/partitions/{there}")
    uids = send(1, Patient(name=b"Other^Name"), there)
    send(1)
    local_stack.drain()

    [delivery] = deliveries(partition)
    assert (delivery.state, delivery.reason) == (DeliveryState.UNVERIFIED, 0x0111)
    assert b"Other^Name" in stored(local_stack, there, uids)["Body"].read()


def test_a_study_in_conflict_stays_here(
    local_stack: LocalStack,
    configure: Configure,
    send: Callable[..., Uids],
    deliveries: Callable[[str], list[Delivery]],
    partition: str,
) -> None:
    def refuse(connection: Connection) -> None:
        raise AssertionError("nothing may be sent")

    with serving(refuse) as url:
        configure(url)
        send(1)
        send(2, Patient(patient_id=b"OTHER"))
        local_stack.drain()

    held = deliveries(partition)
    assert [one.state for one in held] == [DeliveryState.HELD] * 2
    assert {one.why for one in held} == {"study-in-conflict"}


def stores(*uids: str) -> Handler:
    def answer(connection: Connection) -> None:
        connection.body()
        body = json.dumps(module(uids)).encode()
        connection.answer(200, body, "Content-Type: application/dicom+json")

    return answer


def busy(connection: Connection) -> None:
    connection.body()
    connection.answer(503, b"", "Retry-After: 0")


def test_a_server_that_is_busy_at_first_gets_it_in_the_end(
    local_stack: LocalStack,
    configure: Configure,
    send: Callable[..., Uids],
    deliveries: Callable[[str], list[Delivery]],
    partition: str,
) -> None:
    uids = Uids.of(partition, 1, study=uid_of("forwarded", partition))
    with serving(busy, stores(uids.instance)) as url:
        configure(url)
        send(1)
        local_stack.drain()

    [delivery] = deliveries(partition)
    assert (delivery.state, delivery.status) == (DeliveryState.DELIVERED, 200)


def test_a_server_that_stays_busy_is_asked_again_later(
    local_stack: LocalStack,
    configure: Configure,
    send: Callable[..., Uids],
    deliveries: Callable[[str], list[Delivery]],
    partition: str,
) -> None:
    with serving(busy) as url:
        configure(url)
        uids = send(1)
        local_stack.drain()

    [delivery] = deliveries(partition)
    assert (delivery.state, delivery.status) == (DeliveryState.HELD, 503)
    attributes = local_stack.clients.sqs.get_queue_attributes(
        QueueUrl=local_stack.queue_url("ForwardQueue"),
        AttributeNames=["ApproximateNumberOfMessagesDelayed"],
    )["Attributes"]
    assert int(attributes["ApproximateNumberOfMessagesDelayed"]) >= 1
    assert local_stack.take_messages("ForwardDeadLetters") == []
    assert uids.study == delivery.key.study


def test_a_wrong_document_sends_its_events_to_the_dead_letters(
    local_stack: LocalStack, configure: Configure, send: Callable[..., Uids], partition: str
) -> None:
    configure("http://169.254.169.254/latest")
    send(1)
    local_stack.drain()

    [event] = local_stack.take_messages("ForwardDeadLetters")
    assert event["detail"]["partition"] == partition
