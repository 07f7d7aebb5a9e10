"""Calls the application's functions the way Lambda does: an event, a context, a deadline.

Belongs here: what stands in for the Lambda service. Must not be here: where events come from.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any
from uuid import uuid4

from infra.local.gateway_event import Event

LambdaCaller = Callable[[Event], Any]
"""Invokes one function with an event and returns what it returned."""


class FunctionTimeoutError(Exception):
    """The function was still running when its time was up."""


class LambdaContext:
    """What Lambda hands to a function beside its event."""

    def __init__(self, function_name: str, timeout_seconds: float, memory_limit_in_mb: int) -> None:
        self.function_name = function_name
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = memory_limit_in_mb
        self.aws_request_id = str(uuid4())
        self.invoked_function_arn = (
            f"arn:aws:lambda:us-east-1:123456789012:function:{function_name}"
        )
        self.log_group_name = f"/aws/lambda/{function_name}"
        self.log_stream_name = "local"
        self.identity = None
        self.client_context = None
        self._ends = time.monotonic() + timeout_seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left before Lambda would end the call."""
        return max(0, int((self._ends - time.monotonic()) * 1000))


class LocalFunction:
    """One function in this process, called with a fresh context each time.

    Parameters
    ----------
    handler
        What Lambda would call: ``handler(event, context)``.
    timeout_seconds
        After this the caller gets FunctionTimeoutError. The call itself cannot be ended from
        outside: it runs on in its thread, its result unread.
    threads
        How many calls may run at once; 0 calls in the caller's own thread, without a deadline.
    """

    def __init__(
        self,
        handler: Callable[[Event, LambdaContext], Any],
        name: str,
        timeout_seconds: float = 29.0,
        memory_limit_in_mb: int = 1024,
        threads: int = 0,
    ) -> None:
        self._handler = handler
        self.name = name
        self.timeout_seconds = timeout_seconds
        self.memory_limit_in_mb = memory_limit_in_mb
        self._pool = ThreadPoolExecutor(threads, f"lambda-{name}") if threads else None

    def __call__(self, event: Event) -> Any:
        """Invoke the function.

        Raises
        ------
        FunctionTimeoutError
            When it took longer than its time.
        """
        context = LambdaContext(self.name, self.timeout_seconds, self.memory_limit_in_mb)
        if self._pool is None:
            return self._handler(event, context)
        future = self._pool.submit(self._handler, event, context)
        try:
            return future.result(self.timeout_seconds)
        except FutureTimeoutError:
            if future.done():  # the function's own TimeoutError, not ours
                raise
            raise FunctionTimeoutError(self.name) from None

    def close(self) -> None:
        """Let no further call begin."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def make_thread_safe(app: Any) -> None:
    """Let one Chalice application serve many threads.

    Chalice keeps the current request and context in two attributes of the application: one call
    at a time, as in Lambda. Here each thread has its own (what ``chalice local`` does for the
    request alone).
    """
    application_class = type(app)
    if issubclass(application_class, _PerThread):
        return
    for name in ("current_request", "lambda_context"):
        app.__dict__.pop(name, None)
    app.__class__ = type("PerThreadChalice", (_PerThread, application_class), {})


class _PerThread:
    """Mixed into an application's class: the attributes of a call, one set a thread."""

    _calls = threading.local()

    @property
    def current_request(self) -> Any:
        return getattr(self._calls, "current_request", None)

    @current_request.setter
    def current_request(self, value: Any) -> None:
        self._calls.current_request = value

    @property
    def lambda_context(self) -> Any:
        return getattr(self._calls, "lambda_context", None)

    @lambda_context.setter
    def lambda_context(self, value: Any) -> None:
        self._calls.lambda_context = value
