"""What cfn-lint and checkov say of the packaged template, beside what is justified.

::

    python -m infra.audit TEMPLATE

checkov lives in a virtual environment of its own: it brings two hundred packages. Every finding is
fixed, or has a reason in ``infra/checkov-justifications.yaml``; a reason without a finding is
stale. Both are failures.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

JUSTIFICATIONS = Path(__file__).with_name("checkov-justifications.yaml")
ENVIRONMENT = Path(".stowage", "checkov")
VERSION = "3.3.30"

Finding = tuple[str, str]
"""A check's identifier and the logical id of the resource."""


def justified(document: Mapping[str, Any]) -> set[Finding]:
    """Return the findings that a document of justifications answers for."""
    return {
        (check, resource)
        for check, entry in document.items()
        for resource in entry["resources"]
        if entry["because"].strip()
    }


def findings_of(report: Any) -> dict[Finding, str]:
    """Return the failed checks of checkov's report, with what each asks for."""
    reports = report if isinstance(report, list) else [report]
    return {
        (failed["check_id"], failed["resource"].rpartition(".")[2]): failed["check_name"]
        for one in reports
        for failed in one.get("results", {}).get("failed_checks", ())
    }


def compare(found: Mapping[Finding, str], reasons: set[Finding]) -> list[str]:
    """Return one line for each finding without a reason, and each reason without a finding."""
    unanswered = [f"{check} {name}: {found[check, name]}" for check, name in found.keys() - reasons]
    stale = [f"{check} {name}: justified, but not found" for check, name in reasons - found.keys()]
    return sorted(unanswered) + sorted(stale)


def _checkov(template: Path) -> Any:
    python = ENVIRONMENT.resolve() / "bin" / "python"
    done = ENVIRONMENT / f".installed-{VERSION}"
    if not done.exists():
        print("Installing checkov; the first time takes a minute or so", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
        command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*command, f"checkov=={VERSION}"], check=True, stdin=subprocess.DEVNULL)
        done.touch()
    command = [str(python.with_name("checkov")), "--framework", "cloudformation"]
    command += ["-f", template.name, "--output", "json", "--soft-fail", "--skip-download"]
    ran = subprocess.run(command, cwd=template.parent, stdout=subprocess.PIPE, check=True)
    return json.loads(ran.stdout)


def _cfn_lint(template: Path) -> int:
    program = "import sys; from cfnlint.runner import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "-t", str(template), "-r", "us-east-1"]
    return subprocess.run(command, check=False).returncode


def main(arguments: Sequence[str]) -> int:
    """Audit a template; return the exit status."""
    [template] = map(Path, arguments)
    is_faulty = bool(_cfn_lint(template))
    found = findings_of(_checkov(template.resolve()))
    reasons = justified(yaml.safe_load(JUSTIFICATIONS.read_text(encoding="utf-8")))
    complaints = compare(found, reasons)
    print(f"checkov: {len(found)} findings, {len(reasons)} justified", *complaints, sep="\n  ")
    return int(is_faulty or bool(complaints))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
