"""The Store Transaction over HTTP (PS3.18 10.5), fact by fact, for payloads of DICOM files.

Answers are read by parsers that share nothing with those that wrote them. R-… are the numbers by
which the code's comments cite the facts.
"""

import email
import email.policy
import gzip
import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from pydicom import Dataset

from chalicelib.standard.media_types import ALIASES, REQUEST_TYPES
from infra.local.stack import LocalStack
from tests.builders_dicom import PATIENT_ID, FileParts, Uids, element, make_file
from tests.end_to_end.conftest import Answer, Post

JSON = "application/dicom+json"
XML = "application/dicom+xml"
PROBLEM = "application/problem+json"
BOUNDARY = "stowage-protocol-91d2"
RETRIEVE_URL, FAILED, REFERENCED, OTHER = "00081190", "00081198", "00081199", "0008119A"
NAMESPACE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"


def typed(boundary: str = BOUNDARY) -> str:
    return f'multipart/related; type="application/dicom"; boundary="{boundary}"'


def framed(*bodies: bytes, boundary: str = BOUNDARY) -> bytes:
    parts = [
        f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode() + body + b"\r\n"
        for body in bodies
    ]
    return b"".join(parts) + f"--{boundary}--".encode()


def one_file(name: str, study: str | None = None) -> tuple[Uids, FileParts]:
    uids = Uids.of("protocol", name, study=study)
    return uids, make_file(uids)


class Service:
    """The service of one partition: its URL, and requests to it."""

    def __init__(self, stack: LocalStack, post: Post, partition: str) -> None:
        self.stack = stack
        self.path = f"/partitions/{partition}"
        self.url = f"{stack.url}{self.path}"
        self._post = post
        self._partition = partition

    def store(
        self,
        *files: bytes,
        target: str = "/studies",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST files as a multipart payload."""
        fields = {"Content-Type": typed(), "Accept": JSON, **(headers or {})}
        return self.send(framed(*files), target, fields)

    def send(
        self,
        body: bytes,
        target: str = "/studies",
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
    ) -> Answer:
        """Send any request."""
        return self._post(f"{self.path}{target}", body, headers or {}, method)

    def kept(self) -> dict[str, bytes]:
        """What is stored, by SOP Instance UID."""
        prefix, s3 = f"{self._partition}/instances/", self.stack.clients.s3
        listed = s3.list_objects_v2(Bucket=self.stack.bucket, Prefix=prefix).get("Contents", [])
        return {
            entry["Key"].removeprefix(prefix).removesuffix(".dcm"): s3.get_object(
                Bucket=self.stack.bucket, Key=entry["Key"]
            )["Body"].read()
            for entry in listed
        }


@pytest.fixture
def service(local_stack: LocalStack, post: Post, partition: str) -> Service:
    """A service that nothing was stored to."""
    return Service(local_stack, post, partition)


def uids_in(answer: Answer, sequence: str) -> list[str]:
    """The SOP Instance UIDs of a sequence's items, in order."""
    items = answer.json().get(sequence, {}).get("Value", [])
    return [item["00081155"]["Value"][0] for item in items]


def reasons_in(answer: Answer, sequence: str) -> list[int]:
    """The Failure Reasons of a sequence's items, in order."""
    items = answer.json().get(sequence, {}).get("Value", [])
    return [item["00081197"]["Value"][0] for item in items]


def is_stored(answer: Answer, *instances: str) -> bool:
    return answer.status == 200 and uids_in(answer, REFERENCED) == list(instances)


# ---------------------------------------------------------------- target resources (R-101 to 109)


def test_r103_the_studies_resource_takes_instances_of_any_number_of_studies(
    service: Service,
) -> None:
    made = [one_file(name) for name in ("a", "b", "c")]

    answer = service.store(*(file.encode() for _, file in made))

    assert is_stored(answer, *(uids.instance for uids, _ in made))
    assert service.kept() == {uids.instance: file.encode() for uids, file in made}


def test_r103_the_study_resource_takes_its_own_instances_alone(service: Service) -> None:
    ours, file = one_file("ours", study="2.25.77")
    theirs, other = one_file("theirs")

    alone = service.store(other.encode(), target="/studies/2.25.77")
    both = service.store(other.encode(), file.encode(), target="/studies/2.25.77")

    assert (alone.status, reasons_in(alone, FAILED)) == (409, [0xA901])
    assert (both.status, reasons_in(both, FAILED)) == (202, [0xA901])
    assert uids_in(both, FAILED) == [theirs.instance]
    assert uids_in(both, REFERENCED) == [ours.instance]
    assert list(service.kept()) == [ours.instance]


def test_r401_instances_are_added_to_an_existing_study(service: Service) -> None:
    for name in ("first", "second"):
        uids, file = one_file(name, study="2.25.78")
        assert is_stored(service.store(file.encode(), target="/studies/2.25.78"), uids.instance)

    assert len(service.kept()) == 2


def test_a_study_that_does_not_exist_is_created_and_not_404(service: Service) -> None:
    uids, file = one_file("new")

    answer = service.store(file.encode(), target=f"/studies/{uids.study}")

    assert is_stored(answer, uids.instance)


def test_r104_a_study_that_is_no_uid_is_400(service: Service) -> None:
    _, file = one_file("no uid")

    for study in ("1.02.3", "1.2.", "1.2.3." + "4" * 64, "x", "1"):
        assert service.store(file.encode(), target=f"/studies/{study}").status == 400
    assert service.kept() == {}


def test_a_final_slash_changes_nothing(service: Service) -> None:
    uids, file = one_file("slash")

    assert is_stored(service.store(file.encode(), target="/studies/"), uids.instance)


@pytest.mark.parametrize("target", ["/studies", "/studies/2.25.79"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_r101_other_methods_are_405_and_told_what_is_allowed(
    service: Service, method: str, target: str
) -> None:
    answer = service.send(b"", target, {"Accept": JSON}, method)

    assert answer.status == 405
    assert "POST" in str(answer.headers["Allow"]).replace(" ", "").split(",")


@pytest.mark.parametrize("target", ["/studies/1.2/series", "/studies/1.2/series/1.3/instances", ""])
def test_r102_nothing_else_can_be_posted_to(service: Service, target: str) -> None:
    _, file = one_file("elsewhere")

    answer = service.store(file.encode(), target=target)

    # There is no such resource; the service itself does not take POST.
    assert answer.status == (404 if target else 405)
    assert service.kept() == {}


def test_partitions_never_see_each_other_s_uids(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    one, other = (Service(local_stack, post, f"{partition}-{side}") for side in "ab")
    uids, file = one_file("both")
    changed = file.with_elements(element(PATIENT_ID, "LO", b"PID-2 "))

    assert is_stored(one.store(file.encode()), uids.instance)
    assert is_stored(other.store(changed.encode()), uids.instance)
    assert one.kept() != other.kept()
    assert one.store(file.encode()).headers["Location"] == f"{one.url}/studies/{uids.study}"


def test_without_a_partition_the_default_one_is_meant(post: Post, local_stack: LocalStack) -> None:
    uids, file = one_file("default")
    headers = {"Content-Type": typed(), "Accept": JSON}

    answer = post("/studies", framed(file.encode()), headers)

    assert is_stored(answer, uids.instance)
    assert answer.headers["Location"] == f"{local_stack.url}/studies/{uids.study}"
    local_stack.clients.s3.head_object(
        Bucket=local_stack.bucket, Key=f"default/instances/{uids.instance}.dcm"
    )


# ---------------------------------------------------------------- query parameters (R-110 to 116)


def test_r113_unknown_parameters_are_ignored(service: Service) -> None:
    uids, file = one_file("unknown parameter")

    answer = service.store(file.encode(), target="/studies?colour=blue&x")

    assert is_stored(answer, uids.instance)


def test_r111_accept_may_stand_in_the_query(service: Service) -> None:
    _, file = one_file("accept parameter")

    for written in (
        "application/dicom%2Bxml",
        "application/dicom+xml",
        "application%2Fdicom%2Bxml",
    ):
        answer = service.store(
            file.encode(), target=f"/studies?accept={written}", headers={"Accept": "*/*"}
        )
        assert answer.headers["Content-Type"] == XML


def test_r112_the_parameter_must_be_covered_by_the_header(service: Service) -> None:
    _, file = one_file("not covered")

    answer = service.store(
        file.encode(), target="/studies?accept=application/dicom%2Bxml", headers={"Accept": JSON}
    )

    assert answer.status == 400
    assert service.kept() == {}


@pytest.mark.parametrize("value", ["*/*", "nonsense", "", "application/*"])
def test_r113_an_invalid_value_of_accept_is_400(service: Service, value: str) -> None:
    _, file = one_file("invalid accept")

    assert service.store(file.encode(), target=f"/studies?accept={value}").status == 400
    assert service.kept() == {}


def test_r114_names_of_parameters_are_case_sensitive(service: Service) -> None:
    _, file = one_file("case")

    answer = service.store(file.encode(), target="/studies?Accept=nonsense&ACCEPT=nonsense")

    assert answer.status == 200


@pytest.mark.parametrize("value", ["utf-8", "UTF-8", "ISO_IR%20192", "klingon", "iso-8859-1"])
def test_r114_charsets_that_are_not_supported_are_ignored(service: Service, value: str) -> None:
    _, file = one_file("charset")

    assert service.store(file.encode(), target=f"/studies?charset={value}").status == 200


def test_r344_an_answer_that_may_not_be_utf8_is_406(service: Service) -> None:
    _, file = one_file("accept-charset")

    answer = service.store(file.encode(), headers={"Accept-Charset": "iso-8859-1, utf-8;q=0"})

    assert answer.status == 406
    assert service.kept() == {}


def test_r116_dicom_beside_rendered_types_is_400(service: Service) -> None:
    _, file = one_file("mixture")

    assert service.store(file.encode(), headers={"Accept": f"{JSON}, image/jpeg"}).status == 400
    assert service.kept() == {}


# ---------------------------------------------------------------- what comes back (R-340 to 345)


def read_xml(text: bytes | str) -> dict[str, Any]:
    """A Native DICOM Model document in the shape of its DICOM JSON, text values kept."""
    root = ElementTree.fromstring(text)
    assert root.tag == f"{NAMESPACE}NativeDicomModel"
    return _read_elements(root)


def _read_elements(node: ElementTree.Element) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for attribute in node:
        assert attribute.tag == f"{NAMESPACE}DicomAttribute"
        values: list[Any] = []
        for number, child in enumerate(attribute, start=1):
            assert child.get("number") == str(number)
            is_item = child.tag == f"{NAMESPACE}Item"
            values.append(_read_elements(child) if is_item else child.text)
        read[attribute.get("tag", "")] = {
            "vr": attribute.get("vr"),
            "keyword": attribute.get("keyword"),
            "Value": values,
        }
    return read


def read_part(answer: Answer) -> tuple[str, bytes]:
    """The type and content of the only part of a multipart answer, read by an e-mail parser."""
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.body, policy=email.policy.HTTP)
    [part] = message.iter_parts()
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return part.get_content_type(), content


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (JSON, JSON),
        (XML, XML),
        ("*/*", JSON),
        ("application/*", JSON),
        ("*", JSON),
        (f"{XML}, {JSON};q=0.5", XML),
        (f"{XML};q=0.1, {JSON};q=0.9", JSON),
        (f"{JSON};q=0, */*", XML),
        ("text/html, */*;q=0.1", JSON),
        ("garbage, application/dicom+xml", XML),
        ("APPLICATION/DICOM+XML", XML),
        (f"{JSON}; charset=utf-8", JSON),
        *((alias.name, alias.media_type) for alias in ALIASES),
    ],
)
def test_r342_the_best_acceptable_type_answers_and_is_bare(
    service: Service, accept: str, content_type: str
) -> None:
    uids, file = one_file("negotiation")

    answer = service.store(file.encode(), headers={"Accept": accept})

    assert answer.status == 200
    assert answer.headers.get_all("Content-Type") == [content_type]
    if content_type == XML:
        module = read_xml(answer.body)
        assert module[REFERENCED]["Value"][0]["00081155"]["Value"] == [uids.instance]
    else:
        assert uids_in(answer, REFERENCED) == [uids.instance]


def test_a_request_without_accept_is_answered_in_json(service: Service) -> None:
    uids, file = one_file("no accept")

    answer = service.send(framed(file.encode()), headers={"Content-Type": typed()})

    assert is_stored(answer, uids.instance)
    assert answer.headers["Content-Type"] == JSON


@pytest.mark.parametrize("media_type", [JSON, XML])
def test_r343_multipart_answers_hold_one_part(service: Service, media_type: str) -> None:
    uids, file = one_file("multipart answer")

    answer = service.store(
        file.encode(), headers={"Accept": f'multipart/related; type="{media_type}"'}
    )

    assert answer.status == 200
    part_type, content = read_part(answer)
    assert part_type == media_type
    module = read_xml(content) if media_type == XML else json.loads(content)
    assert module[REFERENCED]["Value"][0]["00081155"]["Value"] == [uids.instance]


@pytest.mark.parametrize(
    "accept", ["text/html", "application/dicom", "image/*", "application/dicom+json;q=0"]
)
def test_r340_406_names_what_there_is_and_stores_nothing(service: Service, accept: str) -> None:
    _, file = one_file("406")

    answer = service.store(file.encode(), headers={"Accept": accept})

    assert answer.status == 406
    assert JSON in answer.json()["detail"]
    assert service.kept() == {}


def test_json_and_xml_say_the_same(service: Service) -> None:
    _, good = one_file("same")
    bodies = (good.encode(), b"no file", good.encode()[:-3])
    as_json = service.store(*bodies).json()
    as_xml = read_xml(service.store(*bodies, headers={"Accept": XML}).body)

    assert _plain(as_xml, as_json) == _plain(as_json, as_json)


def _plain(module: Mapping[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    """Tags and values as text; of private elements only that XML has them all but the creator."""
    plain = {}
    for tag, attribute in sorted(module.items()):
        if tag == "00090010":
            continue
        # PS3.19 writes a private tag's block as 00 and names its creator.
        name = f"0009{tag[-2:]}" if tag.startswith("0009") else tag
        plain[name] = (
            attribute["vr"],
            [
                _plain(value, like) if isinstance(value, dict) else str(value)
                for value in attribute.get("Value", [])
            ],
        )
    return plain


# ---------------------------------------------------------------- the payload (R-120 to 243)


@pytest.mark.parametrize("content_type", ["text/plain", "application/zip", "multipart/form-data"])
def test_r120_415_names_what_is_supported(service: Service, content_type: str) -> None:
    _, file = one_file("415")

    answer = service.send(file.encode(), headers={"Content-Type": content_type})

    assert answer.status == 415
    assert all(row.text in answer.json()["detail"] for row in REQUEST_TYPES[:2])
    assert service.kept() == {}


def test_r120_no_content_type_is_415(service: Service) -> None:
    connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=10)
    connection.putrequest("POST", f"{service.path}/studies")
    connection.putheader("Content-Length", "4")
    connection.endheaders(b"DICM")
    response = connection.getresponse()
    connection.close()

    assert response.status == 415


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/related; type="application/dicom"; boundary=B',
        "multipart/related; type=application/dicom; boundary=B",
        'multipart/related; boundary="B"; type="application/dicom"',
        "multipart/related;type=application/dicom;boundary=B",
        'Multipart/Related; TYPE="Application/Dicom"; BOUNDARY=B',
        'multipart/related; type="application/dicom"; start="<1@x>"; start-info="y"; boundary=B',
        'multipart/related ; type = "application/dicom" ; boundary = "B"',
        'multipart/related; type="application/dicom"; boundary=B;',
        'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1; '
        "boundary=B",
        'multipart/related; type="application/dicom; transfer-syntax=*"; boundary=B',
    ],
)
def test_r231_every_dialect_of_content_type_is_read(service: Service, content_type: str) -> None:
    uids, file = one_file("dialect")

    answer = service.send(
        framed(file.encode(), boundary="B"), headers={"Content-Type": content_type}
    )

    assert is_stored(answer, uids.instance)


@pytest.mark.parametrize(
    "payload",
    [
        b"--B\r\nContent-Type: application/dicom\r\n\r\n%b\r\n--B--",
        b"--B\r\nContent-Type: application/dicom\r\n\r\n%b\r\n--B--\r\n",
        b"\r\n--B\r\nContent-Type: application/dicom\r\n\r\n%b\r\n--B--",
        b"This is a preamble.\r\n--B\r\nContent-Type: application/dicom\r\n\r\n%b\r\n--B--",
        b"--B\r\nContent-Type: application/dicom\r\n\r\n%b\r\n--B--\r\nAnd an epilogue.",
        b"--B \t\r\nContent-Type: application/dicom\r\n\r\n%b\r\n--B--  \r\n",
        b"--B\r\ncontent-type:application/dicom\r\n\r\n%b\r\n--B--",
        b"--B\r\nContent-Type:\r\n application/dicom;\r\n\ttransfer-syntax=*\r\n\r\n%b\r\n--B--",
        b"--B\r\n\r\n%b\r\n--B--",
        b"--B\r\nContent-Type: application/octet-stream\r\n\r\n%b\r\n--B--",
        b"--B\r\nX-Any: y\r\nContent-Type: application/dicom\r\nX-Any: z\r\n\r\n%b\r\n--B--",
        b"--B\r\nContent-Type: application/dicom\r\nContent-Transfer-Encoding: binary\r\n\r\n%b"
        b"\r\n--B--",
    ],
    ids=[
        "no line end behind the closing delimiter",
        "a line end behind it",
        "a line end before the first delimiter",
        "preamble",
        "epilogue",
        "white space behind delimiters",
        "lower-case name without space",
        "folded",
        "no Content-Type",
        "octet-stream",
        "other fields",
        "binary transfer encoding",
    ],
)
def test_r242_every_dialect_of_framing_is_read(service: Service, payload: bytes) -> None:
    uids, file = one_file("framing")

    answer = service.send(
        payload % file.encode(),
        headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=B'},
    )

    assert is_stored(answer, uids.instance)
    assert service.kept() == {uids.instance: file.encode()}


def test_r236_a_part_s_content_length_is_checked(service: Service) -> None:
    uids, file = one_file("length")
    content = file.encode()
    part = b"--B\r\nContent-Type: application/dicom\r\nContent-Length: %d\r\n\r\n%b\r\n--B--"
    headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=B'}

    assert service.send(part % (len(content) - 1, content), headers=headers).status == 400
    assert service.kept() == {}
    assert is_stored(service.send(part % (len(content), content), headers=headers), uids.instance)


@pytest.mark.parametrize(
    "boundary", ["b" * 70, "b" * 73, "0Az'()+_,-./:=?", "a b", "=_NextPart_000", "----WebKitForm"]
)
def test_r234_every_legal_boundary_and_some_longer_ones_are_taken(
    service: Service, boundary: str
) -> None:
    uids, file = one_file("boundary")

    answer = service.send(
        framed(file.encode(), boundary=boundary), headers={"Content-Type": typed(boundary)}
    )

    assert is_stored(answer, uids.instance)


def test_r243_a_payload_without_its_end_is_400_and_stores_nothing(service: Service) -> None:
    _, file = one_file("truncated")
    whole = framed(file.encode(), file.encode())

    for size in (len(whole) - 1, len(whole) - 30, len(file.encode()) + 200, 10):
        assert service.send(whole[:size], headers={"Content-Type": typed()}).status == 400
    assert service.kept() == {}


def test_r212_a_payload_of_nothing_is_never_a_success(service: Service) -> None:
    nothing = (b"", b"\r\n", f"--{BOUNDARY}--".encode(), b"\0" * 4)

    for body in nothing:
        assert service.send(body, headers={"Content-Type": typed()}).status == 400
    assert service.send(b"", headers={"Content-Type": "application/dicom"}).status == 400


def test_a_single_file_needs_no_multipart(service: Service) -> None:
    uids, file = one_file("single")

    answer = service.send(file.encode(), headers={"Content-Type": "application/dicom"})

    assert is_stored(answer, uids.instance)
    assert service.kept() == {uids.instance: file.encode()}


def test_a_single_body_that_is_no_file_is_409(service: Service) -> None:
    answer = service.send(b"x" * 300, headers={"Content-Type": "application/dicom"})

    assert (answer.status, reasons_in(answer, OTHER)) == (409, [0xC001])


def test_a_file_in_gzip_is_stored_inflated(service: Service) -> None:
    uids, file = one_file("gzip")
    headers = {"Content-Type": typed(), "Content-Encoding": "gzip"}

    answer = service.send(gzip.compress(framed(file.encode())), headers=headers)

    assert is_stored(answer, uids.instance)
    assert service.kept() == {uids.instance: file.encode()}


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip"])
def test_other_content_codings_are_415_and_told_of_gzip(service: Service, coding: str) -> None:
    answer = service.send(
        framed(b"x"), headers={"Content-Type": typed(), "Content-Encoding": coding}
    )

    assert answer.status == 415
    assert answer.headers["Accept-Encoding"] == "gzip"


def raw(service: Service, head: str, *pieces: bytes) -> Iterator[bytes]:
    """Send a head and, as the caller goes on, what follows; yield what comes back after each."""
    url = urlsplit(service.url)
    request = f"POST {service.path}/studies HTTP/1.1\r\nHost: {url.netloc}\r\n{head}\r\n"
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        for piece in (request.encode(), *pieces):
            connection.sendall(piece)
            yield connection.recv(65536)


def test_chunked_payloads_are_taken(service: Service) -> None:
    uids, file = one_file("chunked")
    body = framed(file.encode())
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(body[at : at + 100]), body[at : at + 100])
        for at in range(0, len(body), 100)
    )
    head = f"Content-Type: {typed()}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
    url = urlsplit(service.url)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(
            f"POST {service.path}/studies HTTP/1.1\r\nHost: {url.netloc}\r\n{head}\r\n".encode()
            + chunks
            + b"0\r\n\r\n"
        )
        received = b"".join(iter(lambda: connection.recv(65536), b""))

    assert received.startswith(b"HTTP/1.1 200 ")
    assert list(service.kept()) == [uids.instance]


def test_r123_who_expects_100_is_told_to_go_on(service: Service) -> None:
    uids, file = one_file("expect")
    body = framed(file.encode())
    head = (
        f"Content-Type: {typed()}\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n"
        "Connection: close\r\n"
    )

    interim, final = raw(service, head, body)

    assert interim.startswith(b"HTTP/1.1 100 ")
    assert final.startswith(b"HTTP/1.1 200 ")
    assert list(service.kept()) == [uids.instance]


@pytest.mark.parametrize("size", [4_800_000, 10_485_761])
def test_r122_what_is_too_large_is_413_before_anything_is_stored(
    service: Service, size: int
) -> None:
    _, file = one_file("large")
    large = file.with_elements(element(0x7FE00010, "OW", bytes(size)))

    answer = service.store(large.encode())

    assert answer.status == 413
    assert answer.json()["detail"]
    assert service.kept() == {}


def test_r122_more_parts_than_the_limit_are_413_that_names_it(service: Service) -> None:
    answer = service.store(*[b"x"] * 501)

    assert answer.status == 413
    assert answer.json()["limit"] == {"name": "max_parts", "value": 500}


# ---------------------------------------------------------------- storing (R-401 to 453)


def test_r453_one_bad_part_among_good_ones_fails_alone(service: Service) -> None:
    made = [one_file(name) for name in ("before", "after")]

    answer = service.store(made[0][1].encode(), b"no file", made[1][1].encode())

    assert answer.status == 202
    assert uids_in(answer, REFERENCED) == [uids.instance for uids, _ in made]
    assert reasons_in(answer, OTHER) == [0xC001]
    assert service.kept().keys() == {uids.instance for uids, _ in made}


def test_all_bad_parts_are_409(service: Service) -> None:
    uids, file = one_file("all bad")

    answer = service.store(file.encode()[:-3], b"no file")

    assert answer.status == 409
    assert uids_in(answer, FAILED) == [uids.instance]
    assert (reasons_in(answer, FAILED), reasons_in(answer, OTHER)) == ([0xC002], [0xC001])
    assert REFERENCED not in answer.json()


def test_a_re_send_is_a_success_and_changes_nothing(service: Service) -> None:
    uids, file = one_file("resend")

    answers = [service.store(file.encode()) for _ in range(3)]

    assert all(is_stored(answer, uids.instance) for answer in answers)
    assert len({answer.body for answer in answers}) == 1
    assert service.kept() == {uids.instance: file.encode()}


def test_another_content_under_a_stored_uid_is_0111_and_the_stored_one_stays(
    service: Service,
) -> None:
    uids, file = one_file("duplicate")
    service.store(file.encode())

    answer = service.store(file.with_elements(element(PATIENT_ID, "LO", b"OTHER ")).encode())

    assert (answer.status, reasons_in(answer, FAILED)) == (409, [0x0111])
    [item] = answer.json()[FAILED]["Value"]
    assert item["00091003"]["Value"] == ["(0010,0020)"]
    assert service.kept() == {uids.instance: file.encode()}


def test_the_same_content_in_other_bytes_is_a_success_and_the_stored_bytes_stay(
    service: Service,
) -> None:
    uids, file = one_file("rewrapped")
    service.store(file.encode())
    rewrapped = file.with_elements(element(0x00080000, "UL", b"\1\2\3\4")).encode()

    answer = service.store(rewrapped.replace(bytes(128), b"II*\0" + bytes(124), 1))

    assert is_stored(answer, uids.instance)
    assert service.kept() == {uids.instance: file.encode()}


@pytest.mark.parametrize(
    ("syntax", "reason"),
    [("1.2.840.10008.1.2.4.94", 0xC122), ("1.2.840.113619.5.2", 0xC122)],
)
def test_syntaxes_that_are_not_stored_are_c122(service: Service, syntax: str, reason: int) -> None:
    uids = Uids.of("protocol", syntax)

    answer = service.store(make_file(uids, transfer_syntax=syntax).encode())

    assert (answer.status, reasons_in(answer, FAILED)) == (409, [reason])


def test_r412_classes_that_are_not_stored_are_0122_and_409(service: Service) -> None:
    uids = Uids("2.25.11", "2.25.12", "2.25.13", sop_class="1.2.840.10008.5.1.4.38.1")

    answer = service.store(make_file(uids).encode())

    assert (answer.status, reasons_in(answer, FAILED)) == (409, [0x0122])


def test_a_failure_that_a_re_send_cures_is_503_with_the_module(service: Service) -> None:
    uids, file = one_file("transient")
    stack, dynamodb = service.stack, service.stack.clients.dynamodb
    dynamodb.update_table(TableName=stack.table, DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName=stack.table)
    try:
        answer = service.store(file.encode())
    finally:
        stack.create_resources()

    assert answer.status == 503
    assert int(str(answer.headers["Retry-After"])) > 0
    assert uids_in(answer, FAILED) == [uids.instance]
    [reason] = reasons_in(answer, FAILED)
    assert reason == 0x0110 or reason >> 8 == 0xA7
    assert REFERENCED not in answer.json()
    assert is_stored(service.store(file.encode()), uids.instance)


# ---------------------------------------------------------------- the response (R-501 to 606)


def test_r510_one_study_has_its_url_in_location_and_content_location(service: Service) -> None:
    made = [one_file(name, study="2.25.80") for name in ("a", "b")]

    answer = service.store(*(file.encode() for _, file in made))

    url = f"{service.url}/studies/2.25.80"
    assert answer.headers.get_all("Location") == [url]
    assert answer.headers.get_all("Content-Location") == [url]


def test_r510_several_studies_have_no_location(service: Service) -> None:
    answer = service.store(*(one_file(name)[1].encode() for name in ("a", "b")))

    assert answer.headers["Location"] is None
    assert answer.headers["Content-Location"] is None


def test_r510_nothing_stored_has_no_location(service: Service) -> None:
    assert service.store(b"no file").headers["Location"] is None


def test_urls_come_from_the_configuration_and_never_from_the_request_s_host(
    service: Service,
) -> None:
    _, file = one_file("host")

    answer = service.store(file.encode(), headers={"Host": "evil.example", "X-Forwarded-Host": "e"})

    assert str(answer.headers["Location"]).startswith(service.url)


def test_r511_there_is_no_warning_header(service: Service) -> None:
    _, file = one_file("warning")

    for answer in (service.store(file.encode(), b"no file"), service.store(b"no file")):
        assert answer.headers["Warning"] is None


def test_every_answer_carries_the_request_s_id(service: Service) -> None:
    _, file = one_file("id")
    answers = [
        service.store(file.encode()),
        service.store(b"no file"),
        service.store(b"x", headers={"Content-Type": "text/plain"}),
        service.store(b"x", headers={"Accept": "text/html"}),
        service.store(b"x", target="/studies/x"),
        service.send(b"", method="GET"),
    ]

    ids = [answer.headers["X-Request-Id"] for answer in answers]
    assert [answer.status for answer in answers] == [200, 409, 415, 406, 400, 405]
    assert all(ids)
    assert len(set(ids)) == len(ids)


def test_r501_refusals_explain_themselves(service: Service) -> None:
    answer = service.send(b"", headers={"Content-Type": typed()})

    assert answer.headers["Content-Type"] == PROBLEM
    problem = answer.json()
    assert problem["status"] == 400
    assert problem["detail"]
    assert problem["retryable"] is False
    assert problem["request_id"] == answer.headers["X-Request-Id"]


@pytest.fixture
def module(service: Service) -> dict[str, Any]:
    """The module of a request with every kind of outcome, twice."""
    made = [one_file(name) for name in ("z", "y", "x", "w")]
    whole = [file.encode() for _, file in made]
    answer = service.store(
        whole[0], b"no file", whole[1][:-3], whole[2], whole[0], whole[3][:-3], b"", whole[2]
    )
    assert answer.status == 202
    assert answer.headers["Content-Type"] == JSON
    read: dict[str, Any] = answer.json()
    return read


def made_uid(name: str) -> str:
    return one_file(name)[0].instance


def test_items_are_in_the_order_of_the_request(module: dict[str, Any]) -> None:
    def instances(sequence: str) -> list[str]:
        return [item["00081155"]["Value"][0] for item in module[sequence]["Value"]]

    assert instances(REFERENCED) == [made_uid(name) for name in ("z", "x", "z", "x")]
    assert instances(FAILED) == [made_uid(name) for name in ("y", "w")]
    assert [item["00091002"]["Value"] for item in module[OTHER]["Value"]] == [[2], [7]]


def test_every_part_has_exactly_one_item(module: dict[str, Any]) -> None:
    assert sum(len(module[sequence]["Value"]) for sequence in (FAILED, REFERENCED, OTHER)) == 8


def test_r601_keys_ascend_and_values_have_the_types_of_their_vr(module: dict[str, Any]) -> None:
    datasets = [module, *(i for s in (FAILED, REFERENCED, OTHER) for i in module[s]["Value"])]

    for dataset in datasets:
        assert list(dataset) == sorted(dataset)
        for attribute in dataset.values():
            assert attribute.keys() <= {"vr", "Value"}
            assert attribute.get("Value") != []
            is_number = attribute["vr"] == "US"
            for value in attribute.get("Value", []):
                assert isinstance(value, int if is_number else dict | str)


def test_r606_retrieve_urls_are_there_and_empty_until_retrieval_is(module: dict[str, Any]) -> None:
    assert module[RETRIEVE_URL] == {"vr": "UR"}
    for item in module[REFERENCED]["Value"]:
        assert item[RETRIEVE_URL] == {"vr": "UR"}
    assert all(RETRIEVE_URL not in item for item in module[FAILED]["Value"])


def test_type_1_attributes_are_in_every_item(module: dict[str, Any]) -> None:
    for item in (*module[REFERENCED]["Value"], *module[FAILED]["Value"]):
        assert item["00081150"]["Value"] == ["1.2.840.10008.5.1.4.1.1.2"]
        assert item["00081155"]["Value"]
    for item in (*module[FAILED]["Value"], *module[OTHER]["Value"]):
        assert 0 < item["00081197"]["Value"][0] <= 0xFFFF
    assert all("00081196" not in item for item in module[REFERENCED]["Value"])


def test_r603_explanations_stand_in_a_private_block_of_failures_only(
    module: dict[str, Any],
) -> None:
    for item in (*module[FAILED]["Value"], *module[OTHER]["Value"]):
        assert item["00090010"] == {"vr": "LO", "Value": ["STOWAGE STORE 1"]}
        assert item["00091001"]["vr"] == "LT"
        assert item["00091002"]["vr"] == "US"
    for dataset in (module, *module[REFERENCED]["Value"]):
        assert not any(tag.startswith("0009") for tag in dataset)


def test_sequences_that_would_be_empty_are_left_out(service: Service) -> None:
    _, file = one_file("empty sequences")

    assert service.store(file.encode()).json().keys() == {RETRIEVE_URL, REFERENCED}
    assert service.store(b"no file").json().keys() == {RETRIEVE_URL, OTHER}
    assert service.store(file.encode()[:-3]).json().keys() == {RETRIEVE_URL, FAILED}


def test_another_implementation_reads_the_module(module: dict[str, Any]) -> None:
    dataset = Dataset.from_json(module)

    assert len(dataset.ReferencedSOPSequence) == 4
    assert [item.FailureReason for item in dataset.FailedSOPSequence] == [0xC002, 0xC002]
    assert [item.FailureReason for item in dataset[0x0008119A].value] == [0xC001, 0xC001]
    assert dataset.RetrieveURL in (None, "")


def test_the_xml_module_names_its_attributes(service: Service) -> None:
    _, file = one_file("xml")

    answer = service.store(file.encode(), file.encode()[:-3], b"x", headers={"Accept": XML})

    module = read_xml(answer.body)
    assert {tag: attribute["keyword"] for tag, attribute in module.items()} == {
        RETRIEVE_URL: "RetrieveURL",
        FAILED: "FailedSOPSequence",
        REFERENCED: "ReferencedSOPSequence",
        OTHER: "OtherFailuresSequence",
    }
    [failed] = module[FAILED]["Value"]
    assert failed["00081197"] == {"vr": "US", "keyword": "FailureReason", "Value": ["49154"]}
