"""Write the conformance statement, or check it: ``python -m infra.conformance [--check]``."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from infra.conformance.proof import Proof, problems_of, read_proof
from infra.conformance.statement import STATEMENT_PATH, render


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when the statement was written, or when the check found nothing wrong."""
    parser = argparse.ArgumentParser(prog="python -m infra.conformance", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when stale")
    options = parser.parse_args(arguments)
    proof = read_proof()
    text = render(proof)
    if not options.check:
        STATEMENT_PATH.write_text(text, encoding="utf-8")
        print(f"Wrote {STATEMENT_PATH.name}: {len(proof.claims)} claims proven.")
        for claim in proof.unproven:
            print(f"not claimed for want of proof: {claim}")
    problems = [*_problems(proof, text)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _problems(proof: Proof, text: str) -> Iterator[str]:
    yield from problems_of(proof)
    for claim in proof.unasked:
        yield f"{claim}: proven, but printed nowhere; is the name right?"
    kept = STATEMENT_PATH.read_text(encoding="utf-8") if STATEMENT_PATH.exists() else ""
    if kept != text:
        yield f"{STATEMENT_PATH.name} is stale: python -m infra.conformance writes it anew."


if __name__ == "__main__":
    sys.exit(main())
