"""The command by store session over real sockets: doors, credentials, memory, kill -9."""

import json
import os
import signal
import subprocess
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chalicelib.dicomweb.messages import Headers
from chalicelib.dicomweb.sessions import SessionState, composite_checksum, decode_complete
from chalicelib.useragent.cli import main
from chalicelib.useragent.transport import OutgoingRequest, Response
from tests.builders_dicom import PIXEL_DATA, Uids, element, make_file
from tests.unit.useragent.fakes import BASE, STUDY, Sent, answer, module
from tests.unit.useragent.loopback import Connection, serving
from tests.unit.useragent.session_service import STAGING, Session, SessionService

ROOT = Path(__file__).resolve().parents[3]
PEAK_KIB = 64 * 1024
SEEN = ("authorization", "content-type", "x-amz-checksum-sha256")


class Body:
    """What came as a body, as a content."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.length = len(content)

    def __iter__(self) -> Iterator[bytes]:
        yield self.content


@contextmanager
def fronting(service: SessionService) -> Iterator[str]:
    """Serve a service, and the bucket that it names, over HTTP; give the base URL."""
    service.steps, service.retry_after = (SessionState.QUEUED,), 1
    origin: list[str] = []

    def serve(connection: Connection) -> None:
        method, target, *_ = connection.head.split(b"\r\n")[0].decode().split(" ")
        place = STAGING if target.startswith("/staging") else BASE
        path = target.removeprefix("/staging").removeprefix("/dicom-web")
        lines = (line.partition(": ") for line in connection.head.decode().split("\r\n")[1:])
        fields = [(name, value) for name, _, value in lines if name.lower() in SEEN]
        body = Body(connection.body())
        response = service.send(OutgoingRequest(method, f"{place}{path}", tuple(fields), body))
        told = [f"{name}: {value}" for name, value in response.headers]
        here = f"{origin[0]}/staging".encode()
        connection.answer(response.status, response.body.replace(STAGING.encode(), here), *told)

    with serving(serve) as url:
        origin.append(url.removesuffix("/dicom-web"))
        yield url


class Forgetful(SessionService):
    """A service that keeps digests of parts instead of parts, and stores what it is told to."""

    def __init__(self, uids: list[str]) -> None:
        super().__init__(max_body_bytes=4_690_000, part_bytes=8 << 20)
        self.uids = uids

    def _put(self, sent: Sent) -> Response:
        identity, number = sent.url.split("?")[0].split("/")[-2:]
        digest = sha256(sent.body).digest()
        if b64encode(digest).decode() != sent.headers.get("x-amz-checksum-sha256"):
            return answer(400)
        self.log[-1] = Sent(sent.method, sent.url, sent.headers, b"", sent.length)
        self.sessions[identity].parts[int(number)] = digest
        return Response(200)

    def _complete(self, sent: Sent) -> Response:
        session = self.sessions[self._identity(sent)]
        digests = [session.parts[number] for number in sorted(session.parts)]
        assert decode_complete(sent.body) == composite_checksum(digests)
        session.state, session.polls = SessionState.QUEUED, list(self.steps)
        return Response(202)

    def _finish(self, session: Session) -> SessionState:
        session.final = answer(200, module(self.uids))
        return SessionState.FINAL


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        content = make_file(Uids.of("by session", number, study=STUDY)).encode()
        (folder / f"{number}.dcm").write_bytes(content)
    return folder


def stowage(tmp_path: Path, *words: object, **environ: str) -> Result:
    environment = {"XDG_STATE_HOME": str(tmp_path / "state"), "COLUMNS": "200"} | environ
    return CliRunner().invoke(main, [str(word) for word in words], env=environment)


def test_what_is_refused_by_the_small_door_goes_by_session(tmp_path: Path, folder: Path) -> None:
    service = SessionService(max_body_bytes=500, part_bytes=200)
    with fronting(service) as url:
        result = stowage(tmp_path, "send", folder, "--to", url, "--no-capabilities",
                         "--user", "ada", STOWAGE_PASSWORD="s3cret")  # fmt: skip
        assert result.exit_code == 0, result.output
        plan = stowage(tmp_path, "send", folder, "--to", url, "--dry-run", "--again")
    assert "stored      3 of 3" in result.output
    assert list(dict.fromkeys(service.kinds()))[:4] == ["store", "open", "urls", "PUT"]
    assert len(service.of("store")) == 1
    assert all(one.headers.get("Authorization") for one in service.of("open"))
    assert "in 0 requests and 3 store sessions" in plan.output


def test_the_door_can_be_chosen(tmp_path: Path, folder: Path) -> None:
    service = SessionService(max_body_bytes=1 << 20)
    with fronting(service) as url:
        for door, kind in (("small", "store"), ("session", "open"), ("auto", "store")):
            words = ("send", folder, "--to", url, "--door", door, "--again", "--no-capabilities")
            assert stowage(tmp_path, *words).exit_code == 0
            assert kind in service.kinds()
            service.log.clear()


@pytest.mark.parametrize("option", [("--gzip",), ("--chunked",), ("--as", "json")])
def test_sessions_alone_do_not_take_everything(
    tmp_path: Path, folder: Path, option: tuple[str, ...]
) -> None:
    words = ("send", folder, "--to", "https://x", "--door", "session", *option)
    assert stowage(tmp_path, *words).exit_code == 2


def test_memory_stays_constant_for_a_large_instance(tmp_path: Path) -> None:
    """300 MB in sparse files, one of them of 200 MB, in a process that stays below 64 MiB."""
    folder = tmp_path / "large"
    folder.mkdir()
    uids = []
    for number in range(11):
        size = 200_000_000 if number == 0 else 10_000_000
        one = Uids.of("large", number)
        uids.append(one.instance)
        file = make_file(one).with_elements(element(PIXEL_DATA, "OW", b"", length=size))
        with (folder / str(number)).open("wb") as out:
            out.write(file.encode())
            out.truncate(out.tell() + size)
    script = (
        "from chalicelib.useragent.cli import main\n"
        "try: main()\n"
        "finally: print(*[l for l in open('/proc/self/status') if l.startswith('VmHWM')])\n"
    )
    service = Forgetful(uids)
    with fronting(service) as url:
        words = [sys.executable, "-c", script, "send", str(folder), "--to", url, "-q",
                 "--no-capabilities", "--door", "session"]  # fmt: skip
        environ = os.environ | {"XDG_STATE_HOME": str(tmp_path)}
        done = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True,
                              timeout=120, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sum(one.length or 0 for one in service.of("PUT")) > 300_000_000
    assert int(done.stdout.split()[-2]) < PEAK_KIB


def test_killed_in_the_middle_of_a_session_no_part_is_sent_twice(
    tmp_path: Path, folder: Path
) -> None:
    service = SessionService(part_bytes=100)
    arrived = threading.Event()

    def count(moment: str) -> None:
        if moment == "before PUT" and len(service.of("PUT")) == 7:
            arrived.set()
            victim.send_signal(signal.SIGKILL)
            victim.wait()

    service.watch = count
    with fronting(service) as url:
        words = [sys.executable, "-m", "chalicelib.useragent.cli", "send", str(folder), "--to", url,
                 "--journal", str(tmp_path / "j"), "--quiet", "--json", "-", "--no-capabilities",
                 "--door", "session", "--connections", "1"]  # fmt: skip
        victim = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL)
        assert victim.wait() == -signal.SIGKILL
        assert arrived.wait(30)
        told = stowage(tmp_path, "status", "--journal", tmp_path / "j")
        assert "half sent   3: run the same command again" in told.output
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert (report["exit_code"], report["stored"]) == (0, 3)
    assert len(service.of("open")) == 1
    numbers = service.put_parts()
    # The seventh was on its way: it came twice at most, and whatever was acknowledged once.
    assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))
    assert len(numbers) - len(set(numbers)) <= 2


def test_digests_are_those_of_the_parts(tmp_path: Path, folder: Path) -> None:
    service = SessionService(part_bytes=333)
    with fronting(service) as url:
        words = ("send", folder, "--to", url, "--door", "session", "--no-capabilities")
        assert stowage(tmp_path, *words).exit_code == 0
    for sent in service.of("PUT"):
        told = b64decode(Headers(sent.headers).get("x-amz-checksum-sha256") or "")
        assert told == sha256(sent.body).digest()
