"""Wiring: routes and triggers, one expression each. What they do lies in chalicelib."""

from typing import Any

from chalice.app import AuthRequest, Chalice, Response, SQSEvent

from chalicelib import functions

app = Chalice(app_name="stowage")


@app.authorizer(ttl_seconds=60)
def authorize(request: AuthRequest) -> dict[str, Any]:
    return functions.authorize(request)


# Every method and media type comes in, so that 405 and 415 are ours and say what would be right.
# All but OPTIONS need a token: a browser's preflight has none, and no answer to it tells of data.
ANYTHING = ["*/*"]
METHODS = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]
GUARDED = {"methods": METHODS, "content_types": ANYTHING, "authorizer": authorize}
OPEN = {"methods": ["OPTIONS"], "content_types": ANYTHING}


@app.route("/", **OPEN)
@app.route("/", **GUARDED)
def service() -> Response:
    return functions.answer(app.current_request)


@app.route("/studies", **OPEN)
@app.route("/studies", **GUARDED)
def studies() -> Response:
    return functions.answer(app.current_request)


@app.route("/studies/{study}", **OPEN)
@app.route("/studies/{study}", **GUARDED)
def study(study: str) -> Response:
    return functions.answer(app.current_request)


@app.route("/partitions/{partition}", **OPEN)
@app.route("/partitions/{partition}", **GUARDED)
def partition_service(partition: str) -> Response:
    return functions.answer(app.current_request)


@app.route("/partitions/{partition}/studies", **OPEN)
@app.route("/partitions/{partition}/studies", **GUARDED)
def partition_studies(partition: str) -> Response:
    return functions.answer(app.current_request)


@app.route("/partitions/{partition}/studies/{study}", **OPEN)
@app.route("/partitions/{partition}/studies/{study}", **GUARDED)
def partition_study(partition: str, study: str) -> Response:
    return functions.answer(app.current_request)


@app.route("/sessions", **OPEN)
@app.route("/sessions", **GUARDED)
def sessions() -> Response:
    return functions.answer(app.current_request)


@app.route("/sessions/{session}", **OPEN)
@app.route("/sessions/{session}", **GUARDED)
def session(session: str) -> Response:
    return functions.answer(app.current_request)


@app.route("/sessions/{session}/{aspect}", **OPEN)
@app.route("/sessions/{session}/{aspect}", **GUARDED)
def session_aspect(session: str, aspect: str) -> Response:
    return functions.answer(app.current_request)


@app.route("/partitions/{partition}/sessions", **OPEN)
@app.route("/partitions/{partition}/sessions", **GUARDED)
def partition_sessions(partition: str) -> Response:
    return functions.answer(app.current_request)


@app.route("/partitions/{partition}/sessions/{session}", **OPEN)
@app.route("/partitions/{partition}/sessions/{session}", **GUARDED)
def partition_session(partition: str, session: str) -> Response:
    return functions.answer(app.current_request)


@app.route("/partitions/{partition}/sessions/{session}/{aspect}", **OPEN)
@app.route("/partitions/{partition}/sessions/{session}/{aspect}", **GUARDED)
def partition_session_aspect(partition: str, session: str, aspect: str) -> Response:
    return functions.answer(app.current_request)


@app.on_sqs_message(queue="stowage-ingest", batch_size=1, maximum_concurrency=10)
def ingest_sessions(event: SQSEvent) -> dict[str, Any]:
    return functions.ingest(event)


@app.on_sqs_message(queue="stowage-validate", batch_size=10, maximum_concurrency=10)
def validate_instances(event: SQSEvent) -> dict[str, Any]:
    return functions.validate(event)


@app.on_sqs_message(queue="stowage-index", batch_size=10, maximum_concurrency=4)
def index_instances(event: SQSEvent) -> dict[str, Any]:
    return functions.index(event)


@app.on_sqs_message(queue="stowage-reconcile", batch_size=10, maximum_concurrency=2)
def reconcile_objects(event: SQSEvent) -> dict[str, Any]:
    return functions.reconcile(event)


@app.on_sqs_message(queue="stowage-audit", batch_size=10, maximum_concurrency=2)
def audit_instances(event: SQSEvent) -> dict[str, Any]:
    return functions.audit(event)


@app.on_sqs_message(queue="stowage-forward", batch_size=10, maximum_concurrency=8)
def forward_instances(event: SQSEvent) -> dict[str, Any]:
    return functions.forward(event)
