"""What each resource type of the template becomes in boto3's words.

One function a type: takes the properties with their intrinsics evaluated, creates the resource or
brings an existing one to what the properties say, and returns how others may refer to it. Each
names the properties it knows; any other raises.
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from infra.local.clients import Clients
from infra.local.template import Resource, TemplateError

Properties = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Created:
    """A resource that exists: what ``Ref`` and ``Fn::GetAtt`` return of it."""

    ref: str
    attributes: dict[str, str] = field(default_factory=dict)


def _known(resource: Resource, *names: str) -> None:
    if unknown := set(resource.properties) - set(names):
        raise TemplateError(f"{resource.logical_id}: unknown properties {sorted(unknown)}")


# ------------------------------------------------------------------ S3


def create_bucket(clients: Clients, resource: Resource, properties: Properties) -> Created:
    """AWS::S3::Bucket"""
    _known(
        resource,
        "BucketName",
        "VersioningConfiguration",
        "BucketEncryption",
        "PublicAccessBlockConfiguration",
        "OwnershipControls",
        "LifecycleConfiguration",
        "NotificationConfiguration",
        "CorsConfiguration",
    )
    s3, name = clients.s3, properties["BucketName"]
    _create_bucket_once(s3, name, clients.region)
    if "VersioningConfiguration" in properties:
        s3.put_bucket_versioning(
            Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"]
        )
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [
                {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
                for rule in properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            ]
        },
    )
    s3.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"],
    )
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=properties["OwnershipControls"])
    s3.put_bucket_lifecycle_configuration(
        Bucket=name,
        LifecycleConfiguration={
            "Rules": [
                _lifecycle_rule(rule) for rule in properties["LifecycleConfiguration"]["Rules"]
            ]
        },
    )
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration=_notification(properties.get("NotificationConfiguration", {})),
    )
    if "CorsConfiguration" in properties:
        s3.put_bucket_cors(Bucket=name, CORSConfiguration=_cors(properties["CorsConfiguration"]))
    return Created(name, {"Arn": f"arn:aws:s3:::{name}"})


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    known = {"Id", "Status", "AbortIncompleteMultipartUpload", "ObjectSizeGreaterThan"}
    if unknown := set(rule) - known - {"ExpirationInDays", "Transitions"}:
        raise TemplateError(f"unknown in a lifecycle rule: {sorted(unknown)}")
    larger = rule.get("ObjectSizeGreaterThan")
    converted: dict[str, Any] = {
        "ID": rule["Id"],
        "Status": rule["Status"],
        "Filter": {"Prefix": ""} if larger is None else {"ObjectSizeGreaterThan": int(larger)},
    }
    if "AbortIncompleteMultipartUpload" in rule:
        converted["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    if "ExpirationInDays" in rule:
        converted["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    if "Transitions" in rule:
        converted["Transitions"] = [
            {"Days": int(one["TransitionInDays"]), "StorageClass": one["StorageClass"]}
            for one in rule["Transitions"]
        ]
    return converted


def _create_bucket_once(s3: Any, name: str, region: str) -> None:
    location = {} if region == "us-east-1" else {"LocationConstraint": region}
    arguments = {"CreateBucketConfiguration": location} if location else {}
    try:
        s3.create_bucket(Bucket=name, **arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise


def _notification(configuration: Properties) -> dict[str, Any]:
    if unknown := set(configuration) - {"QueueConfigurations"}:
        raise TemplateError(f"unknown notifications: {sorted(unknown)}")
    return {
        "QueueConfigurations": [
            {"QueueArn": entry["Queue"], "Events": [entry["Event"]]}
            for entry in configuration.get("QueueConfigurations", ())
        ]
    }


def _cors(configuration: Properties) -> dict[str, Any]:
    renamed = {"ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds"}
    known = {"AllowedHeaders", "AllowedMethods", "AllowedOrigins", *renamed}
    if unknown := {name for rule in configuration["CorsRules"] for name in rule} - known:
        raise TemplateError(f"unknown in a rule for browsers: {sorted(unknown)}")
    return {
        "CORSRules": [
            {renamed.get(name, name): value for name, value in rule.items()}
            for rule in configuration["CorsRules"]
        ]
    }


def create_bucket_policy(clients: Clients, resource: Resource, properties: Properties) -> Created:
    """AWS::S3::BucketPolicy"""
    _known(resource, "Bucket", "PolicyDocument")
    document = without_tls_only(properties["PolicyDocument"])
    if document["Statement"]:
        clients.s3.put_bucket_policy(Bucket=properties["Bucket"], Policy=json.dumps(document))
    return Created(f"{properties['Bucket']}-policy")


def without_tls_only(document: Properties) -> dict[str, Any]:
    """Return a policy without the statements that refuse plain HTTP.

    Loopback has no TLS; and a stand-in that ignores conditions would refuse everybody.
    """
    return dict(document) | {
        "Statement": [
            statement
            for statement in document["Statement"]
            if "aws:SecureTransport" not in statement.get("Condition", {}).get("Bool", {})
        ]
    }


# ------------------------------------------------------------------ DynamoDB


def create_table(clients: Clients, resource: Resource, properties: Properties) -> Created:
    """AWS::DynamoDB::Table"""
    _known(
        resource,
        "TableName",
        "BillingMode",
        "AttributeDefinitions",
        "KeySchema",
        "GlobalSecondaryIndexes",
        "TimeToLiveSpecification",
        "PointInTimeRecoverySpecification",
        "SSESpecification",
        "DeletionProtectionEnabled",
    )
    dynamodb, name = clients.dynamodb, properties["TableName"]
    specification = dict(properties["SSESpecification"])
    specification["Enabled"] = specification.pop("SSEEnabled")
    with contextlib.suppress(dynamodb.exceptions.ResourceInUseException):
        dynamodb.create_table(
            TableName=name,
            BillingMode=properties["BillingMode"],
            AttributeDefinitions=properties["AttributeDefinitions"],
            KeySchema=properties["KeySchema"],
            GlobalSecondaryIndexes=properties["GlobalSecondaryIndexes"],
            SSESpecification=specification,
            DeletionProtectionEnabled=properties["DeletionProtectionEnabled"],
        )
    dynamodb.get_waiter("table_exists").wait(
        TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    _let_items_expire_once(dynamodb, name, properties["TimeToLiveSpecification"])
    dynamodb.update_continuous_backups(
        TableName=name,
        PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"],
    )
    return Created(name, {"Arn": dynamodb.describe_table(TableName=name)["Table"]["TableArn"]})


def _let_items_expire_once(dynamodb: Any, name: str, wanted: Properties) -> None:
    """Turn expiry on unless it is on: DynamoDB refuses to do it again."""
    found = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if not found["TimeToLiveStatus"].startswith("ENABL"):
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=dict(wanted))


# ------------------------------------------------------------------ EventBridge


def create_event_bus(clients: Clients, resource: Resource, properties: Properties) -> Created:
    """AWS::Events::EventBus"""
    _known(resource, "Name")
    name = properties["Name"]
    try:
        arn = clients.events.create_event_bus(Name=name)["EventBusArn"]
    except clients.events.exceptions.ResourceAlreadyExistsException:
        arn = clients.events.describe_event_bus(Name=name)["Arn"]
    return Created(name, {"Arn": arn, "Name": name})


def create_rule(clients: Clients, resource: Resource, properties: Properties) -> Created:
    """AWS::Events::Rule"""
    _known(resource, "Name", "Description", "EventBusName", "State", "EventPattern", "Targets")
    events, bus, name = clients.events, properties["EventBusName"], properties["Name"]
    arn = events.put_rule(
        Name=name,
        EventBusName=bus,
        EventPattern=json.dumps(properties["EventPattern"]),
        State=properties["State"],
        Description=properties["Description"],
    )["RuleArn"]
    refused = events.put_targets(Rule=name, EventBusName=bus, Targets=properties["Targets"])
    if refused["FailedEntryCount"]:
        raise TemplateError(f"{resource.logical_id}: targets refused: {refused['FailedEntries']}")
    return Created(f"{bus}|{name}", {"Arn": arn})


# ------------------------------------------------------------------ SQS

_QUEUE_ATTRIBUTES = (
    "DelaySeconds",
    "VisibilityTimeout",
    "MessageRetentionPeriod",
    "SqsManagedSseEnabled",
    "RedrivePolicy",
)


def create_queue(clients: Clients, resource: Resource, properties: Properties) -> Created:
    """AWS::SQS::Queue"""
    _known(resource, "QueueName", *_QUEUE_ATTRIBUTES)
    sqs, name = clients.sqs, properties["QueueName"]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.set_queue_attributes(
        QueueUrl=url,
        Attributes={
            attribute: queue_attribute_text(properties[attribute])
            for attribute in _QUEUE_ATTRIBUTES
            if attribute in properties
        },
    )
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return Created(url, {"Arn": arn["QueueArn"], "QueueName": name})


def queue_attribute_text(value: Any) -> str:
    """Return a queue's property as SQS has it: everything is a string, structures are JSON."""
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict) else str(value)


def create_queue_policy(clients: Clients, resource: Resource, properties: Properties) -> Created:
    """AWS::SQS::QueuePolicy"""
    _known(resource, "Queues", "PolicyDocument")
    document = without_tls_only(properties["PolicyDocument"])
    for url in properties["Queues"]:
        if document["Statement"]:
            clients.sqs.set_queue_attributes(
                QueueUrl=url, Attributes={"Policy": json.dumps(document)}
            )
    return Created(resource.logical_id)
