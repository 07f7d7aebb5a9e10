"""The deployed functions do their work under their own roles, and nothing else."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from tests.deployed.conftest import Answer, Deployment, eventually

BUNDLED = (
    "CT_small.dcm",
    "MR_small.dcm",
    "JPEG2000.dcm",
    "SC_rgb_rle.dcm",
    "examples_rgb_color.dcm",
    "rtplan.dcm",
)
BOUNDARY = "deployed"
MULTIPART = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


def bundled() -> dict[str, bytes]:
    """Return pydicom's files by SOP Instance UID."""
    found = {}
    for name in BUNDLED:
        path = get_testdata_file(name, download=False)
        if path is not None:
            content = Path(str(path)).read_bytes()
            found[str(dcmread(str(path)).SOPInstanceUID)] = content
    assert len(found) >= 5
    return found


FILES = bundled()


def body_of(files: dict[str, bytes]) -> bytes:
    start = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(start + file + b"\r\n" for file in files.values()) + b"--deployed--\r\n"


def store(deployment: Deployment, path: str = "/studies") -> Answer:
    return deployment.send(
        path,
        body_of(FILES),
        deployment.tokens("write"),
        Content_Type=MULTIPART,
        Accept="application/dicom+json",
    )


@pytest.fixture(scope="module")
def stored(deployment: Deployment) -> Answer:
    return store(deployment)


# ---------------------------------------------------------------- who is let in


def test_nobody_gets_in_without_a_token(deployment: Deployment) -> None:
    answer = deployment.send("/studies", body_of(FILES), Content_Type=MULTIPART)

    assert answer.status == 401
    assert deployment.items("instance/") == []


def test_nobody_gets_in_with_a_strangers_token(deployment: Deployment) -> None:
    strange = deployment.tokens("write")[:-8] + "AAAAAAAA"

    answer = deployment.send("/studies", body_of(FILES), strange, Content_Type=MULTIPART)

    assert answer.status in (401, 403)


def test_a_token_for_reading_does_not_store(deployment: Deployment) -> None:
    answer = deployment.send(
        "/studies", body_of(FILES), deployment.tokens("read"), Content_Type=MULTIPART
    )

    assert answer.status == 403
    assert deployment.items("instance/") == []


# ---------------------------------------------------------------- what becomes of instances


def test_each_instance_that_was_sent_is_referenced(deployment: Deployment, stored: Answer) -> None:
    assert stored.status == 200, f"{stored.body!r}\n{deployment.log_of('APIHandler')}"
    items = stored.json()["00081199"]["Value"]
    assert {item["00081155"]["Value"][0] for item in items} == set(FILES)


@pytest.mark.usefixtures("stored")
def test_each_object_has_the_digest_that_was_sent(deployment: Deployment) -> None:
    s3, bucket = deployment.emulator.client("s3"), deployment.outputs["BucketName"]

    for uid, content in FILES.items():
        found = s3.get_object(Bucket=bucket, Key=f"default/instances/{uid}.dcm")
        digest = hashlib.sha256(content).hexdigest()
        assert hashlib.sha256(found["Body"].read()).hexdigest() == digest
        assert found["Metadata"]["sha256"] == digest


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("kind", "function"), [("verdict/", "ValidateInstances"), ("study", "IndexInstances")]
)
def test_the_deployed_functions_finish_the_work(
    deployment: Deployment, kind: str, function: str
) -> None:
    studies = len({dcmread(str(get_testdata_file(name))).StudyInstanceUID for name in BUNDLED})
    expected = len(FILES) if kind == "verdict/" else studies

    eventually(lambda: len(deployment.items(kind)) == expected, lambda: deployment.log_of(function))


@pytest.mark.usefixtures("stored")
def test_the_audit_function_writes_its_log(deployment: Deployment) -> None:
    logs, group = deployment.emulator.client("logs"), deployment.outputs["AuditLogName"]

    def written() -> list[Any]:
        found: list[Any] = logs.filter_log_events(logGroupName=group)["events"]
        return found

    eventually(lambda: len(written()) > 0, lambda: deployment.log_of("AuditInstances"))


@pytest.mark.usefixtures("stored")
def test_reconcile_restores_what_was_lost(deployment: Deployment) -> None:
    """A record and a verdict are gone; the object appears anew, and S3 says so."""
    s3, dynamodb = deployment.emulator.client("s3"), deployment.emulator.client("dynamodb")
    eventually(lambda: len(deployment.items("verdict/")) == len(FILES), lambda: "not validated")
    uid = next(iter(FILES))
    lost = [
        item
        for kind in ("instance/", "verdict/")
        for item in deployment.items(kind)
        if item["sk"]["S"].endswith(f"/{uid}")
    ]
    for item in lost:
        key = {name: item[name] for name in ("pk", "sk")}
        dynamodb.delete_item(TableName=deployment.outputs["TableName"], Key=key)

    place = {"Bucket": deployment.outputs["BucketName"], "Key": f"default/instances/{uid}.dcm"}
    facts = s3.head_object(**place)["Metadata"]
    s3.copy_object(CopySource=place, MetadataDirective="REPLACE", Metadata=facts, **place)

    def restored() -> bool:
        kinds = ("instance/", "verdict/")
        items = [one for kind in kinds for one in deployment.items(kind)]
        return sum(item["sk"]["S"].endswith(f"/{uid}") for item in items) == len(lost) == 2

    eventually(restored, lambda: deployment.log_of("ReconcileObjects"))


@pytest.mark.usefixtures("stored")
def test_an_update_in_place_loses_nothing(deployment: Deployment) -> None:
    before = {item["sk"]["S"] for item in deployment.items("")}
    names = dict(deployment.outputs)

    deployment.apply(Explain="off")

    assert deployment.outputs == names
    assert before <= {item["sk"]["S"] for item in deployment.items("")}
    configured = deployment.emulator.client("lambda").get_function_configuration(
        FunctionName=deployment.resource("APIHandler")
    )
    assert configured["Environment"]["Variables"]["EXPLAIN"] == "off"
    again = store(deployment)
    assert again.status == 200
    versions = deployment.emulator.client("s3").list_object_versions(
        Bucket=deployment.outputs["BucketName"], Prefix="default/instances/"
    )["Versions"]
    keys = [version["Key"] for version in versions]
    # One was written anew on purpose, by the test of reconcile.
    assert len(keys) - len(set(keys)) <= 1
    assert len(set(keys)) == len(FILES)


@pytest.mark.parametrize("queue", ["Validate", "Index", "Reconcile", "Audit", "Forward", "Ingest"])
@pytest.mark.usefixtures("stored")
def test_nothing_was_given_up_on(deployment: Deployment, queue: str) -> None:
    attributes = deployment.emulator.client("sqs").get_queue_attributes(
        QueueUrl=deployment.resource(f"{queue}DeadLetters"), AttributeNames=["All"]
    )["Attributes"]

    assert attributes["ApproximateNumberOfMessages"] == "0"
