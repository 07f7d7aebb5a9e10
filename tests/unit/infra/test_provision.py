"""The template and its interpreter agree: every resource exists and is what the template says."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from infra.local.clients import Clients, make_clients
from infra.local.conditions import decide
from infra.local.creators import queue_attribute_text, without_tls_only
from infra.local.provision import CREATED, SKIPPED, Provisioned, provision
from infra.local.stack import shared_environment
from infra.local.template import (
    Resource,
    Template,
    TemplateError,
    evaluate,
    load_template,
    parameter_values,
)

TEMPLATE = load_template()
PARAMETERS: dict[str, str | int] = {
    "BaseUri": "http://127.0.0.1:8080",
    "ReconcileDelaySeconds": 7,
    "CorsOrigins": "https://a.example,https://b.example:8443",
}
QUEUES = [item.logical_id for item in TEMPLATE.of_type("AWS::SQS::Queue")]


class World:
    """A template provisioned in a stand-in of its own."""

    def __init__(self) -> None:
        self.clients: Clients = make_clients("eu-west-1")
        self.provisioned: Provisioned = provision(TEMPLATE, self.clients, PARAMETERS)

    def ref(self, logical_id: str) -> str:
        return self.provisioned.resources[logical_id].ref

    def declared(self, logical_id: str) -> dict[str, Any]:
        """Return a resource's properties as the template says, intrinsics evaluated."""
        parameters = parameter_values(TEMPLATE, PARAMETERS) | {
            "AWS::AccountId": "123456789012",
            "AWS::Region": "eu-west-1",
            "AWS::Partition": "aws",
        }

        def lookup(name: str, attribute: str | None) -> str:
            if name in parameters:
                return parameters[name]
            created = self.provisioned.resources[name]
            return created.attributes[attribute] if attribute else created.ref

        decided = decide(TEMPLATE, parameters).resources[logical_id].properties
        properties: dict[str, Any] = evaluate(decided, lookup)
        return properties


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with mock_aws():
        yield World()


# ---------------------------------------------------------------- template and interpreter


@pytest.mark.parametrize("resource", TEMPLATE.resources.values(), ids=lambda item: item.logical_id)
def test_every_resource_type_is_created_or_skipped_on_purpose(resource: Resource) -> None:
    assert (resource.type in CREATED) != (resource.type in SKIPPED)


def test_everything_that_is_not_skipped_exists(world: World) -> None:
    expected = {item.logical_id for item in TEMPLATE.resources.values() if item.type in CREATED}

    assert set(world.provisioned.resources) == expected


def test_creating_again_changes_nothing(world: World) -> None:
    assert provision(TEMPLATE, world.clients, PARAMETERS) == world.provisioned


def test_the_bucket_is_what_the_template_says(world: World) -> None:
    s3, name, declared = world.clients.s3, world.ref("Bucket"), world.declared("Bucket")

    versioning = s3.get_bucket_versioning(Bucket=name)
    encryption = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]
    access = s3.get_public_access_block(Bucket=name)
    ownership = s3.get_bucket_ownership_controls(Bucket=name)
    lifecycle = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]

    assert name == "stowage-123456789012-eu-west-1"
    assert versioning["Status"] == declared["VersioningConfiguration"]["Status"] == "Enabled"
    assert [rule["ApplyServerSideEncryptionByDefault"] for rule in encryption["Rules"]] == [
        rule["ServerSideEncryptionByDefault"]
        for rule in declared["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    ]
    assert access["PublicAccessBlockConfiguration"] == declared["PublicAccessBlockConfiguration"]
    assert set(declared["PublicAccessBlockConfiguration"].values()) == {True}
    assert ownership["OwnershipControls"] == declared["OwnershipControls"]
    [unfinished, cold] = declared["LifecycleConfiguration"]["Rules"]
    by_name = {rule["ID"]: rule for rule in lifecycle}
    assert (
        by_name[unfinished["Id"]]["AbortIncompleteMultipartUpload"]
        == unfinished["AbortIncompleteMultipartUpload"]
    )
    assert by_name[cold["Id"]]["Status"] == "Disabled"
    assert by_name[cold["Id"]]["Transitions"] == [{"Days": 90, "StorageClass": "GLACIER_IR"}]


def test_the_bucket_tells_the_reconcile_queue_of_every_new_object(world: World) -> None:
    configuration = world.clients.s3.get_bucket_notification_configuration(
        Bucket=world.ref("Bucket")
    )

    [notification] = configuration["QueueConfigurations"]
    assert notification["Events"] == ["s3:ObjectCreated:*"]
    assert notification["QueueArn"].endswith(":stowage-reconcile")
    assert (
        notification["QueueArn"] == world.provisioned.resources["ReconcileQueue"].attributes["Arn"]
    )


def test_the_staging_bucket_forgets_everything_and_tells_nobody(world: World) -> None:
    s3, name = world.clients.s3, world.ref("StagingBucket")

    [rule] = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    notifications = s3.get_bucket_notification_configuration(Bucket=name)

    assert name == "stowage-staging-123456789012-eu-west-1"
    assert "Status" not in s3.get_bucket_versioning(Bucket=name)
    assert (rule["Status"], rule["Filter"]) == ("Enabled", {"Prefix": ""})
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
    assert rule["Expiration"]["Days"] == 8
    assert {name for name in notifications if name.endswith("Configurations")} == set()


@pytest.mark.parametrize(
    "name",
    ["BucketEncryption", "PublicAccessBlockConfiguration", "OwnershipControls"],
)
def test_what_is_staged_is_kept_as_safe_as_instances(name: str) -> None:
    staging, bucket = (TEMPLATE.resources[one].properties for one in ("StagingBucket", "Bucket"))

    assert staging[name] == bucket[name]


def test_pages_of_the_origins_put_parts_into_the_staging_bucket(world: World) -> None:
    [rule] = world.clients.s3.get_bucket_cors(Bucket=world.ref("StagingBucket"))["CORSRules"]

    assert rule["AllowedOrigins"] == ["https://a.example", "https://b.example:8443"]
    assert "PUT" in rule["AllowedMethods"]


def test_without_origins_no_page_may() -> None:
    values = parameter_values(TEMPLATE, {"BaseUri": "http://x"})

    assert "CorsConfiguration" not in decide(TEMPLATE, values).resources["StagingBucket"].properties


@pytest.mark.parametrize("logical_id", QUEUES)
def test_a_queue_is_what_the_template_says(world: World, logical_id: str) -> None:
    declared = world.declared(logical_id)

    attributes = world.clients.sqs.get_queue_attributes(
        QueueUrl=world.ref(logical_id), AttributeNames=["All"]
    )["Attributes"]

    assert attributes["QueueArn"].endswith(f":{declared.pop('QueueName')}")
    redrive = declared.pop("RedrivePolicy", None)
    assert json.loads(attributes.get("RedrivePolicy", "null")) == redrive
    for name, value in declared.items():
        assert attributes[name] == queue_attribute_text(value)


@pytest.mark.parametrize(
    "policy", [item.logical_id for item in TEMPLATE.of_type("AWS::SQS::QueuePolicy")]
)
def test_a_queue_has_its_policy_but_for_tls(world: World, policy: str) -> None:
    declared = world.declared(policy)
    expected = without_tls_only(declared["PolicyDocument"])

    for url in declared["Queues"]:
        attributes = world.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
            "Attributes"
        ]
        assert (
            json.loads(attributes.get("Policy") or '{"Statement": []}')["Statement"]
            == (expected["Statement"])
        )


def test_the_table_is_what_the_template_says(world: World) -> None:
    name, declared = world.ref("Table"), world.declared("Table")

    table = world.clients.dynamodb.describe_table(TableName=name)["Table"]
    backups = world.clients.dynamodb.describe_continuous_backups(TableName=name)
    expiry = world.clients.dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]

    [index], [expected] = table["GlobalSecondaryIndexes"], declared["GlobalSecondaryIndexes"]
    assert {key: index[key] for key in expected} == expected
    assert (expected["IndexName"], expected["Projection"]) == (
        "by-arrival",
        {"ProjectionType": "ALL"},
    )
    assert table["KeySchema"] == declared["KeySchema"]
    assert table["AttributeDefinitions"] == declared["AttributeDefinitions"]
    assert table["BillingModeSummary"]["BillingMode"] == declared["BillingMode"]
    assert table["SSEDescription"]["Status"] == "ENABLED"
    assert table["DeletionProtectionEnabled"] is declared["DeletionProtectionEnabled"] is True
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_the_rule_sends_to_each_consumers_queue_with_dead_letters(world: World) -> None:
    declared = world.declared("InstancesStoredRule")
    at = {"EventBusName": world.ref("EventBus")}

    rule = world.clients.events.describe_rule(Name=declared["Name"], **at)
    targets = world.clients.events.list_targets_by_rule(Rule=declared["Name"], **at)["Targets"]

    assert json.loads(rule["EventPattern"]) == declared["EventPattern"]
    assert rule["State"] == "ENABLED"
    assert targets == declared["Targets"]
    assert {target["Arn"].rpartition(":")[2] for target in targets} >= {
        "stowage-validate",
        "stowage-index",
        "stowage-audit",
    }
    assert all(target["DeadLetterConfig"]["Arn"].endswith("-dlq") for target in targets)


def test_an_announced_event_reaches_each_consumer_and_an_object_reconcile(world: World) -> None:
    world.clients.events.put_events(
        Entries=[
            {
                "Source": "stowage.origin",
                "DetailType": "InstancesStored",
                "Detail": '{"a": 1}',
                "EventBusName": world.ref("EventBus"),
            }
        ]
    )
    world.clients.s3.put_object(Bucket=world.ref("Bucket"), Key="default/instances/1.dcm", Body=b"")

    for logical_id in ("ValidateQueue", "IndexQueue", "AuditQueue"):
        [message] = world.clients.sqs.receive_message(QueueUrl=world.ref(logical_id))["Messages"]
        assert json.loads(message["Body"])["detail"] == {"a": 1}
    delayed = world.clients.sqs.get_queue_attributes(
        QueueUrl=world.ref("ReconcileQueue"),
        AttributeNames=["ApproximateNumberOfMessagesDelayed"],
    )["Attributes"]["ApproximateNumberOfMessagesDelayed"]
    assert int(delayed) >= 1


# ---------------------------------------------------------------- what raises


def changed(**resources: Any) -> Template:
    """Return the template with resources replaced or added."""
    return Template(
        TEMPLATE.parameters,
        {
            **TEMPLATE.resources,
            **{name: Resource(name, *rest) for name, rest in resources.items()},
        },
        {},
        TEMPLATE.conditions,
    )


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        (changed(Topic=("AWS::SNS::Topic", {}, ())), "nothing creates a AWS::SNS::Topic"),
        (
            changed(Other=("AWS::SQS::Queue", {"QueueName": "x", "FifoQueue": True}, ())),
            "unknown properties",
        ),
        (
            changed(Other=("AWS::SQS::Queue", {"QueueName": {"Fn::If": ["a", "b", "c"]}}, ())),
            "no condition is called a",
        ),
        (
            changed(Other=("AWS::SQS::Queue", {"QueueName": {"Fn::Select": [0, ["a"]]}}, ())),
            "Fn::Select",
        ),
        (
            changed(Other=("AWS::SQS::Queue", {"QueueName": {"Ref": "Nothing"}}, ())),
            "nothing is called Nothing",
        ),
        (
            changed(Other=("AWS::SQS::Queue", {"QueueName": {"Ref": "Other"}}, ())),
            "circular reference: Other -> Other",
        ),
        (
            changed(
                Other=("AWS::SQS::Queue", {"QueueName": {"Fn::GetAtt": ["Table", "Stream"]}}, ())
            ),
            "Table has no attribute Stream",
        ),
    ],
)
def test_what_the_interpreter_does_not_understand_raises(
    world: World, template: Template, complaint: str
) -> None:
    with pytest.raises(TemplateError, match=complaint):
        provision(template, world.clients, PARAMETERS)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"BaseUri": "ftp://x"},
        {"BaseUri": "http://x/"},
        {"BaseUri": "http://x", "Strict": "maybe"},
        {"BaseUri": "http://x", "CorsOrigins": "https://a.example, https://b.example"},
        {"BaseUri": "http://x", "ReconcileDelaySeconds": 901},
        {"BaseUri": "http://x", "Unheard": "of"},
    ],
)
def test_parameters_are_checked_as_cloudformation_checks_them(parameters: dict[str, Any]) -> None:
    with pytest.raises(TemplateError):
        parameter_values(TEMPLATE, parameters)


def test_sub_join_and_split_are_evaluated() -> None:
    values = {("A", None): "1,2", ("B", "Arn"): "3"}

    result = evaluate(
        {
            "x": [
                {"Fn::Sub": "${A}-${B.Arn}-${!Literal}"},
                {"Fn::Join": ["/", [{"Ref": "A"}, "z"]]},
                {"Fn::Split": [",", {"Ref": "A"}]},
            ]
        },
        lambda name, attribute: values[name, attribute],
    )

    assert result == {"x": ["1,2-3-${Literal}", "1,2/z", ["1", "2"]]}


def test_functions_with_different_environments_cannot_share_a_process() -> None:
    with pytest.raises(TemplateError, match="BUCKET"):
        shared_environment(Provisioned({}, {"One": {"BUCKET": "a"}, "Two": {"BUCKET": "b"}}, {}))


# ---------------------------------------------------------------- conditions

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234"


def encryption_with(**parameters: str) -> dict[str, Any]:
    values = parameter_values(TEMPLATE, PARAMETERS | parameters)
    encryption = decide(TEMPLATE, values).resources["Bucket"].properties["BucketEncryption"]
    [rule] = encryption["ServerSideEncryptionConfiguration"]
    default: dict[str, Any] = rule["ServerSideEncryptionByDefault"]
    return default


def test_a_property_without_a_value_is_absent() -> None:
    assert encryption_with() == {"SSEAlgorithm": "AES256"}
    assert encryption_with(KmsKeyArn=KEY) == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": {"Ref": "KmsKeyArn"},
    }


@pytest.mark.parametrize(("domain", "is_there"), [("", False), ("pacs.example", True)])
def test_a_resource_whose_condition_is_false_is_not_there(domain: str, is_there: bool) -> None:
    values = parameter_values(TEMPLATE, PARAMETERS | {"DomainName": domain})

    assert ("ApiDomain" in decide(TEMPLATE, values).resources) is is_there


def test_another_intrinsic_in_a_condition_raises() -> None:
    strange = Template({}, {}, {}, {"Odd": {"Fn::Or": []}})

    with pytest.raises(TemplateError, match="Fn::Or"):
        decide(strange, {})
