"""A store session through the deployed API: parts go by presigned URLs, a worker stores them."""

import hashlib
import json
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from chalicelib.dicomweb.sessions import composite_checksum, plan_parts
from chalicelib.origin.sessions.placing import COPIED_BYTES
from tests.builders_dicom import Uids, element, make_file
from tests.deployed.conftest import Answer, Deployment, eventually
from tests.deployed.test_deployed import MULTIPART, body_of

STUDY = "1.2.9"


def make(sop: str, pixel_bytes: int) -> bytes:
    """Return a file with so many bytes of pixels, which S3 copies if they are enough."""
    pixels = element(0x7FE00010, "OW", bytes(pixel_bytes))
    return make_file(Uids(sop, STUDY, "1.2.8")).with_elements(pixels).encode()


FILES = {sop: make(sop, 300_000) for sop in ("1.2.10.1", "1.2.10.2", "1.2.10.3")} | {
    "1.2.10.4": make("1.2.10.4", COPIED_BYTES)
}


@dataclass
class Client:
    """A user agent: it knows a token, and what the answers told it."""

    deployment: Deployment
    token: str

    def __post_init__(self) -> None:
        self._pool = urllib3.PoolManager(ca_certs=str(self.deployment.emulator.certificate))

    def ask(self, path: str, document: Any = None, method: str = "POST") -> Answer:
        body = b"" if document is None else json.dumps(document).encode()
        return self.deployment.send(path, body, self.token, method, Content_Type="application/json")

    def open(self, body: bytes, service: str = "") -> Answer:
        headers = {"Content-Type": MULTIPART, "Accept": "application/dicom+json"}
        wanted = {"resource": "/studies", "headers": headers, "size": len(body)}
        return self.ask(f"{service}/sessions", wanted)

    def urls(self, identity: str, digests: Mapping[int, bytes]) -> dict[int, Any]:
        """Return where parts go, by their numbers."""
        wanted = [
            {"number": number, "sha256": b64encode(digest).decode()}
            for number, digest in digests.items()
        ]
        answer = self.ask(f"/sessions/{identity}/urls", {"parts": wanted})
        assert answer.status == 200, answer.body
        return {part["number"]: part for part in answer.json()["parts"]}

    def put(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Put a part as any client would; return the status."""
        answer = self._pool.request("PUT", url, body=body, headers=headers, retries=False)
        return int(answer.status)

    def state(self, identity: str) -> Any:
        return self.ask(f"/sessions/{identity}", method="GET").json()


def cut(body: bytes) -> dict[int, bytes]:
    """Return the parts of a body by number."""
    plan = plan_parts(len(body))
    return {
        number: body[plan.offset_of(number) : plan.offset_of(number) + plan.size_of(number)]
        for number in range(1, plan.count + 1)
    }


def digests_of(parts: Mapping[int, bytes]) -> dict[int, bytes]:
    return {number: hashlib.sha256(part).digest() for number, part in parts.items()}


def send(client: Client, body: bytes) -> str:
    """Send a body in a session until it is final; return the session's identity."""
    opened = client.open(body)
    assert opened.status == 201, f"{opened.body!r}\n{client.deployment.log_of('APIHandler')}"
    identity = str(opened.json()["id"])
    parts = cut(body)
    digests = digests_of(parts)
    for number, one in client.urls(identity, digests).items():
        assert client.put(one["url"], parts[number], one["headers"]) == 200
    checksum = {"checksum": composite_checksum(digests.values())}
    completed = client.ask(f"/sessions/{identity}/complete", checksum)
    assert completed.status == 202, completed.body
    eventually(
        lambda: client.state(identity)["state"] == "final",
        lambda: f"{client.state(identity)}\n{client.deployment.log_of('IngestSessions')}",
    )
    return identity


@pytest.fixture(scope="module")
def client(deployment: Deployment) -> Client:
    return Client(deployment, deployment.tokens("write"))


@pytest.fixture(scope="module")
def sent(client: Client) -> str:
    """A session that is final."""
    return send(client, body_of(FILES))


# ---------------------------------------------------------------- what becomes of a body


def test_the_answer_is_that_of_the_store_request(client: Client, sent: str) -> None:
    answer = client.ask(f"/sessions/{sent}/response", method="GET")

    assert (client.state(sent)["status"], answer.status) == (200, 200)
    assert answer.headers["Content-Type"] == "application/dicom+json"
    items = answer.json()["00081199"]["Value"]
    assert [item["00081155"]["Value"][0] for item in items] == list(FILES)


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize("sop", FILES)
def test_each_instance_is_stored_byte_for_byte_read_or_copied(
    deployment: Deployment, sop: str
) -> None:
    s3, bucket = deployment.emulator.client("s3"), deployment.outputs["BucketName"]

    found = s3.get_object(Bucket=bucket, Key=f"default/instances/{sop}.dcm")
    digest = hashlib.sha256(FILES[sop]).hexdigest()
    assert hashlib.sha256(found["Body"].read()).hexdigest() == digest
    assert found["Metadata"]["sha256"] == digest
    records = [item["sk"]["S"] for item in deployment.items("instance/")]
    assert f"instance/1.2.8/{sop}" in records


def test_the_body_is_gone_and_the_answer_stays(deployment: Deployment, sent: str) -> None:
    s3, bucket = deployment.emulator.client("s3"), deployment.outputs["StagingBucketName"]

    kept = s3.list_objects_v2(Bucket=bucket, Prefix=f"default/sessions/{sent}/")["Contents"]
    assert [one["Key"].rpartition("/")[2] for one in kept] == ["answer"]


@pytest.mark.usefixtures("sent")
def test_the_same_body_again_changes_nothing(client: Client, deployment: Deployment) -> None:
    """What is copied is created once too: completing the copy is conditional."""
    again = send(client, body_of(FILES))

    assert client.state(again)["status"] == 200
    versions = deployment.emulator.client("s3").list_object_versions(
        Bucket=deployment.outputs["BucketName"], Prefix="default/instances/1.2.10."
    )["Versions"]
    assert len(versions) == len(FILES)


# ---------------------------------------------------------------- whose a session is


def test_a_session_is_its_senders_alone(deployment: Deployment, sent: str) -> None:
    stranger = Client(deployment, deployment.tokens("write", "read", subject="somebody-else"))
    nobody = Client(deployment, deployment.tokens("write", subject="nobody"))

    assert stranger.ask(f"/sessions/{sent}", method="GET").status == 404
    assert stranger.ask(f"/sessions/{sent}", method="DELETE").status == 404
    assert nobody.ask(f"/sessions/{'0' * 32}", method="GET").status == 404


def test_a_token_for_reading_opens_none(deployment: Deployment) -> None:
    reader = Client(deployment, deployment.tokens("read"))

    assert reader.open(b"x").status == 403


# ---------------------------------------------------------------- what a presigned URL is good for


@dataclass(frozen=True)
class OnePart:
    """An open session of one part, and where the part goes."""

    identity: str
    body: bytes
    url: str
    headers: Mapping[str, str]


@pytest.fixture
def one_part(client: Client) -> Iterator[OnePart]:
    body = body_of({"1.2.11.1": make("1.2.11.1", 1000)})
    identity = client.open(body).json()["id"]
    part = client.urls(identity, digests_of({1: body}))[1]
    yield OnePart(identity, body, part["url"], part["headers"])
    assert client.ask(f"/sessions/{identity}", method="DELETE").status == 200


def received(client: Client, session: OnePart) -> list[int]:
    numbers: list[int] = client.state(session.identity)["received"]
    return numbers


def test_what_was_signed_is_taken(client: Client, one_part: OnePart) -> None:
    assert received(client, one_part) == []
    assert client.put(one_part.url, one_part.body, one_part.headers) == 200
    assert received(client, one_part) == [1]


def test_other_bytes_of_the_same_length_are_refused(client: Client, one_part: OnePart) -> None:
    other = bytes(len(one_part.body))

    assert client.put(one_part.url, other, one_part.headers) == 400
    assert received(client, one_part) == []


def test_another_length_is_refused(client: Client, one_part: OnePart) -> None:
    headers = {**one_part.headers, "Content-Length": str(len(one_part.body) + 1)}

    assert client.put(one_part.url, one_part.body + b"x", headers) == 403
    assert received(client, one_part) == []


def test_another_digest_is_refused(client: Client, one_part: OnePart) -> None:
    other = bytes(len(one_part.body))
    digest = b64encode(hashlib.sha256(other).digest()).decode()

    headers = {**one_part.headers, "x-amz-checksum-sha256": digest}
    assert client.put(one_part.url, other, headers) == 403
    assert received(client, one_part) == []


@pytest.mark.parametrize(
    ("told", "put"), [("partNumber=1", "partNumber=2"), ("/body?", "/other?"), ("900", "9000")]
)
def test_another_url_than_the_signed_one_is_refused(
    client: Client, one_part: OnePart, told: str, put: str
) -> None:
    assert one_part.url.count(told) >= 1
    url = one_part.url.replace(told, put, 1)

    assert client.put(url, one_part.body, one_part.headers) == 403


def test_a_tampered_signature_is_refused(client: Client, one_part: OnePart) -> None:
    signature = parse_qs(urlsplit(one_part.url).query)["X-Amz-Signature"][0]
    tampered = signature[:-1] + ("0" if signature[-1] != "0" else "1")

    url = one_part.url.replace(signature, tampered)
    assert client.put(url, one_part.body, one_part.headers) == 403


def test_a_url_is_signed_for_a_quarter_of_an_hour_and_names_what_it_signs(
    one_part: OnePart,
) -> None:
    query = parse_qs(urlsplit(one_part.url).query)

    assert query["X-Amz-Expires"] == ["900"]
    signed = set(query["X-Amz-SignedHeaders"][0].split(";"))
    assert {"host", "content-length", "x-amz-checksum-sha256"} <= signed
    assert "X-Amz-Security-Token" in query  # the role's temporary credentials


def test_an_expired_url_is_refused(
    client: Client, deployment: Deployment, one_part: OnePart
) -> None:
    """Nobody waits a quarter of an hour: the account signs one for a second, for the same part."""
    query = parse_qs(urlsplit(one_part.url).query)
    url = deployment.emulator.client("s3").generate_presigned_url(
        "upload_part",
        Params={
            "Bucket": deployment.outputs["StagingBucketName"],
            "Key": f"default/sessions/{one_part.identity}/body",
            "UploadId": query["uploadId"][0],
            "PartNumber": 1,
        },
        ExpiresIn=1,
    )
    time.sleep(2.5)

    assert client.put(url, one_part.body, {}) == 403
    assert received(client, one_part) == []


def test_what_is_incomplete_stays_open_and_says_what_is_missing(
    client: Client, one_part: OnePart
) -> None:
    checksum = composite_checksum(digests_of({1: one_part.body}).values())

    answer = client.ask(f"/sessions/{one_part.identity}/complete", {"checksum": checksum})
    assert answer.status == 409
    assert client.state(one_part.identity)["state"] == "open"
