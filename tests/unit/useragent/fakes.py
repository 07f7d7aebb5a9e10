"""What tests of the user agent stand on: instances, a clock, a transport with a script."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib.dicomweb.media_types import request_media_type
from chalicelib.dicomweb.messages import Headers
from chalicelib.dicomweb.multipart import Part, split_parts
from chalicelib.useragent.client import Destination, StoreClient
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.model import Instance, Outcome
from chalicelib.useragent.retry import RetryPolicy
from chalicelib.useragent.sources import MemorySource
from chalicelib.useragent.transport import OutgoingRequest, Response
from tests.builders_dicom import LITTLE, TRANSFER_SYNTAX_OF, Encoding, Uids, make_file, uid_of

BASE = "https://pacs.example/dicom-web"
STUDY = uid_of("a study")


def make_instance(name: object = 1, encoding: Encoding = LITTLE, **changes: Any) -> Instance:
    uids = Uids.of(name, study=STUDY)
    known: dict[str, Any] = {
        "sop_class": uids.sop_class,
        "sop_instance": uids.instance,
        "study": uids.study,
        "series": uids.series,
        "transfer_syntax": TRANSFER_SYNTAX_OF[encoding],
        "source": MemorySource(f"file-{name}", make_file(uids, encoding=encoding).encode()),
    }
    return Instance(**(known | changes))


def make_instances(count: int) -> list[Instance]:
    return [make_instance(number) for number in range(1, count + 1)]


class FakeClock:
    """Waits in no time and remembers how long."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []
        self._boundaries = 0

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def uniform(self, low: float, high: float) -> float:
        return high

    def boundary(self) -> str:
        self._boundaries += 1
        return f"boundary-{self._boundaries}"


@dataclass
class Sent:
    """A request as it went out, its body read to the end."""

    method: str
    url: str
    headers: Headers
    body: bytes
    length: int | None

    @property
    def parts(self) -> Sequence[Part]:
        payload = request_media_type(self.headers.get("Content-Type"))
        assert payload.boundary is not None
        return split_parts(self.body, payload.boundary)

    @property
    def uids(self) -> list[str]:
        """SOP Instance UIDs in the order of the parts, read as a server would."""
        from chalicelib.dicomweb.byte_source import MemorySource as Bytes
        from chalicelib.useragent.headers import read_identity

        return [read_identity(Bytes(bytes(part.body))).sop_instance for part in self.parts]


Step = Response | Exception | Callable[[Sent], Response]


def sent_of(request: OutgoingRequest) -> Sent:
    """Read a request to its end."""
    body = b"".join(bytes(chunk) for chunk in request.body or ())
    length = request.body.length if request.body is not None else 0
    return Sent(request.method, request.url, Headers(request.headers), body, length)


def write_instances(folder: Path, count: int) -> None:
    """Fill a new folder with instances of one study."""
    folder.mkdir()
    for number in range(count):
        content = make_file(Uids.of(folder.name, number, study=STUDY)).encode()
        (folder / f"{number}.dcm").write_bytes(content)


class ScriptedTransport:
    """Answers requests step by step; the last step goes on for ever."""

    def __init__(self, *script: Step) -> None:
        self.script = list(script)
        self.sent: list[Sent] = []

    def send(self, request: OutgoingRequest) -> Response:
        sent = sent_of(request)
        self.sent.append(sent)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        return step(sent) if callable(step) else step

    @property
    def posts(self) -> list[Sent]:
        return [one for one in self.sent if one.method == "POST"]


@dataclass
class Recorder:
    """An observer that keeps what it is told."""

    sent: list[list[str]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    left: list[Instance] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    pauses: int = 0

    def sending(self, instances: Sequence[Instance]) -> None:
        self.sent.append([one.sop_instance for one in instances])

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes += outcomes

    def idle(self) -> None:
        self.pauses += 1

    def abandoned(self, instances: Sequence[Instance]) -> None:
        self.left += instances

    def waiting(self, seconds: float, why: str) -> None:
        self.waits.append(seconds)


def make_client(transport: ScriptedTransport, **changes: Any) -> StoreClient:
    known: dict[str, Any] = {"clock": FakeClock(), "policy": RetryPolicy(attempts=3)}
    study = changes.pop("study", "")
    auth = changes.pop("auth", None)
    exchange = Exchange(transport, auth) if auth is not None else Exchange(transport)
    return StoreClient(Destination(BASE, study), exchange, **(known | changes))


# ---------------------------------------------------------------- answers


def attribute(vr: str, *values: Any) -> dict[str, Any]:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def item(uid: str, reason: int | None = None, tag: str = "00081197") -> dict[str, Any]:
    members = {
        "00081150": attribute("UI", "1.2.840.10008.5.1.4.1.1.2"),
        "00081155": attribute("UI", uid),
    }
    return members | ({} if reason is None else {tag: attribute("US", reason)})


def module(
    referenced: Iterable[str | tuple[str, int]] = (),
    failed: Iterable[tuple[str, int]] = (),
    other: Iterable[int] = (),
) -> dict[str, Any]:
    members: dict[str, Any] = {"00081190": attribute("UR")}
    pairs = [(one, None) if isinstance(one, str) else one for one in referenced]
    lists = {
        "00081198": [item(uid, reason) for uid, reason in failed],
        "00081199": [item(uid, reason, "00081196") for uid, reason in pairs],
        "0008119A": [{"00081197": attribute("US", reason)} for reason in other],
    }
    return members | {tag: attribute("SQ", *items) for tag, items in lists.items() if items}


def answer(
    status: int, body: Any = b"", content_type: str = "application/dicom+json", **fields: str
) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in fields.items()}
    headers = {"Content-Type": content_type} | names
    return Response(status, Headers(headers.items()), content)


def stores_all(sent: Sent) -> Response:
    """Store whatever comes, and answer a search for it."""
    return answer(200, module(sent.uids))
