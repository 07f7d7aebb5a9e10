"""Creates the template's resources through boto3, in the order their references ask for.

Belongs here: what creates each resource type, and the table of types that have no meaning on one
machine. A type in neither, or a property its creator does not know, raises: the local stack never
silently differs from what deployment creates.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.local import creators
from infra.local.clients import Clients
from infra.local.conditions import decide
from infra.local.template import (
    FUNCTION_TYPE,
    Resource,
    Template,
    TemplateError,
    evaluate,
    parameter_values,
)

CREATED: dict[str, Callable[[Clients, Resource, Mapping[str, Any]], creators.Created]] = {
    "AWS::S3::Bucket": creators.create_bucket,
    "AWS::S3::BucketPolicy": creators.create_bucket_policy,
    "AWS::DynamoDB::Table": creators.create_table,
    "AWS::Events::EventBus": creators.create_event_bus,
    "AWS::Events::Rule": creators.create_rule,
    "AWS::SQS::Queue": creators.create_queue,
    "AWS::SQS::QueuePolicy": creators.create_queue_policy,
}
"""What creates each type."""

SKIPPED: dict[str, str] = {
    "AWS::Serverless::Function": "the pumps and the front call the functions in this process",
    "AWS::Serverless::Api": "the front stands in for the gateway",
    "AWS::Logs::LogGroup": "the functions' output goes to a file; the stack makes the audit log",
    "AWS::KMS::Key": "nothing is encrypted here",
    "AWS::Lambda::Permission": "nobody checks permissions here",
    "AWS::ApiGateway::Account": "the front stands in for the gateway",
    "AWS::ApiGateway::DomainName": "the front stands in for the gateway",
    "AWS::ApiGateway::BasePathMapping": "the front stands in for the gateway",
    "AWS::IAM::Policy": "nobody checks permissions here",
    "AWS::IAM::Role": "nobody checks permissions here",
    "AWS::IAM::ManagedPolicy": "nobody checks permissions here",
}
"""Types that are not created on one machine, and why."""


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What was created: by logical id, each function's environment, and the outputs."""

    resources: dict[str, creators.Created] = field(default_factory=dict)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)


def provision(
    template: Template, clients: Clients, parameters: Mapping[str, str | int]
) -> Provisioned:
    """Create every resource of the template, or bring an existing one to what it says.

    Parameters
    ----------
    parameters
        Values of the template's parameters; those with a default may be left out.

    Raises
    ------
    TemplateError
        For a resource type, property or intrinsic that is not understood, and for circular
        references.
    """
    values = parameter_values(template, parameters)
    return _Provisioning(decide(template, values), clients, values).run()


class _Provisioning:
    def __init__(self, template: Template, clients: Clients, parameters: dict[str, str]) -> None:
        self._template = template
        self._clients = clients
        self._known = parameters | _pseudo_parameters(clients)
        self._created: dict[str, creators.Created] = {}
        self._in_progress: list[str] = []

    def run(self) -> Provisioned:
        for resource in self._template.resources.values():
            if resource.type not in SKIPPED:
                self._ensure(resource.logical_id)
        return Provisioned(
            resources=self._created,
            environments={
                function.logical_id: self._environment(function)
                for function in self._template.of_type(FUNCTION_TYPE)
            },
            outputs={
                name: str(evaluate(value, self._lookup))
                for name, value in self._template.outputs.items()
            },
        )

    def _environment(self, function: Resource) -> dict[str, str]:
        variables = function.properties.get("Environment", {}).get("Variables", {})
        return {name: str(value) for name, value in evaluate(variables, self._lookup).items()}

    def _ensure(self, logical_id: str) -> creators.Created:
        if logical_id in self._created:
            return self._created[logical_id]
        if logical_id in self._in_progress:
            path = " -> ".join([*self._in_progress, logical_id])
            raise TemplateError(f"circular reference: {path}")
        self._in_progress.append(logical_id)
        resource = self._template.resources[logical_id]
        for needed in resource.depends_on:
            self._ensure(needed)
        self._created[logical_id] = self._create(resource)
        self._in_progress.pop()
        return self._created[logical_id]

    def _create(self, resource: Resource) -> creators.Created:
        create = CREATED.get(resource.type)
        if create is None:
            raise TemplateError(f"{resource.logical_id}: nothing creates a {resource.type} here")
        return create(self._clients, resource, evaluate(resource.properties, self._lookup))

    def _lookup(self, name: str, attribute: str | None) -> str:
        if attribute is None and name in self._known:
            return self._known[name]
        if name not in self._template.resources:
            raise TemplateError(f"nothing is called {name}")
        created = self._ensure(name)
        if attribute is None:
            return created.ref
        if attribute not in created.attributes:
            raise TemplateError(f"{name} has no attribute {attribute} here")
        return created.attributes[attribute]


def _pseudo_parameters(clients: Clients) -> dict[str, str]:
    return {
        "AWS::AccountId": clients.account,
        "AWS::Partition": "aws",
        "AWS::Region": clients.region,
        "AWS::StackName": "stowage",
        "AWS::URLSuffix": "amazonaws.com",
    }
