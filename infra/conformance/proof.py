"""Claims, the tests that prove them, and the file that keeps both.

Belongs here: reading, writing and checking the file. Must not be here: what the statement says.
"""

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PROOF_PATH = ROOT / "docs" / "conformance-proof.json"
PROVING_TESTS = "tests/end_to_end/"
"""Where proof comes from: tests that talk HTTP to the running product."""


class Proof:
    """Claims with their tests. Remembers what it was asked, to find claims nobody prints."""

    def __init__(self, tests: Mapping[str, Iterable[str]]) -> None:
        self._tests = {claim: tuple(sorted(set(ids))) for claim, ids in tests.items()}
        self._asked: set[str] = set()

    def shows(self, claim: str) -> bool:
        """Whether a test that passed proves the claim."""
        self._asked.add(claim)
        return bool(self._tests.get(claim))

    def tests_of(self, claim: str) -> tuple[str, ...]:
        """Return the node ids of the tests that prove the claim, sorted."""
        return self._tests.get(claim, ())

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield every claim with each of its tests."""
        return ((claim, test) for claim, tests in self._tests.items() for test in tests)

    @property
    def claims(self) -> tuple[str, ...]:
        """The recorded claims, sorted."""
        return tuple(sorted(self._tests))

    @property
    def unasked(self) -> tuple[str, ...]:
        """Recorded claims that no table has asked for: a misspelt name, as a rule."""
        return tuple(claim for claim in self.claims if claim not in self._asked)

    @property
    def unproven(self) -> tuple[str, ...]:
        """Claims that a table would print if a test proved them, sorted."""
        return tuple(sorted(self._asked - self._tests.keys()))


def read_proof(path: Path = PROOF_PATH) -> Proof:
    """Return what the file keeps; a file that is not there proves nothing."""
    return Proof(json.loads(path.read_text(encoding="utf-8")) if path.exists() else {})


def encode_proof(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the file's text for pairs of claim and test, whatever their order."""
    tests: dict[str, list[str]] = {}
    for claim, test in sorted(set(pairs)):
        tests.setdefault(claim, []).append(test)
    return json.dumps(tests, indent=1) + "\n"


def problems_of(proof: Proof, root: Path = ROOT) -> Iterator[str]:
    """Yield what is wrong with the tests the proof names: gone, or not end to end."""
    functions: dict[str, frozenset[str]] = {}
    for test in sorted({test for _, test in proof.pairs()}):
        file, _, name = test.partition("::")
        if not file.startswith(PROVING_TESTS):
            yield f"{test}: proof comes from {PROVING_TESTS} alone"
        if file not in functions:
            functions[file] = _functions(root / file)
        if name.partition("[")[0].rpartition("::")[2] not in functions[file]:
            yield f"{test}: there is no such test any more"


def _functions(path: Path) -> frozenset[str]:
    if not path.exists():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
