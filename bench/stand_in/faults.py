"""Which call, or which entry of a call, fails next; seeded, so that a run can be repeated."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from bench.stand_in.values import AwsError

# What a status means to each service. 409 and 412 make sense for PutObject and
# CompleteMultipartUpload only; a 409 ends the upload, as it does in S3.
CODES = {
    ("s3", 403): "AccessDenied",
    ("s3", 409): "ConditionalRequestConflict",
    ("s3", 412): "PreconditionFailed",
    ("s3", 500): "InternalError",
    ("s3", 503): "SlowDown",
    ("dynamodb", 400): "ProvisionedThroughputExceededException",
    ("dynamodb", 500): "InternalServerError",
    ("dynamodb", 503): "ServiceUnavailable",
    ("events", 400): "ThrottlingException",
    ("events", 500): "InternalException",
    ("events", 503): "ServiceUnavailable",
    ("sqs", 400): "ThrottlingException",
    ("sqs", 500): "InternalFailure",
    ("sqs", 503): "ServiceUnavailable",
}

# reset: closed before anything was done; lost: done, but the answer never arrives;
# stall: done, and the connection stays open without an answer.
CONNECTION_KINDS = frozenset({"reset", "lost", "stall"})
# unprocessed: an item of a DynamoDB batch; failed: an entry of PutEvents or SendMessageBatch.
ENTRY_KINDS = frozenset({"unprocessed", "failed"})


@dataclass(slots=True)
class Fault:
    """``scope`` (a service, or ``service.Operation``) fails as ``kind`` with ``probability``.

    ``times`` bounds how often it strikes; None is without bound.
    """

    scope: str
    kind: str
    probability: float
    times: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Read ``SCOPE:KIND:PROBABILITY[:TIMES]``, such as ``s3.PutObject:503:0.1``.

        Raises
        ------
        ValueError
            The text is not of that form, or the kind means nothing to the service.
        """
        scope, kind, probability, *rest = text.split(":")
        service = scope.partition(".")[0]
        known = (
            (service, int(kind)) in CODES
            if kind.isdigit()
            else kind in CONNECTION_KINDS | ENTRY_KINDS
        )
        if not known or service not in {name for name, _ in CODES} or len(rest) > 1:
            raise ValueError(f"no such fault: {text}")
        return cls(scope, kind, float(probability), int(rest[0]) if rest else None)

    def covers(self, operation: str) -> bool:
        """Tell whether the fault applies to ``operation``, such as ``s3.PutObject``."""
        return self.scope == operation or self.scope == operation.partition(".")[0]


class Faults:
    """The faults in force and the one random sequence they draw from."""

    def __init__(self, faults: list[Fault], seed: int = 0) -> None:
        self._seed = seed
        self.replace(faults)

    def replace(self, faults: list[Fault]) -> None:
        """Put other faults in force and begin the random sequence again."""
        self._faults = faults
        self._random = random.Random(self._seed)

    def on_connection(self, operation: str) -> str | None:
        """Return the connection fault that strikes this call, or None."""
        return self._draw(operation, lambda fault: fault.kind in CONNECTION_KINDS)

    def on_call(self, operation: str) -> None:
        """Raise the AwsError that strikes this call, if one does."""
        kind = self._draw(operation, lambda fault: fault.kind.isdigit())
        if kind is not None:
            code = CODES[operation.partition(".")[0], int(kind)]
            raise AwsError(int(kind), code, "Injected by the stand-in.")

    def on_entry(self, operation: str) -> bool:
        """Tell whether this entry of a batch is to fail."""
        return self._draw(operation, lambda fault: fault.kind in ENTRY_KINDS) is not None

    def _draw(self, operation: str, of_kind: Callable[[Fault], bool]) -> str | None:
        for fault in self._faults:
            if fault.times == 0 or not of_kind(fault) or not fault.covers(operation):
                continue
            if self._random.random() < fault.probability:
                if fault.times is not None:
                    fault.times -= 1
                return fault.kind
        return None
