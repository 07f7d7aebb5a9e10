"""The statement's mechanism: it prints what is proven, and complains about what is not."""

from pathlib import Path

import pytest

from chalicelib.standard.capabilities import WADL
from chalicelib.standard.created_iods import CREATED_IODS
from chalicelib.useragent.reasons import FailureKind
from chalicelib.useragent.refusals import REFUSED_BY_DESTINATION
from chalicelib.useragent.retry import RETRIED_STATUSES
from infra.conformance import __main__ as command
from infra.conformance.created import MADE_FROM
from infra.conformance.markdown import contents, fill, table
from infra.conformance.proof import Proof, encode_proof, problems_of, read_proof
from infra.conformance.sessions import PROMISES, STEPS, Step
from infra.conformance.statement import render
from infra.conformance.tables import POLICIES
from infra.conformance.user_agent import KINDS, options
from infra.conformance.user_agent_policies import UA_POLICIES

JPEG = "1.2.840.10008.1.2.4.50"
TEST = "tests/end_to_end/test_it.py::test_fact[a-b]"


def test_a_row_without_proof_is_not_printed() -> None:
    row = f"| Image | `image/jpeg` | `{JPEG}` | JPEG Baseline (Process 1) | N |"

    assert row not in render(Proof({}))
    assert f"{row} JSON |" in render(Proof({f"bulkdata:image/jpeg:{JPEG}:json": [TEST]}))


def test_without_proof_nothing_is_supported() -> None:
    text = render(Proof({}))

    assert "| Store | Studies | N | N |" in text
    assert not any(sentence in text for sentence in UA_POLICIES.values())
    assert not any(sentence in text for sentence in POLICIES.values())
    assert (
        "Metadata with bulkdata (DICOM JSON Model or Native DICOM Model) is not supported" in text
    )


SECONDARY_CAPTURE_ROW = "| Secondary Capture Image Storage | `1.2.840.10008.5.1.4.1.1.7` |"


@pytest.mark.parametrize(
    ("claim", "row"),
    [
        ("ua-resource:studies", "| Store | Studies | Y | N |"),
        ("ua-resource:studies", "| Studies | `/studies` | the default |"),
        ("ua-resource:study", "| Study | `/studies/{study}` | `--study` |"),
        ("ua-search:instances", "| Search | Instances of a Series | Y | N |"),
        (f"ua-capabilities:{WADL}", "| Retrieve Capabilities | Studies, Study | Y | N |"),
        (
            'ua-request:multipart/related; type="application/dicom+json"',
            '| Content-Type | `multipart/related; type="application/dicom+json"` | `--as json` |',
        ),
        ("ua-header:content-encoding", "| Content-Encoding | `gzip` | `--gzip` |"),
        ("ua-status:307", "| Redirection | 307 (Temporary Redirect) | Followed, with the same"),
        ("ua-status:other", "| Failure | Other Status Codes | As 400. |"),
        ("ua-reason:exists", "| 0111H, 45070 | the server holds an instance of this UID |"),
        ("ua-auth:basic", "- HTTP Basic (RFC 7617)"),
        ("created:1.2.840.10008.5.1.4.1.1.7:png", "| Secondary Capture Image | `1.2.840.10008."),
        (
            "created:1.2.840.10008.5.1.4.1.1.7:png",
            "| SamplesPerPixel | (0028,0002) | US | 1 | ALWAYS | ALWAYS | read from the file |  |",
        ),
        ("created:1.2.840.10008.5.1.4.1.1.104.1:pdf", "| ALWAYS | EMPTY | the same in every"),
    ],
)
def test_a_row_of_the_user_agent_stands_on_its_claim(claim: str, row: str) -> None:
    assert row not in render(Proof({}))
    assert row in render(Proof({claim: [TEST]}))


@pytest.mark.parametrize(
    ("claims", "columns"),
    [
        ((), "N | N | Y |"),
        (("ua-sop-class:1.2.840.10008.5.1.4.1.1.7",), "N | Y | Y |"),
        (("created:1.2.840.10008.5.1.4.1.1.7:jpeg",), "Y | N | Y |"),
    ],
)
def test_columns_of_a_class_are_proven_apart(claims: tuple[str, ...], columns: str) -> None:
    proof = Proof({key: [TEST] for key in ("sop-class:1.2.840.10008.5.1.4.1.1.7", *claims)})
    assert f"{SECONDARY_CAPTURE_ROW} {columns}" in render(proof)


def test_the_form_that_the_user_agent_sends_is_a_column_of_its_own() -> None:
    claims = [f"bulkdata:image/jpeg:{JPEG}:json", f"ua-bulkdata:image/jpeg:{JPEG}:xml"]
    row = f"| Image | `image/jpeg` | `{JPEG}` | JPEG Baseline (Process 1) | XML | JSON |"
    assert row in render(Proof({key: [TEST] for key in claims}))


def test_what_may_not_travel_is_said_to_be_rewritten() -> None:
    uids = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")
    claims = [f"{kind}:{uid}" for uid in uids for kind in ("instance", "ua-instance")]
    text = render(Proof({key: [TEST] for key in claims}))
    assert f"| `{uids[0]}` | as Explicit VR Little Endian |" in text
    assert f"| `{uids[1]}` | unchanged |" in text


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.claim)
def test_a_request_of_a_session_stands_on_its_claim(step: Step) -> None:
    row = f"| {step.meaning} | {step.answers} |"

    assert row not in render(Proof({}))
    assert row in render(Proof({f"session:{step.claim}": [TEST]}))


@pytest.mark.parametrize("name", PROMISES)
def test_a_promise_of_sessions_stands_on_its_claim(name: str) -> None:
    assert PROMISES[name] not in render(Proof({}))
    assert f"- {PROMISES[name]}" in render(Proof({f"session:{name}": [TEST]}))


def test_every_status_and_reason_that_is_obeyed_can_be_proven() -> None:
    proof = Proof({})
    render(proof)
    obeyed = {f"ua-status:{number}" for number in (*RETRIED_STATUSES, *REFUSED_BY_DESTINATION)}
    obeyed |= {f"ua-reason:{kind.name.lower()}" for kind in FailureKind}
    assert obeyed <= set(proof.unproven)
    assert {f"ua-policy:{name}" for name in UA_POLICIES} <= set(proof.unproven)


def test_every_created_class_is_made_of_something() -> None:
    assert set(MADE_FROM) == set(CREATED_IODS)
    assert KINDS.keys() == set(FailureKind)


def test_the_options_are_those_of_the_command() -> None:
    assert "| `--attempts` | 6 |" in options()
    assert "| `--capabilities`, `--no-capabilities` | on |" in options()


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
