"""Reads the resources template and evaluates its intrinsics.

Belongs here: the subset of CloudFormation's language that ``infra/template.yaml`` uses (Ref,
Fn::GetAtt, Fn::Sub, Fn::Join, Fn::Split, parameters). Must not be here: what a resource is or how
it is created. Anything outside the subset raises, so the template cannot say what the local stack
would silently leave out.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

TEMPLATE_PATH = Path(__file__).resolve().parent.parent / "template.yaml"

NUMBERED_PARAMETER = "Number"
FUNCTION_TYPE = "AWS::Serverless::Function"
API_TYPE = "AWS::Serverless::Api"

_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")
_TOP_LEVEL = {
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Outputs",
    "Parameters",
    "Resources",
}
_OF_A_RESOURCE = {
    "Condition",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "Properties",
    "Type",
    "UpdateReplacePolicy",
}

Lookup = Callable[[str, str | None], str]
"""Returns the value of ``Ref`` (attribute None) or ``Fn::GetAtt`` of a logical name."""


class TemplateError(Exception):
    """The template says something that this interpreter does not understand, or is wrong."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One entry of Resources, its intrinsics not yet evaluated."""

    logical_id: str
    type: str
    properties: dict[str, Any]
    depends_on: tuple[str, ...]
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A template as text has it."""

    parameters: dict[str, dict[str, Any]]
    resources: dict[str, Resource]
    outputs: dict[str, Any]
    conditions: dict[str, Any] = field(default_factory=dict)

    def of_type(self, resource_type: str) -> Iterator[Resource]:
        """Yield the resources of one type, in the template's order."""
        return (item for item in self.resources.values() if item.type == resource_type)

    def binary_media_types(self) -> tuple[str, ...]:
        """Return the media types whose bodies the gateway hands over base64-encoded."""
        return tuple(
            media_type
            for api in self.of_type(API_TYPE)
            for media_type in api.properties["BinaryMediaTypes"]
        )


def load_template(path: Path = TEMPLATE_PATH) -> Template:
    """Read a template file.

    Raises
    ------
    TemplateError
        When it has a section, or a resource a key, that this interpreter does not know.
    """
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    if unknown := set(document) - _TOP_LEVEL:
        raise TemplateError(f"unknown sections: {sorted(unknown)}")
    return Template(
        parameters=document.get("Parameters", {}),
        resources={
            name: _resource(name, entry) for name, entry in document.get("Resources", {}).items()
        },
        outputs={name: entry["Value"] for name, entry in document.get("Outputs", {}).items()},
        conditions=document.get("Conditions", {}),
    )


def _resource(logical_id: str, entry: Mapping[str, Any]) -> Resource:
    if unknown := set(entry) - _OF_A_RESOURCE:
        raise TemplateError(f"{logical_id}: unknown keys {sorted(unknown)}")
    depends_on = entry.get("DependsOn", [])
    return Resource(
        logical_id=logical_id,
        type=entry["Type"],
        properties=entry.get("Properties", {}),
        depends_on=(depends_on,) if isinstance(depends_on, str) else tuple(depends_on),
        condition=entry.get("Condition"),
    )


def parameter_values(template: Template, given: Mapping[str, str | int]) -> dict[str, str]:
    """Return every parameter's value as a string, checked as CloudFormation checks it.

    Raises
    ------
    TemplateError
        For a name the template does not declare, a missing value or one outside its constraints.
    """
    if unknown := set(given) - set(template.parameters):
        raise TemplateError(f"unknown parameters: {sorted(unknown)}")
    values = {}
    for name, declared in template.parameters.items():
        value = given.get(name, declared.get("Default"))
        if value is None:
            raise TemplateError(f"parameter {name} has no value")
        _check_parameter(name, str(value), declared)
        values[name] = str(value)
    return values


def _check_parameter(name: str, value: str, declared: Mapping[str, Any]) -> None:
    allowed = declared.get("AllowedValues")
    if allowed is not None and value not in map(str, allowed):
        raise TemplateError(f"parameter {name} must be one of {allowed}")
    pattern = declared.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, value):
        raise TemplateError(f"parameter {name} must match {pattern}")
    if declared["Type"] == NUMBERED_PARAMETER:
        low, high = declared.get("MinValue"), declared.get("MaxValue")
        if (low is not None and int(value) < low) or (high is not None and int(value) > high):
            raise TemplateError(f"parameter {name} must be between {low} and {high}")


def evaluate(value: Any, lookup: Lookup) -> Any:
    """Return the value with every intrinsic in it replaced.

    Raises
    ------
    TemplateError
        For an intrinsic outside the subset, or whatever the lookup raises.
    """
    if isinstance(value, list):
        return [evaluate(item, lookup) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (name, argument) = next(iter(value.items()))
        if name == "Ref":
            return lookup(argument, None)
        if isinstance(name, str) and name.startswith("Fn::"):
            return _intrinsic(name, argument, lookup)
    return {key: evaluate(item, lookup) for key, item in value.items()}


def _intrinsic(name: str, argument: Any, lookup: Lookup) -> str | list[str]:
    if name == "Fn::GetAtt":
        logical_id, attribute = argument
        return lookup(logical_id, attribute)
    if name == "Fn::Join":
        separator, parts = argument
        return str(separator).join(str(part) for part in evaluate(parts, lookup))
    if name == "Fn::Split":
        separator, text = argument
        return str(evaluate(text, lookup)).split(separator)
    if name == "Fn::Sub" and isinstance(argument, str):
        return _PLACEHOLDER.sub(lambda found: _placeholder(found, lookup), argument)
    raise TemplateError(f"{name} is not understood here")


def _placeholder(found: re.Match[str], lookup: Lookup) -> str:
    literal, reference = found.groups()
    if literal:
        return "${" + reference + "}"
    logical_id, _, attribute = reference.partition(".")
    return lookup(logical_id, attribute or None)
