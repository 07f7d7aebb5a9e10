"""Proof for the conformance statement: which claims the tests of this run have shown.

::

    @pytest.mark.proves("instance:1.2.840.10008.1.2.4.50")
    def test_it(...): ...

Claims travel in a test's report, so that workers need no file: the process that reports the
results sees them all. What the proof is for, and how claims are named, is in
``infra.conformance``.
"""

from collections.abc import Iterable

import pytest

from infra.conformance.proof import PROOF_PATH, encode_proof, read_proof

_PROPERTY = "proves"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--proof",
        choices=("ignore", "check", "write"),
        default="ignore",
        help="check or write what the passing tests prove (docs/conformance-proof.json)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "proves(*claims): claims of the conformance statement that this test shows"
    )
    if not hasattr(config, "workerinput") and config.getoption("--proof") != "ignore":
        config.pluginmanager.register(ProofRecorder(config.getoption("--proof")))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker in item.iter_markers("proves"):
            item.user_properties += [(_PROPERTY, claim) for claim in marker.args]


class ProofRecorder:
    """Gathers the claims of tests that passed, and compares or writes them at the end."""

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self._claims: dict[str, set[str]] = {}
        self._not_passed: set[str] = set()
        self._said = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        claims = {str(value) for name, value in report.user_properties if name == _PROPERTY}
        if claims:
            self._claims.setdefault(report.nodeid, set()).update(claims)
        if not report.passed:
            self._not_passed.add(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        shown = encode_proof(self._shown())
        if self._mode == "write":
            if session.exitstatus == pytest.ExitCode.OK:
                PROOF_PATH.write_text(shown, encoding="utf-8")
                self._said = f"Proof written to {PROOF_PATH.name}."
            else:
                self._said = "Proof not written: a test failed."
        elif shown != encode_proof(read_proof().pairs()):
            self._said = (
                f"{PROOF_PATH.name} is not what these tests proved; `make proof` writes it anew. "
                f"Only in one of the two: {', '.join(sorted(self._differences())[:5])}"
            )
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._said:
            terminalreporter.section("conformance proof")
            terminalreporter.write_line(self._said)

    def _shown(self) -> Iterable[tuple[str, str]]:
        for test, claims in self._claims.items():
            if test not in self._not_passed:
                yield from ((claim, test) for claim in claims)

    def _differences(self) -> set[str]:
        return {f"{claim} by {test}" for claim, test in {*self._shown()} ^ {*read_proof().pairs()}}
