"""The command over folders: journal, reports, exit codes; against a scripted server."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.dicomweb.multipart import split_parts
from chalicelib.useragent.cli import main
from chalicelib.useragent.headers import read_identity
from tests.builders_dicom import IMPLICIT, PIXEL_DATA, Uids, element, make_file
from tests.unit.useragent.fakes import STUDY, module
from tests.unit.useragent.loopback import Connection, Handler, serving

HIDDEN = "s3cr3t-value"
PROXIES = ("x:1", f"socks5://a:{HIDDEN}@x", "http://", f"http://a:{HIDDEN}@x:99999")
PEAK_KIB = 64 * 1024
ROOT = Path(__file__).resolve().parents[3]

Run = Callable[..., Result]


def parts_of(connection: Connection) -> list[str]:
    body = connection.body()
    if not body:
        return []
    boundary = connection.fields[b"content-type"].decode().rpartition("boundary=")[2]
    return [
        read_identity(MemorySource(bytes(part.body))).sop_instance
        for part in split_parts(body, boundary)
    ]


def stores(connection: Connection) -> None:
    connection.answer(200, json.dumps(module(parts_of(connection))).encode())


def refuses(connection: Connection) -> None:
    failed = [(uid, 0x0122) for uid in parts_of(connection)]
    connection.answer(409, json.dumps(module([], failed)).encode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three instances, one of them Implicit VR, and a file that is none."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in (1, 2):
        content = make_file(Uids.of("cli", number, study=STUDY)).encode()
        (folder / f"{number}.dcm").write_bytes(content)
    implicit = make_file(Uids.of("cli", 3, study=STUDY), encoding=IMPLICIT)
    (folder / "3.dcm").write_bytes(implicit.encode())
    (folder / "notes.txt").write_text("hello")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Run ``stowage``; its state is the test's own."""

    def invoke(*words: object, **environ: str) -> Result:
        environment = {"XDG_STATE_HOME": str(tmp_path / "state"), "COLUMNS": "200"} | environ
        return CliRunner().invoke(main, [str(word) for word in words], env=environment)

    return invoke


def send(run: Run, folder: Path, handler: Handler, *options: object, **environ: str) -> Result:
    with serving(handler) as url:
        return run("send", folder, "--to", url, "--no-capabilities", "--journal",
                   folder.parent / "j", *options, **environ)  # fmt: skip


def test_all_stored_is_exit_0(run: Run, folder: Path) -> None:
    result = send(run, folder, stores)
    assert result.exit_code == 0, result.output
    assert "stored      3 of 3" in result.output
    assert "rewritten   1" in result.output
    assert "skipped     1: not a DICOM file" in result.output


def test_the_same_command_sends_nothing_twice_unless_told_to(run: Run, folder: Path) -> None:
    requests = []

    def counts(connection: Connection) -> None:
        requests.append(connection.head)
        stores(connection)

    with serving(counts) as url:
        for options in ((), (), ("--again",)):
            result = run("send", folder, "--to", url, "--no-capabilities", *options)
            assert result.exit_code == 0, result.output
    assert len(requests) == 2


def test_nothing_stored_is_exit_3_with_file_reason_and_advice(run: Run, folder: Path) -> None:
    result = send(run, folder, refuses)
    assert result.exit_code == 3
    for words in ("1.dcm", "Referenced SOP Class not supported (0122H)", "ask its administrator"):
        assert words in result.output


def test_some_failed_is_exit_1_and_a_second_run_sends_those_alone(run: Run, folder: Path) -> None:
    seen = []

    def refuses_first(connection: Connection) -> None:
        uids = parts_of(connection)
        seen.append(uids)
        failed = [(uids[0], 0xA700)] if len(uids) > 1 else []
        body = module(uids[len(failed) :], failed)
        connection.answer(202, json.dumps(body).encode())

    result = send(run, folder, refuses_first, "--attempts", "1")
    assert result.exit_code == 1, result.output
    assert run("status", "--journal", folder.parent / "j").exit_code == 1
    with serving(refuses_first) as url:  # another port, and so another destination
        other = ("--to", url, "--no-capabilities", "--attempts", "1")
        assert run("send", folder, *other).exit_code == 1
        report = folder.parent / "report"
        assert run("send", folder, *other, "--json", report).exit_code == 0
    assert seen[2] == [seen[1][0]]
    attempts = {
        one["sop_instance_uid"]: one.get("attempts")
        for one in json.loads(report.read_text())["outcomes"]
    }
    assert attempts == {uid: 2 if uid in seen[2] else None for uid in seen[1]}


def test_unverified_is_exit_4(run: Run, folder: Path) -> None:
    def lists_another(connection: Connection) -> None:
        connection.body()
        connection.answer(202, json.dumps(module(["1.2.3", "1.2.4"])).encode())

    result = send(run, folder, lists_another, "--no-verify")
    assert result.exit_code == 4
    assert "unverified  3" in result.output


def test_a_damaged_file_is_a_failure_and_not_a_footnote(run: Run, folder: Path) -> None:
    (folder / "cut.dcm").write_bytes((folder / "1.dcm").read_bytes()[:145])
    result = send(run, folder, stores)
    assert result.exit_code == 1
    assert "cut.dcm" in result.output


def test_another_study_is_refused_clearly(run: Run, folder: Path) -> None:
    other = make_file(Uids.of("other study")).encode()
    (folder / "other.dcm").write_bytes(other)
    result = send(run, folder, stores, "--study", STUDY)
    assert result.exit_code == 1
    assert "stored      3 of 4" in result.output
    assert "another study" in result.output


def test_a_copy_is_sent_once_and_a_changeling_not_at_all(run: Run, folder: Path) -> None:
    content = make_file(Uids.of("twin", study=STUDY))
    (folder / "a.dcm").write_bytes(content.encode())
    (folder / "b.dcm").write_bytes(content.encode())
    with serving(stores) as url:
        words = ("send", folder, "--to", url, "--journal", folder.parent / "j")
        assert run(*words, "--no-capabilities").exit_code == 0
        changed = content.with_elements(element(PIXEL_DATA, "OW", bytes(16))).encode()
        (folder / "c.dcm").write_bytes(changed)
        result = run(*words, "--no-capabilities")
    assert result.exit_code == 1
    assert "other content" in result.output


def test_usage_is_exit_2(run: Run, folder: Path) -> None:
    for options in (
        ("--to", "ftp://x"),
        ("--to", "http://x", "--user", "a"),
        ("--to", "https://x", "--batch-bytes", "many"),
        ("--to", "https://x", "--study", "1.02"),
        ("--to", "https://x", "--user", "a", "--bearer"),
        *(("--to", "https://x", "--proxy", one) for one in PROXIES),
        (),
    ):
        result = run("send", folder, *options)
        assert result.exit_code == 2
        assert HIDDEN not in result.output
    assert run("send", folder / "missing", "--to", "https://x").exit_code == 2


def test_a_server_that_is_not_there_is_exit_3_and_the_next_run_goes_on(
    run: Run, folder: Path
) -> None:
    with serving(stores) as url:
        pass
    words = ("send", folder, "--no-capabilities", "--attempts", "1")
    result = run(*words, "--to", url)
    assert result.exit_code == 3
    assert "refuses connections" in result.output


def test_dry_run_sends_nothing(run: Run, folder: Path) -> None:
    result = run("send", folder, "--to", "https://nowhere.invalid", "--dry-run")
    assert result.exit_code == 0
    assert "3 instances" in result.output
    assert "1 rewritten" in result.output
    assert not list(folder.parent.rglob("*.journal"))


def test_the_report_tells_of_every_instance(run: Run, folder: Path) -> None:
    result = send(run, folder, refuses, "--json", folder.parent / "r.json", "--quiet")
    report = json.loads((folder.parent / "r.json").read_text())
    assert (report["exit_code"], report["failed"], result.exit_code) == (3, 3, 3)
    assert {one["reason"] for one in report["outcomes"]} == {"0122"}
    assert report["skipped"] == [{"path": str(folder / "notes.txt"), "reason": "not a DICOM file"}]


@pytest.mark.parametrize("handler", [stores, refuses])
def test_secrets_are_nowhere(run: Run, folder: Path, handler: Handler) -> None:
    report = folder.parent / "r.json"
    result = send(run, folder, handler, "--json", report, "--user", "ada", "--header",
                  f"X-Key: {HIDDEN}", STOWAGE_PASSWORD=HIDDEN)  # fmt: skip
    written = [path.read_bytes() for path in folder.parent.rglob("*") if path.is_file()]
    assert HIDDEN not in result.output
    assert all(HIDDEN.encode() not in content for content in written)


def test_no_value_of_a_patient_is_in_the_journal(run: Run, folder: Path) -> None:
    send(run, folder, refuses)
    patient = make_file(Uids.of("x"))
    names = [value for value in (b"DOE", b"MRN") if value in patient.encode()]
    for path in folder.parent.glob("j*"):
        assert all(name not in path.read_bytes() for name in names)


def test_help_has_examples_and_exit_codes(run: Run) -> None:
    text = run("send", "--help").output
    assert "stowage send CT/ --to" in text
    assert "unverified" in text


def test_memory_stays_constant_for_a_large_folder(tmp_path: Path) -> None:
    """200 MB of sparse files in a process that may not grow past 64 MiB."""
    folder = tmp_path / "large"
    folder.mkdir()
    for number in range(20):
        file = make_file(Uids.of("large", number)).with_elements(
            element(PIXEL_DATA, "OW", b"", length=10_000_000)
        )
        with (folder / str(number)).open("wb") as out:
            out.write(file.encode())
            out.truncate(out.tell() + 10_000_000)
    script = (
        "from chalicelib.useragent.cli import main\n"
        "try: main()\n"
        "finally: print(*[l for l in open('/proc/self/status') if l.startswith('VmHWM')])\n"
    )
    with serving(stores) as url:
        words = [sys.executable, "-c", script, "send", str(folder), "--to", url, "-q",
                 "--no-capabilities", "--batch-bytes", "40M"]  # fmt: skip
        done = subprocess.run(
            words,
            cwd=ROOT,
            env=os.environ | {"XDG_STATE_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-2]) < PEAK_KIB


@pytest.mark.skipif(sys.platform == "darwin", reason="file names there are UTF-8")
def test_names_that_are_no_text_neither_end_a_run_nor_command_the_terminal(
    run: Run, tmp_path: Path
) -> None:
    """A copy with other content names the first in its detail, which the journal keeps."""
    folder = os.fsencode(tmp_path) + b"/in"
    os.mkdir(folder)
    for name, number, length in ((b"\xff\x1b[31m", 1, 0), (b"2\xfe\x07", 1, 64), (b"3", 3, 0)):
        pixels = element(PIXEL_DATA, "OW", bytes(length))
        file = make_file(Uids.of("names", number, study=STUDY)).with_elements(pixels)
        with open(folder + b"/" + name, "wb") as out:
            out.write(file.encode())
    journal = os.fsdecode(os.fsencode(tmp_path) + b"/j\xff")

    with serving(stores) as url:
        words = ("--to", url, "--no-capabilities", "--journal", journal)
        result = run("send", os.fsdecode(folder), *words, "--json", tmp_path / "report")
    status = run("status", "--journal", journal)

    assert result.exit_code == status.exit_code == 1, result.output
    assert "stored      2 of 3" in result.output
    report = json.loads((tmp_path / "report").read_text())
    [copy] = [one for one in report["outcomes"] if one["state"] == "failed"]
    first, second = "/in/\\xff\x1b[31m", "/in/2\\xfe\x07"
    assert {one["path"].removeprefix(str(tmp_path)) for one in report["outcomes"]} == {
        first,
        second,
        "/in/3",
    }
    other = second if copy["path"].endswith(first) else first
    assert other in copy["why"]
    for text in (result.output, status.output):
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "\\xff\\x1b[31m" in text
        assert "2\\xfe\\x07" in text
    assert "/j\\xff)" in status.output


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["1.dcm"], "  1 instance, 658 B, of 1 study\n  in 1 request\n"),
        (["1.dcm", "2.dcm"], "  2 instances, 1.3 kB, of 1 study\n  in 1 request\n"),
    ],
)
def test_the_plan_counts_in_words(run: Run, folder: Path, names: list[str], words: str) -> None:
    paths = [folder / name for name in names]
    result = run("send", *paths, "--to", "https://nowhere.invalid", "--dry-run")
    assert words in result.output
