"""What AWS does to calls: throttles, partial failures, answers that get lost, late writes.

A fault sees each HTTP request before it is sent. What it returns is the answer, what it raises the
connection's error; None lets the request pass.
"""

import io
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

Fault = Callable[[str, AWSPreparedRequest], AWSResponse | None]
"""Takes the operation, such as ``s3.PutObject``, and the request."""

VICTIM = "1.2.3.2"
"""SOP Instance UID of the instance that faults choose."""
VICTIM_STUDY = "1.2.4"
"""Study whose event faults choose."""


class _Raw(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def respond(url: str, status: int, body: bytes) -> AWSResponse:
    return AWSResponse(url, status, {"Content-Length": str(len(body))}, _Raw(body))


def forward(request: AWSPreparedRequest, body: bytes | None = None) -> AWSResponse:
    """Send the request, or another body in its place; the answer is read to its end."""
    if body is not None:
        headers = {**request.headers, "Content-Length": str(len(body))}
        request = AWSPreparedRequest("POST", request.url, headers, body, stream_output=False)
    answer = URLLib3Session().send(request)
    assert answer.content is not None
    return answer


def refusing(
    operation: str, status: int, code: str, *, of: str = "", times: int = 1_000_000
) -> Fault:
    """Refuse the operation, of this instance only, so many times."""
    left = iter(range(times))
    error = {"__type": code, "message": ""}
    body = json.dumps(error).encode()
    if operation.startswith("s3."):
        body = f"<Error><Code>{code}</Code><Message></Message></Error>".encode()

    def fault(name: str, request: AWSPreparedRequest) -> AWSResponse | None:
        if name != operation or of not in request.url or next(left, None) is None:
            return None
        return respond(request.url, status, body)

    return fault


def losing_the_answer(operation: str, *, times: int = 1_000_000) -> Fault:
    """Let the request have its effect, and reset the connection before the answer."""
    left = iter(range(times))

    def fault(name: str, request: AWSPreparedRequest) -> None:
        if name == operation and next(left, None) is not None:
            forward(request)
            raise ConnectionClosedError(endpoint_url="http://test")

    return fault


def delaying(operation: str, *, of: str = "", is_answered: bool = False) -> Fault:
    """Hand the request to the test, which lets it arrive late: instead of now, or once more."""

    def fault(name: str, request: AWSPreparedRequest) -> None:
        if name != operation or of not in request.url:
            return
        body = request.body if isinstance(request.body, bytes) else request.body.read()
        late = {
            "method": request.method,
            "url": request.url,
            "headers": {name: _text(value) for name, value in request.headers.items()},
            "body": b64encode(body).decode(),
        }
        print(json.dumps({"late": late}))
        if not is_answered:
            raise ReadTimeoutError(endpoint_url="http://test")

    return fault


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def leaving_unprocessed(*, times: int = 1_000_000) -> Fault:
    """Accept all items of a BatchWriteItem but the victim's, with status 200."""
    left = iter(range(times))

    def fault(name: str, request: AWSPreparedRequest) -> AWSResponse | None:
        if name != "dynamodb.BatchWriteItem" or next(left, None) is None:
            return None
        [(table, writes)] = json.loads(request.body)["RequestItems"].items()
        undone = [one for one in writes if one["PutRequest"]["Item"]["sk"]["S"].endswith(VICTIM)]
        taken = [one for one in writes if one not in undone]
        if taken:
            forward(request, json.dumps({"RequestItems": {table: taken}}).encode())
        answer = {"UnprocessedItems": {table: undone} if undone else {}}
        return respond(request.url, 200, json.dumps(answer).encode())

    return fault


def failing_an_entry() -> Fault:
    """Take all entries of a PutEvents but those of the victim's study, with status 200."""

    def fault(name: str, request: AWSPreparedRequest) -> AWSResponse | None:
        if name != "eventbridge.PutEvents":
            return None
        entries = json.loads(request.body)["Entries"]
        refused = {"ErrorCode": "ThrottlingException", "ErrorMessage": ""}
        taken = [one for one in entries if json.loads(one["Detail"])["study"] != VICTIM_STUDY]
        sent: Iterator[dict[str, str]] = iter(())
        if taken:
            answer = forward(request, json.dumps({"Entries": taken}).encode())
            sent = iter(json.loads(answer.content)["Entries"])
        result = [next(sent) if one in taken else refused for one in entries]
        answer = {"FailedEntryCount": len(entries) - len(taken), "Entries": result}
        return respond(request.url, 200, json.dumps(answer).encode())

    return fault


THROUGHPUT = "ProvisionedThroughputExceededException"

FAULTS: Mapping[str, Callable[[], Fault]] = {
    "one put slowed down once": lambda: refusing("s3.PutObject", 503, "SlowDown", times=1),
    "one put slowed down": lambda: refusing("s3.PutObject", 503, "SlowDown", of=VICTIM),
    "all puts slowed down": lambda: refusing("s3.PutObject", 503, "SlowDown"),
    "one put denied": lambda: refusing("s3.PutObject", 403, "AccessDenied", of=VICTIM),
    "two puts met": lambda: refusing("s3.PutObject", 409, "ConditionalRequestConflict", times=2),
    "looks slowed down": lambda: refusing("s3.HeadObject", 503, ""),
    "table throttled once": lambda: refusing("dynamodb.BatchWriteItem", 400, THROUGHPUT, times=1),
    "table throttled": lambda: refusing("dynamodb.BatchWriteItem", 400, THROUGHPUT),
    "one record unprocessed once": lambda: leaving_unprocessed(times=1),
    "one record unprocessed": leaving_unprocessed,
    "bus down": lambda: refusing("eventbridge.PutEvents", 500, "InternalFailure"),
    "one event refused": failing_an_entry,
    "answer to a put lost once": lambda: losing_the_answer("s3.PutObject", times=1),
    "answers to puts lost": lambda: losing_the_answer("s3.PutObject"),
    "answer of the table lost once": lambda: losing_the_answer("dynamodb.BatchWriteItem", times=1),
    "answers of the table lost": lambda: losing_the_answer("dynamodb.BatchWriteItem"),
    "answer of the bus lost once": lambda: losing_the_answer("eventbridge.PutEvents", times=1),
    "one put late": lambda: delaying("s3.PutObject", of=VICTIM),
    "records late": lambda: delaying("dynamodb.BatchWriteItem"),
    "records twice": lambda: delaying("dynamodb.BatchWriteItem", is_answered=True),
    "reads throttled": lambda: refusing("dynamodb.BatchGetItem", 400, THROUGHPUT),
    "queries throttled": lambda: refusing("dynamodb.Query", 400, THROUGHPUT),
    "aggregates throttled": lambda: refusing("dynamodb.PutItem", 400, THROUGHPUT),
    "answers to aggregates lost": lambda: losing_the_answer("dynamodb.PutItem"),
    "objects unreadable": lambda: refusing("s3.GetObject", 503, "SlowDown"),
}
