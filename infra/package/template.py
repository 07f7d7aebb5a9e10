"""The template that Chalice generates, made ready to deploy.

Belongs here: what only packaging decides (architecture, who is let in) and what Chalice leaves
undone. Must not be here: resources (``infra/template.yaml``).
"""

import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import yaml

from infra.package.alarms import add_alarms

FUNCTION = "AWS::Serverless::Function"
API = "AWS::Serverless::Api"
AUTHORIZERS = ("jwt", "iam", "none")
_IAM = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "x-amazon-apigateway-authtype": "awsSigv4",
}
_SECURED = frozenset({"delete", "get", "head", "patch", "post", "put"})

Document = dict[str, Any]


def generate(source: Path, staging: Path) -> Document:
    """Let Chalice write the template of a project, our own merged over it.

    The project is staged without its requirements, which Chalice would look for one by one.
    """
    for name in ("chalicelib", ".chalice"):
        copytree(source / name, staging / name, ignore=ignore_patterns("__pycache__", "deploy*"))
    (staging / "app.py").write_bytes((source / "app.py").read_bytes())
    (staging / "requirements.txt").touch()
    merge = source / "infra" / "template.yaml"
    command = [sys.executable, "-c", "import sys; from chalice.cli import main; sys.exit(main())"]
    ran = subprocess.run(
        [*command, "package", "--merge-template", str(merge), "build"],
        cwd=staging,
        env={"AWS_DEFAULT_REGION": "us-east-1", **os.environ},  # nothing written depends on it
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise RuntimeError(ran.stderr or ran.stdout)
    document: Document = yaml.safe_load((staging / "build" / "sam.yaml").read_text("utf-8"))
    return document


def complete(document: Document, *, architecture: str, authorizer: str) -> Document:
    """Return the template with what packaging decides.

    Parameters
    ----------
    document
        As Chalice and ``infra/template.yaml`` say; is changed.
    architecture
        ``x86_64`` or ``arm64``, of all functions.
    authorizer
        ``jwt`` keeps the application's own, ``iam`` asks for AWS signatures instead, ``none``
        lets anyone in.
    """
    for resource in document["Resources"].values():
        if resource["Type"] == FUNCTION:
            resource["Properties"]["Architectures"] = [architecture]
        elif resource["Type"] == API and authorizer != "jwt":
            _replace_security(resource["Properties"]["DefinitionBody"], authorizer)
    add_alarms(document)
    return document


def _replace_security(definition: Document, authorizer: str) -> None:
    definition.pop("securityDefinitions", None)
    if authorizer == "iam":
        definition["securityDefinitions"] = {"sigv4": _IAM}
    for path in definition["paths"].values():
        for method, operation in path.items():
            if isinstance(operation, dict):
                operation.pop("security", None)
                if authorizer == "iam" and method.lower() in _SECURED:
                    operation["security"] = [{"sigv4": []}]


class _Plain(yaml.SafeDumper):
    """Writes out what occurs twice: not every reader of templates knows anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def encode(document: Document) -> str:
    """Return the template as YAML without anchors."""
    return yaml.dump(document, Dumper=_Plain, sort_keys=True, width=100)
