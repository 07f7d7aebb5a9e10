"""What API Gateway answers by itself: the template's words, or AWS's own.

Belongs here: the types of answers and how a template's text becomes a body. Must not be here:
which request gets which answer (``gateway.py``).

See AWS's "Gateway response types" and "Set up gateway responses".
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.local.gateway_event import GatewayAnswer
from infra.local.template import API_TYPE, Template, TemplateError, evaluate

RESPONSES_KEY = "x-amazon-apigateway-gateway-responses"

AWS_DEFAULTS: dict[str, tuple[int, str]] = {
    "UNAUTHORIZED": (401, "Unauthorized"),
    "ACCESS_DENIED": (403, "User is not authorized to access this resource"),
    "MISSING_AUTHENTICATION_TOKEN": (403, "Missing Authentication Token"),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, "Internal server error"),
    "REQUEST_TOO_LARGE": (413, "Request Too Long"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "Unsupported Media Type"),
    "THROTTLED": (429, "Too Many Requests"),
    "INTEGRATION_TIMEOUT": (504, "Endpoint request timed out"),
    "DEFAULT_5XX": (502, "Internal server error"),
}
"""Status and message of each answer that this gateway gives, as AWS words it."""

_VARIABLE = re.compile(r"\$context\.([A-Za-z.]+)")
_HEADER = "gatewayresponse.header."


@dataclass(frozen=True, slots=True)
class GatewayResponses:
    """The gateway's answers. ``declared`` are a template's, by type."""

    declared: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def answer(self, response_type: str, request_id: str, limit: int = 0) -> GatewayAnswer:
        """Return an answer.

        Parameters
        ----------
        response_type
            One of AWS_DEFAULTS.
        request_id
            Of the request that is answered.
        limit
            Bytes that were exceeded, which AWS's own 413 of a function names.
        """
        status, message = AWS_DEFAULTS[response_type]
        declared = self.declared.get(response_type)
        if declared is None:
            text = f"{message}: more than {limit} bytes" if limit else message
            return _answer(status, (), json.dumps({"message": text}))
        context = {"requestId": request_id, "error.responseType": response_type}
        return _answer(
            int(declared.get("statusCode", status)),
            tuple(
                (name.removeprefix(_HEADER), _parameter(value, context))
                for name, value in declared.get("responseParameters", {}).items()
            ),
            _render(declared["responseTemplates"]["application/json"], context),
        )


def _answer(status: int, headers: tuple[tuple[str, str], ...], body: str) -> GatewayAnswer:
    return GatewayAnswer(status, (("Content-Type", "application/json"), *headers), body.encode())


def _parameter(value: str, context: Mapping[str, str]) -> str:
    """Return a header's value: a literal in quotes, or a variable of the context."""
    if value.startswith("'") and value.endswith("'"):
        return value[1:-1]
    return _render(f"${value}", context)


def _render(text: str, context: Mapping[str, str]) -> str:
    def value_of(found: re.Match[str]) -> str:
        if found[1] not in context:
            raise TemplateError(f"a gateway response names $context.{found[1]}, unknown here")
        return context[found[1]]

    return _VARIABLE.sub(value_of, text)


def load_responses(template: Template, parameters: Mapping[str, str]) -> GatewayResponses:
    """Return the answers that a template declares, with its parameters' values in them.

    Raises
    ------
    TemplateError
        When they refer to something else than a parameter: API Gateway gets them before there is
        anything else.
    """
    [api] = template.of_type(API_TYPE)

    def value_of(name: str, attribute: str | None) -> str:
        if attribute is not None or name not in parameters:
            raise TemplateError(f"a gateway response refers to {name}, which is no parameter")
        return parameters[name]

    return GatewayResponses(
        evaluate(api.properties["DefinitionBody"].get(RESPONSES_KEY, {}), value_of)
    )
