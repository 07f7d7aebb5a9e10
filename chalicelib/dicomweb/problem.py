"""Answers that carry no Store Instances Response Module: Problem Details (RFC 9457)."""

import json
from http import HTTPStatus
from typing import Any

from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.messages import HttpResponse
from chalicelib.dicomweb.sessions import RELATION

CONTENT_TYPE = "application/problem+json"


def problem_response(error: RequestError, request_id: str, sessions: str = "") -> HttpResponse:
    """Return the response of a refused request (PS3.18 8.6.3: a Status Report).

    ``sessions`` is the URL at which larger bodies are taken, "" where there is none.
    """
    problem: dict[str, Any] = {
        "title": HTTPStatus(error.status).phrase,
        "status": int(error.status),
        "detail": error.detail,
        "retryable": error.retryable,
        "request_id": request_id,
    }
    if error.part is not None:
        problem["part"] = error.part
    if error.limit is not None:
        problem["limit"] = {"name": error.limit[0], "value": error.limit[1]}
    headers = (("Content-Type", CONTENT_TYPE), *error.headers.items())
    if sessions:
        problem["sessions"] = sessions
        headers = (*headers, ("Link", f'<{sessions}>; rel="{RELATION}"'))
    return HttpResponse(int(error.status), headers, json.dumps(problem))
