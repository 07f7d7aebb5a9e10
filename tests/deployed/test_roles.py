"""Each function's role does what its function does, and is refused everything else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.deployed.conftest import Deployment

ROLES = {
    "ApiHandlerRole",
    "AuditInstancesRole",
    "AuthorizeRole",
    "ForwardInstancesRole",
    "IndexInstancesRole",
    "IngestSessionsRole",
    "ReconcileObjectsRole",
    "ValidateInstancesRole",
}
DOORS = frozenset({"ApiHandlerRole", "IngestSessionsRole"})
INGEST = frozenset({"IngestSessionsRole"})
STAGED = {"Bucket": "{StagingBucketName}", "Key": "role/probe"}
CALLS: dict[str, tuple[str, str, dict[str, Any], frozenset[str]]] = {
    "reads an object": (
        "s3",
        "get_object",
        {"Bucket": "{BucketName}", "Key": "default/instances/none.dcm"},
        frozenset(
            {
                *DOORS,
                "ForwardInstancesRole",
                "ReconcileObjectsRole",
                "ValidateInstancesRole",
            }
        ),
    ),
    "writes an object": (
        "s3",
        "put_object",
        {"Bucket": "{BucketName}", "Key": "role/probe", "Body": b""},
        DOORS,
    ),
    "deletes an object": (
        "s3",
        "delete_object",
        {"Bucket": "{BucketName}", "Key": "role/probe"},
        frozenset(),
    ),
    "gives up an upload of an object": (
        "s3",
        "abort_multipart_upload",
        {"Bucket": "{BucketName}", "Key": "role/probe", "UploadId": "none"},
        INGEST,
    ),
    "stages something": ("s3", "put_object", {**STAGED, "Body": b""}, DOORS),
    "reads what is staged": ("s3", "get_object", STAGED, DOORS),
    "asks for an upload's parts": ("s3", "list_parts", {**STAGED, "UploadId": "none"}, DOORS),
    "gives up an upload": (
        "s3",
        "abort_multipart_upload",
        {**STAGED, "UploadId": "none"},
        DOORS,
    ),
    "removes what is staged": ("s3", "delete_object", STAGED, INGEST),
    "lists what is staged": (
        "s3",
        "list_objects_v2",
        {"Bucket": "{StagingBucketName}"},
        DOORS,
    ),
    "keeps what is staged for ever": (
        "s3",
        "delete_bucket_lifecycle",
        {"Bucket": "{StagingBucketName}"},
        frozenset(),
    ),
    "wakes a worker": (
        "sqs",
        "send_message",
        # Later than these tests last: no worker hears of it.
        {"QueueUrl": "{IngestQueue}", "MessageBody": "{}", "DelaySeconds": 900},
        DOORS,
    ),
    "takes a session from its queue": (
        "sqs",
        "receive_message",
        {"QueueUrl": "{IngestQueue}"},
        INGEST,
    ),
    "empties sessions' dead letters": (
        "sqs",
        "receive_message",
        {"QueueUrl": "{IngestDeadLettersUrl}"},
        frozenset(),
    ),
    "opens the bucket": ("s3", "delete_bucket_policy", {"Bucket": "{BucketName}"}, frozenset()),
    "reads another bucket": (
        "s3",
        "list_objects_v2",
        {"Bucket": "stowage-artifacts"},
        frozenset(),
    ),
    "scans the table": ("dynamodb", "scan", {"TableName": "{TableName}"}, frozenset()),
    "reads an item": (
        "dynamodb",
        "get_item",
        {"TableName": "{TableName}", "Key": {"pk": {"S": "x"}, "sk": {"S": "x"}}},
        frozenset(
            {
                *DOORS,
                "ForwardInstancesRole",
                "IndexInstancesRole",
                "ReconcileObjectsRole",
                "ValidateInstancesRole",
            }
        ),
    ),
    "writes an item": (
        "dynamodb",
        "put_item",
        {"TableName": "{TableName}", "Item": {"pk": {"S": "role"}, "sk": {"S": "probe"}}},
        frozenset({*DOORS, "ForwardInstancesRole", "IndexInstancesRole", "ValidateInstancesRole"}),
    ),
    "deletes an item": (
        "dynamodb",
        "delete_item",
        {"TableName": "{TableName}", "Key": {"pk": {"S": "role"}, "sk": {"S": "probe"}}},
        frozenset(),
    ),
    "announces": (
        "events",
        "put_events",
        {
            "Entries": [
                {"Source": "x", "DetailType": "x", "Detail": "{}", "EventBusName": "{EventBusName}"}
            ]
        },
        frozenset({*DOORS, "ReconcileObjectsRole"}),
    ),
    "empties the index's dead letters": (
        "sqs",
        "receive_message",
        {"QueueUrl": "{IndexDeadLettersUrl}"},
        frozenset(),
    ),
    "reads the audit log": (
        "logs",
        "filter_log_events",
        {"logGroupName": "{AuditLogName}"},
        frozenset(),
    ),
    "reads a secret of somebody else": (
        "secretsmanager",
        "get_secret_value",
        {"SecretId": "another/secret"},
        frozenset(),
    ),
    "makes itself a user": ("iam", "create_user", {"UserName": "x"}, frozenset()),
    "replaces code": (
        "lambda",
        "update_function_code",
        {"FunctionName": "x", "S3Bucket": "xxx", "S3Key": "x"},
        frozenset(),
    ),
}
DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "403")


@pytest.fixture(scope="module")
def credentials(deployment: Deployment) -> Iterator[dict[str, dict[str, str]]]:
    """The functions' roles, worn by the test: only who may wear them is changed, here alone."""
    iam, sts = deployment.emulator.client("iam"), deployment.emulator.client("sts")
    worn, trusted = {}, {}
    for role in sorted(ROLES):
        name = deployment.resource(role)
        found = iam.get_role(RoleName=name)["Role"]
        trusted[name] = found["AssumeRolePolicyDocument"]
        account = found["Arn"].split(":")[4]
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust_in(account))
        given = sts.assume_role(RoleArn=found["Arn"], RoleSessionName="test")["Credentials"]
        worn[role] = {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }
    yield worn
    for name, document in trusted.items():
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))


def trust_in(account: str) -> str:
    return (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
        f'"Principal": {{"AWS": "arn:aws:iam::{account}:root"}}}}]}}'
    )


@pytest.mark.parametrize("role", sorted(ROLES))
@pytest.mark.parametrize("call", CALLS)
def test_a_role_may_do_what_its_function_does_and_no_more(
    deployment: Deployment, credentials: dict[str, dict[str, str]], role: str, call: str
) -> None:
    service, operation, arguments, allowed = CALLS[call]
    client = deployment.emulator.client(service, **credentials[role])
    try:
        answer = getattr(client, operation)(**filled(arguments, deployment))
    except ClientError as error:
        was_denied = error.response["Error"]["Code"] in DENIED
    else:
        was_denied = bool(answer.get("FailedEntryCount"))

    assert was_denied == (role not in allowed)


def filled(arguments: Any, deployment: Deployment) -> Any:
    """Return arguments with the names of outputs and resources replaced."""
    if isinstance(arguments, dict):
        return {name: filled(value, deployment) for name, value in arguments.items()}
    if isinstance(arguments, list):
        return [filled(value, deployment) for value in arguments]
    if isinstance(arguments, str) and len(arguments) > 2 and arguments[0] == "{":
        name = arguments[1:-1]
        return deployment.outputs.get(name) or deployment.resource(name)
    return arguments
