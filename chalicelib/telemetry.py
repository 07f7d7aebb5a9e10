"""Structured log and metrics (Powertools). UIDs and numbers; no patient data, no payloads.

An error is logged by its type and place only: its text may repeat a value.
"""

import threading
from traceback import extract_tb

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from chalicelib.origin import metrics

NAMESPACE = "Stowage"
SERVICE = "stowage-origin"
"""Also the logger's name: the app's own name is taken by Chalice, which writes every line again."""


class PowertoolsTelemetry:
    """``origin.ports.Telemetry`` as JSON lines and embedded metric format on standard output."""

    def __init__(self, service: str = SERVICE) -> None:
        self._logger = Logger(service=service, location=None)
        self._metrics = Metrics(namespace=NAMESPACE, service=service)
        self._lock = threading.Lock()  # Metrics is one dictionary; the store counts from threads

    def event(self, message: str, **fields: object) -> None:
        """Write one structured line."""
        self._logger.info(message, extra=fields)

    def warning(self, message: str, **fields: object) -> None:
        """Write one structured line that an operator should see; count those that have a metric."""
        self._logger.warning(message, extra=fields)
        if message in metrics.OF_WARNINGS:
            self.count(metrics.OF_WARNINGS[message])

    def count(self, metric: str, value: int = 1) -> None:
        """Add to a metric; written by :meth:`flush`."""
        if value:
            with self._lock:
                self._metrics.add_metric(name=metric, unit=MetricUnit.Count, value=value)

    def trouble(self, message: str, error: BaseException, **fields: object) -> None:
        """Log an error by its type and place."""
        frames = [f"{f.filename}:{f.lineno} {f.name}" for f in extract_tb(error.__traceback__)]
        self._logger.error(
            message, extra={**fields, "error": type(error).__name__, "at": frames[-8:]}
        )

    def flush(self) -> None:
        """Write the metrics counted since the last time, if there are any."""
        with self._lock:
            if self._metrics.metric_set:
                self._metrics.flush_metrics()
