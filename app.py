"""Wiring: routes and triggers, one expression each. What they do lies in chalicelib."""

from typing import Any

from chalice.app import Chalice, Response, SQSEvent

from chalicelib import functions

app = Chalice(app_name="stowage")

# Every method and media type comes in, so that 405 and 415 are ours and say what would be right.
METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
ANYTHING = ["*/*"]


@app.route("/", methods=METHODS, content_types=ANYTHING)
def service() -> Response:
    return functions.answer(app.current_request)


@app.route("/studies", methods=METHODS, content_types=ANYTHING)
def studies() -> Response:
    return functions.answer(app.current_request)


@app.route("/studies/{study}", methods=METHODS, content_types=ANYTHING)
def study(study: str) -> Response:
    return functions.answer(app.current_request)


@app.route("/partitions/{partition}", methods=METHODS, content_types=ANYTHING)
def partition_service(partition: str) -> Response:
    return functions.answer(app.current_request)


@app.route("/partitions/{partition}/studies", methods=METHODS, content_types=ANYTHING)
def partition_studies(partition: str) -> Response:
    return functions.answer(app.current_request)


@app.route("/partitions/{partition}/studies/{study}", methods=METHODS, content_types=ANYTHING)
def partition_study(partition: str, study: str) -> Response:
    return functions.answer(app.current_request)


@app.on_sqs_message(queue="stowage-validate", batch_size=10, maximum_concurrency=10)
def validate_instances(event: SQSEvent) -> dict[str, Any]:
    return functions.validate(event)


@app.on_sqs_message(queue="stowage-index", batch_size=10, maximum_concurrency=4)
def index_instances(event: SQSEvent) -> dict[str, Any]:
    return functions.index(event)


@app.on_sqs_message(queue="stowage-reconcile", batch_size=10, maximum_concurrency=2)
def reconcile_objects(event: SQSEvent) -> dict[str, Any]:
    return functions.reconcile(event)
