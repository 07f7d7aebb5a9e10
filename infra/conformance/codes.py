"""The statement's tables of what the product says and allows: codes, limits, character sets.

Facts of the code alone. A code is in use when a module of ``chalicelib`` names it.
"""

import re
import tomllib
from functools import cache
from pathlib import Path

from chalicelib.settings import Settings
from chalicelib.standard.character_sets import CHARACTER_SETS
from chalicelib.standard.limits import FIXED_LIMITS, LIMITS
from chalicelib.standard.observations import OBSERVATIONS
from chalicelib.standard.reasons import FailureReason, WarningReason
from chalicelib.standard.status_codes import STATUS_CODES
from infra.conformance.markdown import code, table
from infra.conformance.proof import ROOT
from infra.local.gateway import MAX_GATEWAY_PAYLOAD, MAX_INVOCATION_PAYLOAD

SOURCES = ROOT / "chalicelib"
_NAMES = re.compile(r"\b(FailureReason|WarningReason|HTTPStatus)\.([A-Z][A-Z0-9_]+)")


@cache
def names_in_use(sources: Path = SOURCES) -> frozenset[str]:
    """Return the members of our codes that some module names, such as ``HTTPStatus.OK``."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(sources.rglob("*.py")))
    return frozenset(f"{kind}.{name}" for text in texts for kind, name in _NAMES.findall(text))


def version() -> str:
    """Return the product's version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def status_codes() -> str:
    """Table N.7-94, with the gateway's own answers."""
    rows = (
        (
            row.outcome.value,
            f"{row.code} ({row.meaning})",
            row.condition + (" Send it again." if row.retryable else ""),
            ", ".join(transaction.value for transaction in row.transactions),
            row.sender.value,
            row.source,
        )
        for row in STATUS_CODES
    )
    header = ("Service Status", "Code", "Condition", "Transaction", "Sender", "Source")
    return table(header, rows)


def failure_reasons() -> str:
    """The codes of Failure Reason (0008,1197) that the product sends."""
    rows = (
        (
            code(f"{reason.code:04X}H"),
            reason.code,
            reason.meaning,
            "can be sent again as it is; the answer is 503" if reason.transient else "lasts",
            reason.source,
        )
        for reason in FailureReason
        if str(reason) in names_in_use()
    )
    return table(("Code", "Decimal", "Meaning", "Recovery", "Source"), rows)


def warning_reasons() -> str:
    """The codes of Warning Reason (0008,1196) that the product sends."""
    rows = (
        (code(f"{reason.code:04X}H"), reason.code, reason.meaning, reason.source)
        for reason in WarningReason
        if str(reason) in names_in_use()
    )
    return table(("Code", "Decimal", "Meaning", "Source"), rows, none="No warning is sent.")


def limits() -> str:
    """The bounds and what a request beyond them gets."""
    rows = [
        (row.meaning, f"{getattr(Settings, row.field):,}", code(row.setting), row.answer)
        for row in LIMITS
    ]
    rows += [(row.meaning, f"{row.fixed:,}", "fixed", row.answer) for row in FIXED_LIMITS]
    gateway = "413, by API Gateway"
    rows += [
        ("Bytes of a payload", f"{MAX_GATEWAY_PAYLOAD:,}", "fixed by API Gateway", gateway),
        (
            "Bytes of the request as an event, its payload in base64",
            f"{MAX_INVOCATION_PAYLOAD:,}",
            "fixed by Lambda",
            gateway,
        ),
    ]
    return table(("Bound", "Default", "Setting", "Beyond it"), rows)


def character_sets() -> str:
    """The defined terms from which text is indexed."""
    extended = [term for term in CHARACTER_SETS if term.startswith("ISO 2022")]
    single = [term for term in CHARACTER_SETS if term and term not in extended]
    rows = (
        ("none, or empty", "default repertoire"),
        (", ".join(map(code, single)), "without code extensions"),
        (", ".join(map(code, extended)), "with code extensions (ISO/IEC 2022)"),
    )
    return table(("Defined Terms of (0008,0005)", "Use"), rows)


def observations() -> str:
    """What is tolerated, by the name that events and verdicts use."""
    return table(
        ("Finding", "What was tolerated"),
        ((code(name), text) for name, text in OBSERVATIONS.items()),
    )
