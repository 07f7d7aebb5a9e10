"""The template, the application, the functions' configuration and their policies agree."""

import json
from typing import Any

import botocore.session
import cfnlint.api
import pytest
import yaml
from chalice.app import Chalice
from chalice.awsclient import TypedAWSClient
from chalice.config import Config
from chalice.deploy import deployer
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.swagger import CFNSwaggerGenerator
from chalice.package import PackageOptions, SAMTemplateGenerator, TemplateDeepMerger
from chalice.utils import OSUtils

from infra.local.gateway_responses import RESPONSES_KEY
from infra.local.stack import CONFIG_PATH
from infra.local.template import (
    FUNCTION_TYPE,
    TEMPLATE_PATH,
    Resource,
    evaluate,
    load_template,
)
from infra.package.template import complete

TEMPLATE = load_template()
CONFIG = json.loads(CONFIG_PATH.read_text(encoding="utf-8"))
FUNCTIONS = list(CONFIG["lambda_functions"])


@pytest.fixture(scope="module")
def app() -> Chalice:
    import app as module

    return module.app


def logical_id_of(function: str) -> str:
    """Return what Chalice calls a function in the template it generates."""
    return "APIHandler" if function == "api_handler" else function.title().replace("_", "")


def test_each_queue_that_triggers_a_function_is_in_the_template(app: Chalice) -> None:
    for source in app.event_sources:
        [event] = TEMPLATE.resources[logical_id_of(source.name)].properties["Events"].values()
        [queue] = [
            item.logical_id
            for item in TEMPLATE.of_type("AWS::SQS::Queue")
            if item.properties["QueueName"]["Fn::Sub"].replace("${Name}", "stowage") == source.queue
        ]
        assert event["Properties"]["Queue"] == {"Fn::Sub": f"${{{queue}.Arn}}"}
        assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_application_has_exactly_the_functions_that_are_configured(app: Chalice) -> None:
    triggered = {source.name for source in [*app.event_sources, *app.builtin_auth_handlers]}
    assert {"api_handler"} | triggered == set(FUNCTIONS)
    assert {logical_id_of(function) for function in FUNCTIONS} == {
        item.logical_id for item in TEMPLATE.of_type(FUNCTION_TYPE)
    }


@pytest.mark.parametrize("function", sorted({*FUNCTIONS} - {"authorize"}))
def test_each_function_has_the_settings(function: str) -> None:
    variables = TEMPLATE.resources[logical_id_of(function)].properties["Environment"]["Variables"]

    assert (
        variables.items()
        >= {
            "BUCKET": {"Ref": "Bucket"},
            "TABLE": {"Ref": "Table"},
            "EVENT_BUS": {"Ref": "EventBus"},
            "BASE_URI": {"Ref": "BaseUri"},
            "STRICT": {"Ref": "Strict"},
            "EXPLAIN": {"Ref": "Explain"},
            "CORS_ORIGINS": {"Ref": "CorsOrigins"},
        }.items()
    )


def test_sessions_are_staged_where_both_of_their_functions_look() -> None:
    api, ingest = (
        TEMPLATE.resources[name].properties["Environment"]["Variables"]
        for name in ("APIHandler", "IngestSessions")
    )

    shared = {"STAGING_BUCKET": {"Ref": "StagingBucket"}, "INGEST_QUEUE": {"Ref": "IngestQueue"}}
    assert api.items() >= shared.items()
    assert ingest.items() >= shared.items()
    assert api["STAGING_ENDPOINT"] == {"Ref": "StagingEndpoint"}
    assert TEMPLATE.parameters["StagingEndpoint"]["Default"] == ""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_functions_log_is_kept_as_long_as_the_deployment_says(function: str) -> None:
    name = "".join(word.capitalize() for word in function.split("_"))

    group = TEMPLATE.resources[f"{name}LogGroup"].properties
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_the_authorizer_knows_whose_tokens_to_trust_and_nothing_else() -> None:
    variables = TEMPLATE.resources["Authorize"].properties["Environment"]["Variables"]

    assert all(name.startswith("JWT_") for name in variables)
    assert {"JWT_ISSUER", "JWT_AUDIENCE", "JWT_JWKS_URL"} <= set(variables)


def test_every_route_but_a_preflights_is_guarded(app: Chalice) -> None:
    guards = {
        (path, method): entry.authorizer
        for path, methods in app.routes.items()
        for method, entry in methods.items()
    }

    assert {method for (_, method), guard in guards.items() if guard is None} == {"OPTIONS"}
    assert {guard.name for guard in guards.values() if guard} == {"authorize"}
    assert len(guards) == 7 * len(app.routes)


SIX_TIMES = {
    "ValidateQueue": "validate_instances",
    "IndexQueue": "index_instances",
    "ReconcileQueue": "reconcile_objects",
    "AuditQueue": "audit_instances",
    "ForwardQueue": "forward_instances",
}
"""Queues whose batches Lambda may hold back for long, and who drains them."""


@pytest.mark.parametrize(("queue", "function"), SIX_TIMES.items())
def test_a_batch_stays_invisible_for_six_times_the_functions_timeout(
    queue: str, function: str
) -> None:
    timeout = CONFIG["lambda_functions"][function]["lambda_timeout"]

    assert TEMPLATE.resources[queue].properties["VisibilityTimeout"] >= 6 * timeout


def test_a_session_comes_back_as_soon_as_its_worker_must_have_ended() -> None:
    """Six times would be for batches whose redelivery harms; a lease makes a session's harmless."""
    timeout = CONFIG["lambda_functions"]["ingest_sessions"]["lambda_timeout"]
    [event] = TEMPLATE.resources["IngestSessions"].properties["Events"].values()

    assert event["Properties"]["Queue"] == {"Fn::Sub": "${IngestQueue.Arn}"}
    visibility = TEMPLATE.resources["IngestQueue"].properties["VisibilityTimeout"]
    assert timeout < visibility < 1.1 * timeout


def test_every_queues_visibility_has_its_reason() -> None:
    mapped = {
        item.logical_id
        for item in TEMPLATE.of_type("AWS::SQS::Queue")
        if "RedrivePolicy" in item.properties
    }

    assert mapped == {*SIX_TIMES, "IngestQueue"}


def test_the_api_function_ends_with_the_gateways_patience() -> None:
    assert CONFIG["lambda_functions"]["api_handler"]["lambda_timeout"] == 29


def test_both_lists_of_binary_media_types_say_the_same() -> None:
    api = TEMPLATE.resources["RestAPI"].properties

    assert api["DefinitionBody"]["x-amazon-apigateway-binary-media-types"] == list(
        TEMPLATE.binary_media_types()
    )


# ---------------------------------------------------------------- least privilege


def statements(function: str) -> list[dict[str, Any]]:
    file = CONFIG["lambda_functions"][function]["iam_policy_file"]
    document = json.loads((CONFIG_PATH.parent / file).read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = document["Statement"]
    return found


ACCOUNT = "${AWS::Region}:${AWS::AccountId}"
WILDCARDS = {
    "${Bucket.Arn}/*": "keys are made of UIDs that nobody knows beforehand",
    "${StagingBucket.Arn}/*": "keys are made of sessions' identifiers, drawn by chance",
    f"arn:${{AWS::Partition}}:secretsmanager:{ACCOUNT}:secret:${{Name}}/forward/*": (
        "destinations' secrets are made by operators, and end in letters of AWS's choice"
    ),
    f"arn:${{AWS::Partition}}:ssm:{ACCOUNT}:parameter/${{Name}}/forward/*": (
        "destinations' parameters are made by operators"
    ),
} | {
    f"arn:${{AWS::Partition}}:logs:{ACCOUNT}:log-group:"
    f"/aws/lambda/${{AWS::StackName}}-{logical_id_of(function)}-*:*": (
        "CloudFormation chooses the end of the function's name; to name the function itself here "
        "would be circular. The last one stands for log streams, which Lambda names"
    )
    for function in FUNCTIONS
}
"""Every resource with a wildcard that a policy may name, and why."""


def resources_of(statement: dict[str, Any]) -> list[dict[str, Any]]:
    named = statement["Resource"]
    return named if isinstance(named, list) else [named]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_policy_names_its_actions_and_resources(function: str) -> None:
    assert CONFIG["autogen_policy"] is False
    for statement in statements(function):
        assert set(statement) == {"Sid", "Effect", "Action", "Resource"}
        assert not any("*" in action for action in statement["Action"])
        for resource in resources_of(statement):
            [(intrinsic, argument)] = resource.items()
            if intrinsic == "Fn::GetAtt":
                assert argument[0] in TEMPLATE.resources
            else:
                assert intrinsic == "Fn::Sub"
                assert "*" not in argument or argument in WILDCARDS


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_writes_no_other_functions_log(function: str) -> None:
    logs = [
        resource["Fn::Sub"]
        for statement in statements(function)
        for resource in resources_of(statement)
        if "/aws/lambda/" in resource.get("Fn::Sub", "")
    ]

    assert [f"-{logical_id_of(function)}-" in one for one in logs] == [True]


@pytest.mark.parametrize(
    "resource", [*TEMPLATE.of_type("AWS::IAM::Policy")], ids=lambda item: item.logical_id
)
def test_a_policy_of_the_template_has_no_wildcard(resource: Resource) -> None:
    assert "*" not in json.dumps(resource.properties["PolicyDocument"])


def test_only_forwarding_reads_secrets() -> None:
    readers = {
        function
        for function in FUNCTIONS
        for statement in statements(function)
        if {"secretsmanager:GetSecretValue", "ssm:GetParameter"}.intersection(statement["Action"])
    }

    assert readers == {"forward_instances"}


def who_may(action: str) -> set[tuple[str, str]]:
    """Return functions that may call an operation of S3, and on which objects."""
    return {
        (function, resource.get("Fn::Sub", ""))
        for function in FUNCTIONS
        for statement in statements(function)
        for resource in resources_of(statement)
        if action in statement["Action"]
    }


def test_only_the_two_doors_put_objects_and_nobody_deletes_an_instance() -> None:
    doors = ("api_handler", "ingest_sessions")
    buckets = ("${Bucket.Arn}/*", "${StagingBucket.Arn}/*")
    actions = {
        action
        for function in FUNCTIONS
        for statement in statements(function)
        for action in statement["Action"]
    }

    assert who_may("s3:PutObject") == {(door, bucket) for door in doors for bucket in buckets}
    assert who_may("s3:DeleteObject") == {("ingest_sessions", "${StagingBucket.Arn}/*")}
    assert {action for action in actions if "Delete" in action} == {
        "s3:DeleteObject",
        "sqs:DeleteMessage",
    }


def test_only_the_two_doors_reach_what_is_staged() -> None:
    readers = {name for name, objects in who_may("s3:GetObject") if "Staging" in objects}

    assert readers == {"api_handler", "ingest_sessions"}


# ---------------------------------------------------------------- as deployment will see it


class NoPackage(deployer.BaseDeployStep):
    """Stands where Chalice builds the zip."""

    def handle_deploymentpackage(self, config: Config, resource: Any) -> None:
        resource.filename = "./deployment.zip"


@pytest.fixture(scope="module")
def merged(app: Chalice) -> dict[str, Any]:
    """What ``make package`` writes."""
    config = Config(
        chalice_stage="dev",
        config_from_disk=CONFIG,
        default_params={"project_dir": str(CONFIG_PATH.parent.parent)},
        user_provided_params={"chalice_app": app},
    )
    graph = ApplicationGraphBuilder().build(config, "dev")
    steps = [
        deployer.InjectDefaults(),
        NoPackage(),
        deployer.PolicyGenerator(policy_gen=None, osutils=OSUtils()),
        deployer.SwaggerBuilder(CFNSwaggerGenerator()),
    ]
    deployer.BuildStage(steps).execute(config, DependencyBuilder().build_dependencies(graph))
    session = botocore.session.Session()
    session.set_config_variable("region", "us-east-1")
    options = PackageOptions(TypedAWSClient(session))
    generated = SAMTemplateGenerator(config, options).generate(
        DependencyBuilder().build_dependencies(graph)
    )
    ours = yaml.safe_load(TEMPLATE_PATH.read_text(encoding="utf-8"))
    document = TemplateDeepMerger().merge(ours, generated)
    return complete(document, architecture="x86_64", authorizer="jwt")


def test_the_merged_template_has_no_fault(merged: dict[str, Any]) -> None:
    faults = cfnlint.api.lint(json.dumps(merged), regions=["us-east-1"])

    assert [(fault.rule.id, fault.message) for fault in faults] == []


def test_the_merged_template_has_no_resource_that_only_one_side_completes(
    merged: dict[str, Any],
) -> None:
    """A logical id of ours that Chalice does not know would deploy a function without code."""
    for function in FUNCTIONS:
        properties = merged["Resources"][logical_id_of(function)]["Properties"]
        assert properties["CodeUri"] == "./deployment.zip"
        assert properties["Environment"]["Variables"]
        assert properties["Timeout"] == CONFIG["lambda_functions"][function]["lambda_timeout"]
    for source in (
        "ValidateInstances",
        "IndexInstances",
        "ReconcileObjects",
        "AuditInstances",
        "ForwardInstances",
        "IngestSessions",
    ):
        [event] = merged["Resources"][source]["Properties"]["Events"].values()
        assert event["Properties"]["BatchSize"] >= 1


def test_the_merged_api_has_our_binary_media_types(merged: dict[str, Any]) -> None:
    api = merged["Resources"]["RestAPI"]["Properties"]

    assert api["DefinitionBody"]["x-amazon-apigateway-binary-media-types"] == list(
        TEMPLATE.binary_media_types()
    )
    assert api["EndpointConfiguration"] == "REGIONAL"


def test_the_merged_api_asks_the_authorizer_on_every_method_but_options(
    merged: dict[str, Any],
) -> None:
    definition = merged["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]

    secured = {
        method: bool(operation.get("security"))
        for operations in definition["paths"].values()
        for method, operation in operations.items()
    }
    assert secured.pop("options") is False
    assert set(secured.values()) == {True}
    [authorizer] = definition["securityDefinitions"].values()
    assert authorizer["x-amazon-apigateway-authorizer"]["authorizerResultTtlInSeconds"] == 60


def test_the_merged_api_answers_by_itself_in_json(merged: dict[str, Any]) -> None:
    responses = merged["Resources"]["RestAPI"]["Properties"]["DefinitionBody"][RESPONSES_KEY]

    for response_type, response in responses.items():
        # What CloudFormation does; API Gateway's own variables have no braces, and stay.
        filled = evaluate(response, lambda name, _: {"BaseUri": "https://pacs.example"}[name])
        body = json.loads(filled["responseTemplates"]["application/json"])
        assert {"title", "detail", "retryable", "request_id"} <= set(body)
        assert str(body.get("status", "")) == response.get("statusCode", ""), response_type
        assert ("gatewayresponse.header.Retry-After" in response["responseParameters"]) <= body[
            "retryable"
        ]
