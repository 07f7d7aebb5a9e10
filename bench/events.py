"""Store requests as API Gateway hands them to Lambda: REST v1 proxy events with base64 bodies."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass

BOUNDARY = "0f3cf5c0-70e0-41ef-baef-c6f9f65ec3e1"
CONTENT_TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
_HEADERS = {
    "Accept": "application/dicom+json",
    "Content-Type": CONTENT_TYPE,
    "Host": "abcdefghij.execute-api.us-east-1.amazonaws.com",
    "User-Agent": "stowage-bench",
    "X-Amzn-Trace-Id": "Root=1-00000000-000000000000000000000000",
    "X-Forwarded-For": "192.0.2.1",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Proto": "https",
}


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """One Store Transaction's payload.

    Attributes
    ----------
    uids : tuple of str
        The SOP Instance UIDs in the order of the parts.
    body : bytes
        The multipart/related payload.
    """

    uids: tuple[str, ...]
    body: bytes

    def event(self, request_id: str = "bench-request") -> bytes:
        """Return the event as the JSON text that the Lambda runtime receives."""
        event = {
            "resource": "/studies",
            "path": "/studies",
            "httpMethod": "POST",
            "headers": _HEADERS,
            "multiValueHeaders": {name: [value] for name, value in _HEADERS.items()},
            "queryStringParameters": None,
            "multiValueQueryStringParameters": None,
            "pathParameters": None,
            "stageVariables": None,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "abcdefghij",
                "domainName": _HEADERS["Host"],
                "extendedRequestId": "bench",
                "httpMethod": "POST",
                "identity": {"sourceIp": "192.0.2.1", "userAgent": _HEADERS["User-Agent"]},
                "path": "/api/studies",
                "protocol": "HTTP/1.1",
                "requestId": request_id,
                "requestTime": "05/Jan/2026:10:15:30 +0000",
                "requestTimeEpoch": 1767608130000,
                "resourceId": "abc123",
                "resourcePath": "/studies",
                "stage": "api",
            },
            "body": base64.b64encode(self.body).decode(),
            "isBase64Encoded": True,
        }
        return json.dumps(event).encode()


def store_request(instances: Iterable[tuple[str, bytes]]) -> StoreRequest:
    """Return the payload of these PS3.10 files, one part each (PS3.18 8.6.1.2)."""
    uids, pieces = [], []
    for uid, content in instances:
        uids.append(uid)
        pieces += [f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode(), content]
        pieces.append(b"\r\n")
    pieces.append(f"--{BOUNDARY}--\r\n".encode())
    return StoreRequest(tuple(uids), b"".join(pieces))


class Context:
    """The Lambda context of a 29 s invocation."""

    function_name = "stowage-bench"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:stowage-bench"
    memory_limit_in_mb = 1769
    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """Return plenty: the bench measures work, not haste."""
        return 29_000
