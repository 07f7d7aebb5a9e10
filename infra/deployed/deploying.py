"""Deploys a package by CloudFormation change set, as ``aws cloudformation deploy`` does."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from infra.deployed.emulator import Emulator
from infra.package.template import encode

STACK = "stowage"
ARTIFACTS = "stowage-artifacts"
_WAIT = {"Delay": 1, "MaxAttempts": 90}


class DeploymentError(Exception):
    """CloudFormation did not do it, and says why."""


def upload(emulator: Emulator, template: Path, archive: Path) -> str:
    """Put zip and template where CloudFormation reads them; return the template's URL."""
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=ARTIFACTS)
    code = f"{sha256(archive.read_bytes()).hexdigest()}.zip"
    s3.upload_file(str(archive), ARTIFACTS, code)
    document = yaml.safe_load(template.read_text(encoding="utf-8"))
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://{ARTIFACTS}/{code}"
    text = encode(document).encode()
    key = f"{sha256(text).hexdigest()}.yaml"
    s3.put_object(Bucket=ARTIFACTS, Key=key, Body=text)
    return f"{emulator.url}/{ARTIFACTS}/{key}"


def deploy(emulator: Emulator, template_url: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Create the stack, or update it in place; return its outputs."""
    cloudformation = emulator.client("cloudformation")
    is_new = not _stacks(cloudformation)
    change_set = "create" if is_new else "update"
    cloudformation.create_change_set(
        StackName=STACK,
        ChangeSetName=change_set,
        ChangeSetType=change_set.upper(),
        TemplateURL=template_url,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ],
    )
    named = {"StackName": STACK, "ChangeSetName": change_set}
    cloudformation.get_waiter("change_set_create_complete").wait(**named, WaiterConfig=_WAIT)
    cloudformation.execute_change_set(**named)
    try:
        cloudformation.get_waiter(f"stack_{change_set}_complete").wait(
            StackName=STACK, WaiterConfig=_WAIT
        )
    except Exception as error:
        raise DeploymentError("; ".join(_failures(cloudformation))) from error
    [stack] = _stacks(cloudformation)
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _stacks(cloudformation: Any) -> list[dict[str, Any]]:
    stacks: list[dict[str, Any]] = cloudformation.describe_stacks()["Stacks"]
    return [stack for stack in stacks if stack["StackName"] == STACK]


def _failures(cloudformation: Any) -> list[str]:
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    return [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
        for event in events
        if event["ResourceStatus"].endswith("FAILED")
    ]
