"""Grants as the policies that API Gateway's Lambda authorizers return, and how they refuse.

See AWS's "Output from an API Gateway Lambda authorizer". The policy is kept for the authorizer's
time to live and answers every request with the same token, so it names all routes of the grant.
"""

from typing import Any

from chalicelib.origin.authorize import Grant, permissions


class Unauthorized(Exception):  # noqa: N818 - the gateway's word
    """The gateway answers 401 to this very text, and to any other with a failure of its own."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def to_policy(grant: Grant, method_arn: str) -> dict[str, Any]:
    """Return the authorizer's answer.

    Parameters
    ----------
    grant : Grant
    method_arn : str
        ``arn:aws:execute-api:{region}:{account}:{api}/{stage}/{method}/{path}`` of the request;
        only API and stage of it count.
    """
    api, stage = method_arn.split("/")[:2]
    base = f"{api}/{stage}"
    resources = [f"{base}/{method}{path}" for method, path in permissions(grant)]
    return {
        "principalId": grant.subject,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [_statement("Allow", resources) if resources else _deny_all(base)],
        },
        "context": {},
    }


def _deny_all(base: str) -> dict[str, object]:
    """A policy must say something: who may do nothing is denied all of this stage."""
    return _statement("Deny", [f"{base}/*"])


def _statement(effect: str, resources: list[str]) -> dict[str, object]:
    return {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resources}
