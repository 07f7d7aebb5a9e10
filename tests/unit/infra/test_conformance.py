"""The statement's mechanism: it prints what is proven, and complains about what is not."""

from pathlib import Path

import pytest

from infra.conformance import __main__ as command
from infra.conformance.markdown import contents, fill, table
from infra.conformance.proof import Proof, encode_proof, problems_of, read_proof
from infra.conformance.statement import render
from infra.conformance.tables import POLICIES

JPEG = "1.2.840.10008.1.2.4.50"
TEST = "tests/end_to_end/test_it.py::test_fact[a-b]"


def test_a_row_without_proof_is_not_printed() -> None:
    row = f"| Image | `image/jpeg` | `{JPEG}` | JPEG Baseline (Process 1) | N |"

    assert row not in render(Proof({}))
    assert f"{row} JSON |" in render(Proof({f"bulkdata:image/jpeg:{JPEG}:json": [TEST]}))


def test_without_proof_nothing_is_supported() -> None:
    text = render(Proof({}))

    assert "| Store | Studies | N | N |" in text
    assert not any(sentence in text for sentence in POLICIES.values())
    assert (
        "Metadata with bulkdata (DICOM JSON Model or Native DICOM Model) is not supported" in text
    )


def test_a_claim_that_no_table_prints_is_found() -> None:
    proof = Proof({"bulkdata:image/jpg:1.2:json": [TEST], f"instance:{JPEG}": [TEST]})
    render(proof)

    assert proof.unasked == ("bulkdata:image/jpg:1.2:json",)
    assert "resource:studies" in proof.unproven


def test_proof_must_come_from_tests_that_exist_and_are_end_to_end(tmp_path: Path) -> None:
    there = tmp_path / "tests" / "end_to_end" / "test_it.py"
    there.parent.mkdir(parents=True)
    there.write_text("class TestIt:\n    def test_fact(self): ...\n", encoding="utf-8")
    proof = Proof(
        {
            "a": ["tests/end_to_end/test_it.py::TestIt::test_fact[x::y]"],
            "b": ["tests/end_to_end/test_it.py::test_gone"],
            "c": ["tests/end_to_end/test_none.py::test_fact"],
            "d": ["tests/unit/test_it.py::test_fact"],
        }
    )

    problems = "\n".join(problems_of(proof, tmp_path))

    assert "test_gone: there is no such test" in problems
    assert "test_none.py::test_fact: there is no such test" in problems
    assert "tests/unit/test_it.py::test_fact: proof comes from" in problems
    assert "TestIt" not in problems


def test_proof_survives_the_file_in_any_order(tmp_path: Path) -> None:
    pairs = [("b", "t2"), ("a", "t1"), ("b", "t1"), ("b", "t1")]
    path = tmp_path / "proof.json"
    path.write_text(encode_proof(pairs), encoding="utf-8")

    assert list(read_proof(path).pairs()) == [("a", "t1"), ("b", "t1"), ("b", "t2")]
    assert encode_proof(reversed(pairs)) == encode_proof(pairs)
    assert read_proof(tmp_path / "none.json").claims == ()


def test_the_check_fails_when_the_statement_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "STATEMENT_PATH", tmp_path / "statement.md")
    monkeypatch.setattr(command, "read_proof", lambda: Proof({}))

    assert command.main(["--check"]) == 1
    assert "stale" in capsys.readouterr().err
    assert command.main([]) == 0
    assert command.main(["--check"]) == 0


def test_the_check_fails_for_a_misspelt_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    test = "tests/end_to_end/test_capabilities.py::test_the_service_describes_itself_in_wadl"
    monkeypatch.setattr(command, "STATEMENT_PATH", tmp_path / "statement.md")
    monkeypatch.setattr(command, "read_proof", lambda: Proof({"polcy:resend": [test]}))

    assert command.main([]) == 1
    assert "polcy:resend: proven, but printed nowhere" in capsys.readouterr().err


def test_markdown() -> None:
    assert table(("A", "B"), [("x|y", 1)]) == "| A | B |\n|---|---|\n| x\\|y | 1 |"
    assert table(("A",), [], none="No.") == "*No.*"
    assert contents("## 1 One\n### 1.1 Two, three\n#### no") == (
        "- [1 One](#1-one)\n  - [1.1 Two, three](#11-two-three)"
    )
    assert fill("{{a.b}}!", {"a.b": lambda: "x"}) == "x!"
    with pytest.raises(KeyError):
        fill("{{unknown}}", {})
