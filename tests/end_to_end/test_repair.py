"""What an operator sets right, on the local stack."""

import json
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from infra.local.stack import LocalStack
from infra.operate import main
from tests.end_to_end.conftest import Post
from tests.promises import Promises

NAMES = ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm")
PATHS = [Path(str(get_testdata_file(name))) for name in NAMES]
FILES = {str(dcmread(path).SOPInstanceUID): path.read_bytes() for path in PATHS}


@pytest.fixture(autouse=True)
def emptied(local_stack: LocalStack) -> None:
    """Forget what earlier tests of this worker stored: a rebuild looks at all there is."""
    s3, dynamodb = local_stack.clients.s3, local_stack.clients.dynamodb
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=local_stack.bucket)
    found = [
        {"Key": one["Key"], "VersionId": one["VersionId"]}
        for page in pages
        for one in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
    ]
    for start in range(0, len(found), 1000):  # after all were listed: pages may shift
        objects = found[start : start + 1000]
        s3.delete_objects(Bucket=local_stack.bucket, Delete={"Objects": objects})
    scans = dynamodb.get_paginator("scan").paginate(TableName=local_stack.table)
    keys = [{"pk": item["pk"], "sk": item["sk"]} for page in scans for item in page["Items"]]
    for start in range(0, len(keys), 25):
        requests = [{"DeleteRequest": {"Key": key}} for key in keys[start : start + 25]]
        dynamodb.batch_write_item(RequestItems={local_stack.table: requests})
    assert "Contents" not in s3.list_objects_v2(Bucket=local_stack.bucket, MaxKeys=1)


@pytest.fixture
def promises(
    local_stack: LocalStack, post: Post, partition: str, monkeypatch: pytest.MonkeyPatch
) -> Promises:
    """Three stored instances, validated and indexed, and the operator's environment."""
    for name, value in local_stack.environment.items():
        monkeypatch.setenv(name, value)
    for content in FILES.values():
        path, kind = f"/partitions/{partition}/studies", {"Content-Type": "application/dicom"}
        assert post(path, content, kind).status == 200
    local_stack.drain()
    kept = Promises(local_stack.clients, local_stack.bucket, local_stack.table, partition)
    kept.assert_judged(FILES)
    return kept


def keys_of(stack: LocalStack, partition: str) -> list[dict[str, dict[str, str]]]:
    pages = stack.clients.dynamodb.get_paginator("scan").paginate(TableName=stack.table)
    return [
        {"pk": item["pk"], "sk": item["sk"]}
        for page in pages
        for item in page["Items"]
        if item["pk"]["S"].startswith((f"{partition}/", f"{partition}#"))
    ]


def forget(stack: LocalStack, partition: str, kind: str = "") -> int:
    """Delete items of the partition; return how many."""
    keys = [key for key in keys_of(stack, partition) if key["sk"]["S"].startswith(kind)]
    for key in keys:
        stack.clients.dynamodb.delete_item(TableName=stack.table, Key=key)
    return len(keys)


def test_rebuild_makes_table_and_index_anew_from_the_bucket(
    local_stack: LocalStack,
    promises: Promises,
    partition: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    before = {(key["pk"]["S"], key["sk"]["S"]) for key in keys_of(local_stack, partition)}
    assert forget(local_stack, partition) == len(before) > 6

    assert main(["--partition", partition, "rebuild"]) == 0
    told = capsys.readouterr().out
    local_stack.drain()

    assert told == "3 objects: 3 recorded, 3 announced, 0 failed\n"
    after = {(key["pk"]["S"], key["sk"]["S"]) for key in keys_of(local_stack, partition)}
    # What intake observed is in the event alone: nothing in the bucket tells it.
    assert after == {key for key in before if not key[1].startswith("observed/")}
    promises.assert_judged(FILES)
    promises.assert_recounted(promises.assert_stored_once(FILES))


def test_rebuild_replaces_a_record_that_is_wrong(
    local_stack: LocalStack, promises: Promises, partition: str
) -> None:
    [wrong, *_] = [
        key for key in keys_of(local_stack, partition) if key["sk"]["S"].startswith("instance/")
    ]
    local_stack.clients.dynamodb.update_item(
        TableName=local_stack.table,
        Key=wrong,
        UpdateExpression="SET sop_class = :other",
        ExpressionAttributeValues={":other": {"S": "1.2.3"}},
    )

    assert main(["--partition", partition, "rebuild"]) == 0

    promises.assert_stored_once(FILES)


def test_rebuild_of_every_partition_finds_this_one(
    local_stack: LocalStack, promises: Promises, partition: str
) -> None:
    forget(local_stack, partition)

    assert main(["rebuild", "--every-partition"]) == 0
    local_stack.drain()

    promises.assert_judged(FILES)


def test_reconcile_completes_what_is_missing_and_nothing_else(
    local_stack: LocalStack,
    promises: Promises,
    partition: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    lost = next(iter(FILES))
    for kind in ("instance/", "verdict/"):
        [key] = [
            key
            for key in keys_of(local_stack, partition)
            if key["sk"]["S"].startswith(kind) and key["sk"]["S"].endswith(f"/{lost}")
        ]
        local_stack.clients.dynamodb.delete_item(TableName=local_stack.table, Key=key)

    assert main(["--partition", partition, "reconcile"]) == 0
    told = capsys.readouterr().out
    local_stack.drain()

    assert told == "3 objects: 1 recorded, 1 announced, 0 failed\n"
    promises.assert_judged(FILES)


def test_what_cannot_be_reconciled_is_named(
    local_stack: LocalStack,
    partition: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in local_stack.environment.items():
        monkeypatch.setenv(name, value)
    local_stack.clients.s3.put_object(
        Bucket=local_stack.bucket, Key=f"{partition}/instances/1.2.3.dcm", Body=b"a stranger's"
    )

    assert main(["--partition", partition, "reconcile"]) == 1

    told = capsys.readouterr()
    assert f"failed: {partition} 1.2.3\n" in told.out
    assert "1 objects failed" in told.err
    local_stack.clients.s3.delete_object(
        Bucket=local_stack.bucket, Key=f"{partition}/instances/1.2.3.dcm"
    )


def test_dead_letters_are_shown_and_replayed(
    local_stack: LocalStack,
    promises: Promises,
    post: Post,
    partition: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What validation gave up on is judged once it is sent back."""
    forget(local_stack, partition, "verdict/")
    path, kind = f"/partitions/{partition}/studies", {"Content-Type": "application/dicom"}
    for content in FILES.values():
        assert post(path, content, kind).status == 200
    for body in local_stack.take_messages("ValidateQueue"):
        local_stack.clients.sqs.send_message(
            QueueUrl=local_stack.queue_url("ValidateDeadLetters"), MessageBody=json.dumps(body)
        )

    assert main(["replay-dlq", "validate", "--show"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("given up on, study ") == 3
    assert "0 messages sent back" in shown

    assert main(["replay-dlq", "validate"]) == 0
    local_stack.drain()

    assert "3 messages sent back to stowage-validate" in capsys.readouterr().out
    assert local_stack.take_messages("ValidateDeadLetters") == []
    promises.assert_judged(FILES)
