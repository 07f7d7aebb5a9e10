"""The whole product on one machine: a stand-in for AWS, its resources, the front and the pumps.

Belongs here: the order in which these start and stop. What they do is theirs.
"""

import contextlib
import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infra.local.authorizer import GatewayAuthorizer
from infra.local.aws import aws_services, environment_variables, region
from infra.local.clients import Clients, make_clients
from infra.local.connection import FrontLimits
from infra.local.front import Front, listen, url_of
from infra.local.functions import LocalFunction, make_thread_safe
from infra.local.gateway import Gateway, GatewaySettings, Gzip
from infra.local.gateway_event import RouteTable
from infra.local.gateway_responses import load_responses
from infra.local.issuer import LocalIssuer
from infra.local.provision import Provisioned, provision
from infra.local.pumps import Pumps, make_pumps
from infra.local.template import Template, TemplateError, load_template, parameter_values

CONFIG_PATH = Path(__file__).resolve().parent.parent.parent / ".chalice" / "config.json"
API_FUNCTION = "api_handler"
_API_THREADS = 32
_COLD = ("app", "chalicelib.bootstrap")
"""Modules that keep what they read from the environment: a new stack loads them afresh."""


class LocalStack:
    """A running stack; a context manager.

    With AWS_ENDPOINT_URL in the environment its resources live there; else in this process, in
    memory, and :attr:`endpoint_url` lets other processes look at them.

    Parameters
    ----------
    port
        The front's; 0 takes any free one.
    parameters
        Of the template, beyond BaseUri and StagingEndpoint.
    are_pumps_started
        False leaves the queues alone until :meth:`drain` is called.
    retry_after
        Seconds until a failed message comes back; None waits as long as in AWS.
    app
        The Chalice application; by default the product's, imported once the environment is set.
    issuer
        Whose tokens let in, as in AWS; None lets everybody in.

    Raises
    ------
    OSError
        On entry, when the port is taken.
    """

    def __init__(
        self,
        port: int = 0,
        parameters: Mapping[str, str | int] | None = None,
        *,
        are_pumps_started: bool = True,
        retry_after: int | None = None,
        gzip: Gzip = Gzip.PASSTHROUGH,
        limits: FrontLimits | None = None,
        app: Any = None,
        issuer: LocalIssuer | None = None,
    ) -> None:
        self._issuer = issuer
        self._port = port
        self._parameters = dict(parameters or {})
        self._are_pumps_started = are_pumps_started
        self._retry_after = retry_after
        self._gzip = gzip
        self._limits = limits
        self._app = app
        self._cleanup = contextlib.ExitStack()
        self.template: Template = load_template()

    url: str
    """The base URI, without a final slash."""
    endpoint_url: str
    """Where the AWS services answer."""
    clients: Clients
    provisioned: Provisioned
    environment: dict[str, str]
    """What the functions' settings are read from."""
    pumps: Pumps

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as cleanup:
            self._start(cleanup)
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cleanup.close()

    def _start(self, cleanup: contextlib.ExitStack) -> None:
        listener = cleanup.enter_context(contextlib.closing(listen(self._port)))
        self.url = url_of(listener)
        self.endpoint_url = cleanup.enter_context(aws_services())
        self.clients = make_clients(region())
        self.provisioned = self.create_resources()
        self.environment = shared_environment(self.provisioned)
        cleanup.enter_context(environment_variables(self.environment))
        app = self._app or _import_app()
        make_thread_safe(app)
        functions = _Functions(app)
        cleanup.callback(functions.close)
        self.pumps = make_pumps(app, self.clients, functions.find, self._retry_after)
        cleanup.callback(self.pumps.stop)
        if self._are_pumps_started:
            self.pumps.start()
        cleanup.enter_context(Front(self._make_gateway(app, functions), listener, self._limits))

    def _make_gateway(self, app: Any, functions: "_Functions") -> Gateway:
        return Gateway(
            RouteTable({resource: methods.keys() for resource, methods in app.routes.items()}),
            functions.api(),
            GatewaySettings(frozenset(self.template.binary_media_types()), gzip=self._gzip),
            responses=load_responses(
                self.template, parameter_values(self.template, self._values())
            ),
            authorizer=GatewayAuthorizer(app, functions.find) if self._issuer else None,
        )

    def create_resources(self) -> Provisioned:
        """Create the template's resources, or bring existing ones to what it says."""
        provisioned = provision(self.template, self.clients, self._values())
        create_log_group_once(self.clients.logs, provisioned.outputs["AuditLogName"])
        return provisioned

    def _values(self) -> dict[str, str | int]:
        """Return the values of the template's parameters that differ from their defaults."""
        here = {"BaseUri": self.url, "StagingEndpoint": self.endpoint_url}
        issuer = self._issuer.parameters() if self._issuer else {}
        return {**here, **issuer, **self._parameters}

    # ------------------------------------------------------------------ for who looks inside

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.provisioned.outputs["BucketName"]

    @property
    def staging_bucket(self) -> str:
        """The name of the bucket where bodies of sessions wait."""
        return self.provisioned.outputs["StagingBucketName"]

    @property
    def audit_log(self) -> str:
        """The log group of audit messages."""
        return self.provisioned.outputs["AuditLogName"]

    @property
    def table(self) -> str:
        """The table's name."""
        return self.provisioned.outputs["TableName"]

    @property
    def event_bus(self) -> str:
        """The event bus's name."""
        return self.provisioned.outputs["EventBusName"]

    def drain(self, timeout: float = 10.0) -> None:
        """Let the functions consume what is in their queues; see :meth:`Pumps.drain`."""
        self.pumps.drain(timeout)

    def queue_url(self, logical_id: str) -> str:
        """Return the URL of a queue by its name in the template, such as ``ValidateQueue``."""
        return self.provisioned.resources[logical_id].ref

    def take_messages(self, logical_id: str) -> list[Any]:
        """Take all visible messages from a queue by its name in the template; return their bodies.

        ``take_messages("ValidateDeadLetters")`` tells what validation gave up on.
        """
        url, bodies = self.queue_url(logical_id), []
        while messages := self.clients.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10
        ).get("Messages"):
            for message in messages:
                bodies.append(json.loads(message["Body"]))
                self.clients.sqs.delete_message(
                    QueueUrl=url, ReceiptHandle=message["ReceiptHandle"]
                )
        return bodies

    def set_reconcile_delay(self, seconds: int) -> None:
        """Let reconcile see objects that are stored from now on after another delay."""
        self.clients.sqs.set_queue_attributes(
            QueueUrl=self.queue_url("ReconcileQueue"), Attributes={"DelaySeconds": str(seconds)}
        )


class _Functions:
    """The application's functions, each with the timeout and memory that deployment gives it."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._config = json.loads(CONFIG_PATH.read_text(encoding="utf-8"))
        self._made: list[LocalFunction] = []

    def api(self) -> LocalFunction:
        return self._make(self._app, API_FUNCTION, threads=_API_THREADS)

    def find(self, name: str) -> LocalFunction:
        return self._make(self._app.handler_map[name], name)

    def _make(self, handler: Any, name: str, threads: int = 0) -> LocalFunction:
        config = {**self._config, **self._config["lambda_functions"].get(name, {})}
        function = LocalFunction(
            handler, name, config["lambda_timeout"], config["lambda_memory_size"], threads
        )
        self._made.append(function)
        return function

    def close(self) -> None:
        for function in self._made:
            function.close()


def create_log_group_once(logs: Any, name: str) -> None:
    """Create a log group unless it is there."""
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=name)


def _import_app() -> Any:
    """Import the product's application as a cold start does: nothing kept from another stack."""
    for name in _COLD:
        sys.modules.pop(name, None)
    return importlib.import_module("app").app


def shared_environment(provisioned: Provisioned) -> dict[str, str]:
    """Return the environment of all functions, which share one process here.

    Raises
    ------
    TemplateError
        When two functions give one variable different values.
    """
    shared: dict[str, str] = {}
    for function, variables in provisioned.environments.items():
        for name, value in variables.items():
            if shared.setdefault(name, value) != value:
                raise TemplateError(f"{function}: {name} differs from another function's")
    return shared
