"""What an answer says of each instance that was sent (U-09 to U-11).

An instance counts as stored only when the answer lists its SOP Instance UID as referenced. What
stands in both lists, or in none, is not known. Nothing here sends or waits.
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple

from chalicelib.dicomweb.store_instances_reader import (
    ReceivedItem,
    ReceivedModule,
    UnreadableModule,
    read_store_instances,
)
from chalicelib.useragent.model import Cause, Instance, Outcome, State
from chalicelib.useragent.reasons import FailureKind, kind_of_failure
from chalicelib.useragent.transport import Response

_MAX_SAID = 300


class Verdict(Enum):
    """What to do with an instance after an answer."""

    SETTLED = auto()
    RETRY = auto()
    REWRITE = auto()
    EXISTS = auto()
    MISSING = auto()


class Receipt(NamedTuple):
    """One instance's line of an answer; ``outcome`` is what it comes to if nothing more is done."""

    verdict: Verdict
    outcome: Outcome


def module_of(response: Response) -> ReceivedModule | None:
    """Return the module of an answer whatever its status, None where it carries none.

    Servers send the module with 400, 409 and 503 too: to look at the status first would throw the
    reasons away.
    """
    try:
        return read_store_instances(response.body, response.headers.get("Content-Type"))
    except UnreadableModule:
        return None


def said_by(response: Response) -> str:
    """Return the server's own words of a text or problem, shortened; "" where there are none.

    They may repeat anything, so they are shown and never written down.
    """
    import json

    kind = (response.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    text = ""
    if kind.endswith("json"):
        try:
            problem = json.loads(response.body)
        except ValueError:
            problem = None
        if isinstance(problem, dict):
            words = [problem.get(name) for name in ("detail", "message", "Message", "title")]
            text = next((word for word in words if isinstance(word, str)), "")
    elif kind == "text/plain":
        text = response.body.decode("utf-8", "replace")
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())[:_MAX_SAID]


def receipts_of(
    instances: Sequence[Instance], module: ReceivedModule, status: int
) -> tuple[Receipt, ...]:
    """Return a receipt for each instance, in order.

    Parameters
    ----------
    instances : sequence of Instance
        What the request held, in the order of its parts; UIDs differ.
    module : ReceivedModule
        Of the answer.
    status : int
        Of the answer.
    """
    referenced = {item.sop_instance: item for item in module.referenced}
    failed = {item.sop_instance: item for item in module.failed}
    unnamed = _unnamed(instances, module)
    receipts = []
    for part, instance in enumerate(instances, 1):
        uid = instance.sop_instance
        stored, failure = referenced.get(uid), failed.get(uid) or unnamed.get(part)
        if stored is not None and failure is None:
            receipts.append(_stored(instance, stored, status))
        elif failure is not None and stored is None:
            named = uid in failed
            receipts.append(_failed(instance, failure, status, is_named=named))
        else:
            receipts.append(_missing(instance, module, status))
    return tuple(receipts)


def coerced(instance: Instance, response: Response) -> Outcome | None:
    """Return the outcome of an instance sent alone and listed under another UID (U-11).

    None when the answer lists anything else.
    """
    module = module_of(response)
    if module is None or module.failed or module.other_failures or len(module.referenced) != 1:
        return None
    [item] = module.referenced
    if not item.sop_instance or item.sop_class not in ("", instance.sop_class):
        return None
    return Outcome(
        instance,
        State.WARNED,
        Cause.COERCED,
        item.reason,
        response.status,
        f"Listed as {item.sop_instance}.",
        retrieve_url=item.retrieve_url,
    )


def _unnamed(instances: Sequence[Instance], module: ReceivedModule) -> dict[int, ReceivedItem]:
    """Return other failures by the 1-based part they mean, as far as that is certain.

    Our own server says the part. Otherwise, when exactly as many instances are unlisted as there
    are other failures, those are the ones.
    """
    by_part = {item.part: item for item in module.other_failures if item.part is not None}
    if by_part:
        return by_part
    listed = {item.sop_instance for item in (*module.referenced, *module.failed)}
    parts = [n for n, one in enumerate(instances, 1) if one.sop_instance not in listed]
    if len(parts) != len(module.other_failures):
        return {}
    return dict(zip(parts, module.other_failures, strict=True))


def _stored(instance: Instance, item: ReceivedItem, status: int) -> Receipt:
    state = State.REFERENCED if item.reason is None else State.WARNED
    outcome = Outcome(
        instance, state, Cause.LISTED, item.reason, status, retrieve_url=item.retrieve_url
    )
    return Receipt(Verdict.SETTLED, outcome)


def _failed(instance: Instance, item: ReceivedItem, status: int, *, is_named: bool) -> Receipt:
    kind = kind_of_failure(item.reason, status)
    cause = Cause.REASON if is_named else Cause.OTHER_FAILURE
    if kind is FailureKind.EXISTS:
        cause = Cause.EXISTS
    verdict = {
        FailureKind.TRANSIENT: Verdict.RETRY,
        FailureKind.EXISTS: Verdict.EXISTS,
        FailureKind.TRANSFER_SYNTAX: Verdict.REWRITE,
        FailureKind.PERMANENT: Verdict.SETTLED,
    }[kind]
    outcome = Outcome(instance, State.FAILED, cause, item.reason, status, said=item.detail)
    return Receipt(verdict, outcome)


def _missing(instance: Instance, module: ReceivedModule, status: int) -> Receipt:
    """Return what an instance comes to that the answer does not list, or lists as both."""
    if status == 503:
        return Receipt(
            Verdict.RETRY, Outcome(instance, State.FAILED, Cause.NOT_LISTED, None, status)
        )
    if status >= 400 and not module.referenced:  # the whole request was refused
        return Receipt(Verdict.SETTLED, Outcome(instance, State.FAILED, Cause.STATUS, None, status))
    return Receipt(
        Verdict.MISSING, Outcome(instance, State.UNKNOWN, Cause.NOT_LISTED, None, status)
    )
