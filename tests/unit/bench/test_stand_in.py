"""The AWS stand-in refuses what AWS refuses: asked through boto3, without latency."""

import http.client
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from bench.stand_in.expressions import Expression
from bench.stand_in.faults import Fault
from bench.stand_in.running import RunningStandIn
from tests.unit.bench.asking import checksum, code_of, make_client, status_of

PART = b"\x00" * 128 + b"DICM"


@pytest.fixture(scope="module")
def running() -> Iterator[RunningStandIn]:
    with RunningStandIn("--keep") as stand_in:
        yield stand_in


@pytest.fixture
def stand_in(running: RunningStandIn) -> RunningStandIn:
    running.reset()
    running.inject(ahead=0)
    return running


@pytest.fixture(scope="module")
def clients(running: RunningStandIn) -> Iterator[dict[str, Any]]:
    names = ("s3", "dynamodb", "events", "sqs")
    made = {name: make_client(name, running.url) for name in names}
    yield made
    for client in made.values():
        client.close()


@pytest.fixture
def s3(clients: dict[str, Any], stand_in: RunningStandIn) -> Any:
    return clients["s3"]


@pytest.fixture
def dynamodb(clients: dict[str, Any], stand_in: RunningStandIn) -> Any:
    return clients["dynamodb"]


@pytest.fixture
def events(clients: dict[str, Any], stand_in: RunningStandIn) -> Any:
    return clients["events"]


def put(s3: Any, key: str = "default/instances/1.dcm", **changes: Any) -> Any:
    arguments = {
        "Bucket": "b",
        "Key": key,
        "Body": PART,
        "IfNoneMatch": "*",
        "ChecksumSHA256": checksum(PART),
        "Metadata": {"study": "1.2"},
    }
    return s3.put_object(**arguments | changes)


def item(sort: str, **attributes: str) -> dict[str, Any]:
    return {name: {"S": text} for name, text in {"pk": "p", "sk": sort, **attributes}.items()}


def write_batch(dynamodb: Any, count: int) -> Any:
    requests = [{"PutRequest": {"Item": item(f"{number:03d}")}} for number in range(count)]
    return dynamodb.batch_write_item(RequestItems={"t": requests})


# S3


def test_an_object_comes_back_with_its_metadata_and_checksum(s3: Any) -> None:
    put(s3)
    found = s3.get_object(Bucket="b", Key="default/instances/1.dcm", ChecksumMode="ENABLED")
    assert found["Body"].read() == PART
    assert found["Metadata"] == {"study": "1.2"}
    head = s3.head_object(Bucket="b", Key="default/instances/1.dcm", ChecksumMode="ENABLED")
    assert (head["ContentLength"], head["ChecksumSHA256"]) == (len(PART), checksum(PART))


def test_a_second_conditional_put_is_412_and_changes_nothing(s3: Any) -> None:
    put(s3)
    with pytest.raises(ClientError) as refused:
        put(s3, Body=b"other", ChecksumSHA256=checksum(b"other"))
    assert (status_of(refused), code_of(refused)) == (412, "PreconditionFailed")
    assert s3.head_object(Bucket="b", Key="default/instances/1.dcm")["ContentLength"] == len(PART)


def test_a_wrong_checksum_is_refused_and_nothing_is_held(s3: Any, stand_in: RunningStandIn) -> None:
    with pytest.raises(ClientError) as refused:
        put(s3, ChecksumSHA256=checksum(b"other"))
    assert (status_of(refused), code_of(refused)) == (400, "BadDigest")
    assert stand_in.held()["objects"] == {"b": []}


def test_more_than_2_kb_of_user_metadata_is_refused(s3: Any) -> None:
    with pytest.raises(ClientError) as refused:
        put(s3, Metadata={"long": "x" * 2048})
    assert code_of(refused) == "MetadataTooLarge"


def test_a_large_body_from_a_file_is_taken_whole(s3: Any) -> None:
    content = bytes(range(256)) * 4096
    put(s3, Body=io.BytesIO(content), ChecksumSHA256=checksum(content))
    assert s3.head_object(Bucket="b", Key="default/instances/1.dcm")["ContentLength"] == 1 << 20


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [("bytes=0-3", 0, 3), ("bytes=128-", 128, 131), ("bytes=-4", 128, 131)],
)
def test_a_range_is_206(s3: Any, wanted: str, first: int, last: int) -> None:
    put(s3)
    found = s3.get_object(Bucket="b", Key="default/instances/1.dcm", Range=wanted)
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert found["ContentRange"] == f"bytes {first}-{last}/{len(PART)}"
    assert found["Body"].read() == PART[first : last + 1]


def test_a_range_past_the_end_is_416(s3: Any) -> None:
    put(s3)
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket="b", Key="default/instances/1.dcm", Range="bytes=200-300")
    assert (status_of(refused), code_of(refused)) == (416, "InvalidRange")


def test_an_absent_object_is_404(s3: Any) -> None:
    with pytest.raises(ClientError) as refused:
        s3.head_object(Bucket="b", Key="absent")
    assert status_of(refused) == 404
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket="b", Key="absent")
    assert code_of(refused) == "NoSuchKey"


def test_keys_are_listed_by_prefix_and_page(s3: Any) -> None:
    for number in range(5):
        put(s3, key=f"a/{number}&")
    put(s3, key="b/0")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket="b", Prefix="a/", PaginationConfig={"PageSize": 2}
    )
    assert [entry["Key"] for page in pages for entry in page["Contents"]] == [
        f"a/{number}&" for number in range(5)
    ]


def test_an_aws_chunked_body_with_a_trailing_checksum_is_understood(
    stand_in: RunningStandIn,
) -> None:
    inner = b"%x\r\n%b\r\n0\r\nx-amz-checksum-sha256:%b\r\n\r\n" % (
        len(PART), PART, checksum(PART).encode()
    )  # fmt: skip
    connection = http.client.HTTPConnection(urlsplit(stand_in.url).netloc)
    headers = {"Content-Encoding": "aws-chunked", "x-amz-trailer": "x-amz-checksum-sha256"}
    pieces = iter([inner[:50], inner[50:]])
    connection.request("PUT", "/b/chunked", pieces, headers, encode_chunked=True)
    assert connection.getresponse().read() == b""
    connection.request("GET", "/b/chunked")
    assert connection.getresponse().read() == PART
    connection.close()


# DynamoDB


def test_a_batch_of_26_is_refused(dynamodb: Any) -> None:
    assert write_batch(dynamodb, 25)["UnprocessedItems"] == {}
    with pytest.raises(ClientError) as refused:
        write_batch(dynamodb, 26)
    assert code_of(refused) == "ValidationException"


def test_a_batch_with_one_key_twice_is_refused(dynamodb: Any) -> None:
    with pytest.raises(ClientError) as refused:
        dynamodb.batch_write_item(RequestItems={"t": [{"PutRequest": {"Item": item("1")}}] * 2})
    assert code_of(refused) == "ValidationException"


def test_an_item_over_400_kb_is_refused(dynamodb: Any) -> None:
    with pytest.raises(ClientError) as refused:
        dynamodb.put_item(TableName="t", Item=item("1", text="x" * 400 * 1024))
    assert code_of(refused) == "ValidationException"


def test_unprocessed_items_are_returned_and_not_held(
    dynamodb: Any, stand_in: RunningStandIn
) -> None:
    stand_in.inject("dynamodb:unprocessed:1:2")
    unprocessed = write_batch(dynamodb, 5)["UnprocessedItems"]["t"]
    assert [request["PutRequest"]["Item"]["sk"]["S"] for request in unprocessed] == ["000", "001"]
    assert len(stand_in.held()["items"]["t"]) == 3


def test_a_failed_condition_says_so_and_shows_the_item_if_asked(dynamodb: Any) -> None:
    arguments = {
        "TableName": "t",
        "ConditionExpression": "attribute_not_exists(pk) OR #v < :v",
        "ExpressionAttributeNames": {"#v": "version"},
    }
    for version, taken in (("2", True), ("3", True), ("1", False)):
        changed = item("1") | {"version": {"N": version}}
        call = {**arguments, "Item": changed, "ExpressionAttributeValues": {":v": {"N": version}}}
        if taken:
            dynamodb.put_item(**call)
            continue
        with pytest.raises(ClientError) as refused:
            dynamodb.put_item(**call, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        assert code_of(refused) == "ConditionalCheckFailedException"
        assert refused.value.response["Item"]["version"] == {"N": "3"}


def test_a_version_is_created_once_and_replaced_by_who_knows_it(dynamodb: Any) -> None:
    def write(version: int, condition: str, **values: Any) -> None:
        dynamodb.put_item(
            TableName="t",
            Item=item("1") | {"version": {"N": str(version)}},
            ConditionExpression=condition,
            ExpressionAttributeNames={"#version": "version"},
            **({"ExpressionAttributeValues": values} if values else {}),
        )

    for known, taken in ((None, True), (None, False), (1, True), (1, False), (2, True)):
        condition = "attribute_not_exists(#version)" if known is None else "#version = :version"
        values = {} if known is None else {":version": {"N": str(known)}}
        if taken:
            write((known or 0) + 1, condition, **values)
            continue
        with pytest.raises(ClientError) as refused:
            write((known or 0) + 1, condition, **values)
        assert code_of(refused) == "ConditionalCheckFailedException"
    found = dynamodb.get_item(TableName="t", Key=item("1"), ConsistentRead=True)["Item"]
    assert found["version"] == {"N": "3"}
    dynamodb.delete_item(TableName="t", Key=item("1"))
    assert "Item" not in dynamodb.get_item(TableName="t", Key=item("1"))


def test_a_placeholder_without_use_is_refused(dynamodb: Any) -> None:
    with pytest.raises(ClientError) as refused:
        dynamodb.put_item(
            TableName="t",
            Item=item("1"),
            ConditionExpression="attribute_not_exists(pk)",
            ExpressionAttributeValues={":unused": {"S": "x"}},
        )
    assert code_of(refused) == "ValidationException"


def test_an_update_sets_adds_and_removes(dynamodb: Any) -> None:
    dynamodb.put_item(TableName="t", Item=item("1", gone="x"))
    updated = dynamodb.update_item(
        TableName="t",
        Key=item("1"),
        UpdateExpression="SET n = if_not_exists(n, :n) + :n, m = :n ADD s :s REMOVE gone",
        ExpressionAttributeValues={":n": {"N": "2"}, ":s": {"SS": ["MR", "CT"]}},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    assert updated == item("1") | {"n": {"N": "4"}, "m": {"N": "2"}, "s": {"SS": ["CT", "MR"]}}


def test_items_are_fetched_in_batches_of_100(dynamodb: Any) -> None:
    write_batch(dynamodb, 3)
    keys = [item(f"{number:03d}") for number in range(101)]
    found = dynamodb.batch_get_item(RequestItems={"t": {"Keys": keys[:100]}})
    assert len(found["Responses"]["t"]) == 3
    with pytest.raises(ClientError):
        dynamodb.batch_get_item(RequestItems={"t": {"Keys": keys}})


def test_a_query_counts_and_pages_at_1_mb(dynamodb: Any, stand_in: RunningStandIn) -> None:
    for number in range(10):
        dynamodb.put_item(TableName="t", Item=item(f"a{number}", text="x" * 150_000))
    dynamodb.put_item(TableName="t", Item=item("b"))
    arguments = {
        "TableName": "t",
        "KeyConditionExpression": "pk = :p AND begins_with(sk, :s)",
        "ExpressionAttributeValues": {":p": {"S": "p"}, ":s": {"S": "a"}},
    }
    pages = list(dynamodb.get_paginator("query").paginate(**arguments, Select="COUNT"))
    assert [page["Count"] for page in pages] == [7, 3]
    last = dynamodb.query(**arguments, ScanIndexForward=False, Limit=1)["Items"]
    assert last[0]["sk"] == {"S": "a9"}


@pytest.mark.parametrize(
    ("condition", "truth"),
    [
        ("a = :five", True),
        ("a <> :five", False),
        ("a < :ten AND a <= :five AND NOT a > :ten", True),
        ("a = :ten OR (a = :five AND attribute_exists(b.c))", True),
        ("attribute_not_exists(b.d) AND attribute_not_exists(z)", True),
        ("z < :five", False),
        ("begins_with(b.c, :te)", True),
        ("contains(tags, :te)", False),
        ("a BETWEEN :five AND :ten AND a IN (:five, :ten)", True),
        ("size(tags) = :one", True),
    ],
)
def test_conditions_are_read_as_dynamodb_reads_them(condition: str, truth: bool) -> None:
    values = {
        ":five": {"N": "5.0"},
        ":ten": {"N": "10"},
        ":one": {"N": "1"},
        ":te": {"S": "te"},
    }
    held = {"a": {"N": "5"}, "b": {"M": {"c": {"S": "text"}}}, "tags": {"SS": ["text"]}}
    assert Expression(condition, {"ExpressionAttributeValues": values}, held).is_true() is truth


# EventBridge and SQS


def put_events(events: Any, count: int, detail: str = "{}") -> Any:
    entry = {"Source": "s", "DetailType": "d", "Detail": detail, "EventBusName": "bus"}
    return events.put_events(Entries=[entry] * count)


def test_a_failed_entry_is_counted_and_not_accepted(events: Any, stand_in: RunningStandIn) -> None:
    stand_in.inject("events:failed:1:1")
    answer = put_events(events, 2)
    assert answer["FailedEntryCount"] == 1
    assert ["ErrorCode" in entry for entry in answer["Entries"]] == [True, False]
    assert len(stand_in.held()["events"]) == 1


def test_eleven_entries_or_a_large_one_are_refused(events: Any) -> None:
    for count, detail in ((11, "{}"), (1, '{"a": "' + "x" * 256 * 1024 + '"}')):
        with pytest.raises(ClientError) as refused:
            put_events(events, count, detail)
        assert code_of(refused) == "ValidationException"


def test_messages_are_taken_one_by_one_and_in_batches(
    clients: dict[str, Any], stand_in: RunningStandIn
) -> None:
    stand_in.inject("sqs:failed:1:1")
    clients["sqs"].send_message(QueueUrl=f"{stand_in.url}/q", MessageBody="1")
    entries = [{"Id": str(number), "MessageBody": "2"} for number in range(2)]
    answer = clients["sqs"].send_message_batch(QueueUrl=f"{stand_in.url}/q", Entries=entries)
    assert [entry["Id"] for entry in answer["Failed"]] == ["0"]
    assert len(stand_in.held()["messages"]) == 2


def queue_of(sqs: Any) -> str:
    return str(sqs.get_queue_url(QueueName="q")["QueueUrl"])


def receive(sqs: Any, queue: str, **more: Any) -> list[Any]:
    return list(sqs.receive_message(QueueUrl=queue, **more).get("Messages", []))


def test_a_message_is_received_once_until_it_is_deleted_or_visible_again(
    clients: dict[str, Any], stand_in: RunningStandIn
) -> None:
    sqs = clients["sqs"]
    queue = queue_of(sqs)
    sent = sqs.send_message(QueueUrl=queue, MessageBody="1")["MessageId"]
    (first,) = receive(sqs, queue, MaxNumberOfMessages=10, VisibilityTimeout=60)
    assert (first["MessageId"], first["Body"]) == (sent, "1")
    assert receive(sqs, queue) == []
    stand_in.inject(ahead=61)
    (second,) = receive(sqs, queue, MessageSystemAttributeNames=["All"])
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=second["ReceiptHandle"])
    stand_in.inject(ahead=600)
    assert receive(sqs, queue) == []


def test_messages_come_by_ten_in_their_order(
    clients: dict[str, Any], stand_in: RunningStandIn
) -> None:
    sqs = clients["sqs"]
    queue = queue_of(sqs)
    for number in range(12):
        sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    found = receive(sqs, queue, MaxNumberOfMessages=10)
    assert [message["Body"] for message in found] == [str(number) for number in range(10)]
    entries = [
        {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
        for number, message in enumerate(found)
    ]
    sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
    asked = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert asked["ApproximateNumberOfMessages"] == "2"
    assert asked["QueueArn"].endswith(":q")


def test_a_message_handed_back_is_visible_at_once(
    clients: dict[str, Any], stand_in: RunningStandIn
) -> None:
    sqs = clients["sqs"]
    queue = queue_of(sqs)
    sqs.send_message(QueueUrl=queue, MessageBody="1")
    (first,) = receive(sqs, queue)
    sqs.change_message_visibility(
        QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0
    )
    assert len(receive(sqs, queue)) == 1


def test_a_receiver_that_waits_has_a_message_that_is_sent_meanwhile(
    clients: dict[str, Any], stand_in: RunningStandIn
) -> None:
    sqs = clients["sqs"]
    queue = queue_of(sqs)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(receive, sqs, queue, WaitTimeSeconds=20)
        while stand_in.stats()["calls"].get("sqs.ReceiveMessage") is None:
            pass
        sqs.send_message(QueueUrl=queue, MessageBody="1")
        assert [message["Body"] for message in waiting.result(timeout=20)] == ["1"]


# Faults and counts


@pytest.mark.parametrize(
    ("status", "code"), [(503, "SlowDown"), (409, "ConditionalRequestConflict")]
)
def test_an_injected_status_carries_its_code(
    s3: Any, stand_in: RunningStandIn, status: int, code: str
) -> None:
    stand_in.inject(f"s3.PutObject:{status}:1:1")
    with pytest.raises(ClientError) as refused:
        put(s3)
    assert (status_of(refused), code_of(refused)) == (status, code)
    put(s3)
    assert stand_in.stats()["calls"] == {"s3.PutObject": 2}
    assert stand_in.stats()["refused"] == {f"s3.PutObject {status}": 1}


def test_a_lost_answer_leaves_the_object_and_a_reset_does_not(
    s3: Any, stand_in: RunningStandIn
) -> None:
    for kind, held in (("reset", []), ("lost", ["k"])):
        stand_in.inject(f"s3:{kind}:1:1")
        with pytest.raises(ConnectionClosedError):
            put(s3, key="k")
        assert stand_in.held()["objects"].get("b", []) == held


@pytest.mark.parametrize("text", ["s3:418:1", "ec2:503:1", "s3:503", "s3:503:1:1:1", "s3:odd:1"])
def test_an_unknown_fault_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Fault.parse(text)
