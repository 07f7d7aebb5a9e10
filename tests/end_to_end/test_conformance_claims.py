"""What the conformance statement says beyond syntaxes and classes, shown over HTTP.

Each test names the claims that it proves; see ``infra.conformance``.
"""

import gzip
import http.client
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest

from chalicelib.standard.media_types import RESPONSE_TYPES
from infra.local.stack import LocalStack
from tests.builders_dicom import PATIENT_ID, FileParts, Uids, element, make_file, uid_of
from tests.end_to_end.conftest import Answer, Post

SINGLE = {"Content-Type": "application/dicom"}
MULTIPART = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
FAILED, REFERENCED, OTHER = "00081198", "00081199", "0008119A"
REASON, INSTANCE = "00081197", "00081155"
NATIVE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"


def make(name: str, partition: str) -> tuple[Uids, FileParts]:
    uids = Uids.of(partition, name)
    return uids, make_file(uids)


def multipart(*parts: bytes) -> bytes:
    framed = (b"--b\r\nContent-Type: application/dicom\r\n\r\n%s\r\n" % part for part in parts)
    return b"".join(framed) + b"--b--\r\n"


def kept(stack: LocalStack, partition: str, uid: str) -> bytes:
    stored = stack.clients.s3.get_object(
        Bucket=stack.bucket, Key=f"{partition}/instances/{uid}.dcm"
    )
    content: bytes = stored["Body"].read()
    return content


def values(answer: Answer, sequence: str, tag: str) -> list[Any]:
    return [item[tag]["Value"][0] for item in answer.json()[sequence]["Value"]]


@pytest.mark.proves(
    "resource:studies",
    "request:application/dicom",
    "header:content-type",
    "header:content-length",
    "policy:location",
)
def test_a_bare_file_is_stored_to_studies(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    uids, file = make("bare", partition)

    answer = post(f"/partitions/{partition}/studies", file.encode(), SINGLE)

    assert answer.status == 200
    study = f"{local_stack.url}/partitions/{partition}/studies/{uids.study}"
    assert answer.headers["Location"] == answer.headers["Content-Location"] == study
    assert kept(local_stack, partition, uids.instance) == file.encode()


@pytest.mark.proves("resource:study", "policy:study-mismatch")
def test_a_study_takes_its_own_instances_alone(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    uids, file = make("right", partition)
    others, other = make("wrong", partition)

    answer = post(
        f"/partitions/{partition}/studies/{uids.study}",
        multipart(file.encode(), other.encode()),
        MULTIPART,
    )

    assert answer.status == 202
    assert values(answer, REFERENCED, INSTANCE) == [uids.instance]
    assert values(answer, FAILED, INSTANCE) == [others.instance]
    assert values(answer, FAILED, REASON) == [0xA901]
    assert kept(local_stack, partition, uids.instance) == file.encode()


@pytest.mark.proves('request:multipart/related; type="application/dicom"', "policy:many-studies")
def test_one_request_may_touch_many_studies(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    made = [make(str(number), partition) for number in range(3)]

    answer = post(
        f"/partitions/{partition}/studies",
        multipart(*(file.encode() for _, file in made)),
        MULTIPART,
    )

    assert answer.status == 200
    assert values(answer, REFERENCED, INSTANCE) == [uids.instance for uids, _ in made]
    assert answer.headers["Location"] is None
    for uids, file in made:
        assert kept(local_stack, partition, uids.instance) == file.encode()


def accept_of(media_type: str, is_multipart: bool) -> str:
    return f'multipart/related; type="{media_type}"' if is_multipart else media_type


@pytest.mark.parametrize(
    "accept",
    [
        pytest.param(name, marks=pytest.mark.proves(f"response:{name}", "header:accept"))
        for name in (accept_of(row.media_type, row.multipart) for row in RESPONSE_TYPES)
    ],
)
def test_the_response_comes_in_the_form_that_accept_names(
    post: Post, partition: str, accept: str
) -> None:
    uids, file = make("response", partition)

    answer = post(f"/partitions/{partition}/studies", file.encode(), {**SINGLE, "Accept": accept})

    assert answer.status == 200
    assert str(answer.headers["Content-Type"]).startswith(accept)
    assert uids.instance.encode() in answer.body
    if accept == "application/dicom+xml":
        assert ElementTree.fromstring(answer.body).tag == f"{NATIVE}NativeDicomModel"


@pytest.mark.proves("header:accept", "policy:406-stores-nothing")
def test_nothing_is_stored_when_no_response_would_be_acceptable(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    uids, file = make("unacceptable", partition)

    answer = post(
        f"/partitions/{partition}/studies", file.encode(), {**SINGLE, "Accept": "text/html"}
    )

    assert answer.status == 406
    with pytest.raises(local_stack.clients.s3.exceptions.NoSuchKey):
        kept(local_stack, partition, uids.instance)


@pytest.mark.proves("header:accept-charset", "query:charset")
@pytest.mark.parametrize(
    ("query", "charset", "status"),
    [("", "utf-8", 200), ("", "iso-8859-1", 406), ("?charset=utf-8", "iso-8859-1", 200)],
)
def test_the_response_is_utf_8_or_nothing(
    post: Post, partition: str, query: str, charset: str, status: int
) -> None:
    _, file = make("charset", partition)

    answer = post(
        f"/partitions/{partition}/studies{query}",
        file.encode(),
        {**SINGLE, "Accept-Charset": charset},
    )

    assert answer.status == status


@pytest.mark.proves("query:accept")
def test_the_query_parameter_accept_chooses_among_what_accept_covers(
    post: Post, partition: str
) -> None:
    _, file = make("query", partition)
    path = f"/partitions/{partition}/studies?accept=application/dicom%2Bxml"

    chosen = post(path, file.encode(), {**SINGLE, "Accept": "*/*"})
    uncovered = post(path, file.encode(), {**SINGLE, "Accept": "application/dicom+json"})

    assert chosen.headers["Content-Type"] == "application/dicom+xml"
    assert uncovered.status == 400


@pytest.mark.proves("header:content-encoding")
def test_a_gzip_payload_is_stored_inflated(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    uids, file = make("gzip", partition)

    answer = post(
        f"/partitions/{partition}/studies",
        gzip.compress(file.encode()),
        {**SINGLE, "Content-Encoding": "gzip"},
    )

    assert answer.status == 200
    assert kept(local_stack, partition, uids.instance) == file.encode()


@pytest.mark.proves("header:transfer-encoding")
def test_a_chunked_payload_is_stored(local_stack: LocalStack, partition: str) -> None:
    uids, file = make("chunked", partition)
    content = file.encode()
    connection = http.client.HTTPConnection(urlsplit(local_stack.url).netloc, timeout=30)
    try:
        connection.request(
            "POST",
            f"/partitions/{partition}/studies",
            iter((content[:200], content[200:])),
            SINGLE,
            encode_chunked=True,
        )
        assert connection.getresponse().status == 200
    finally:
        connection.close()

    assert kept(local_stack, partition, uids.instance) == content


@pytest.mark.proves("policy:resend")
def test_a_resend_succeeds_and_changes_nothing(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    uids, file = make("resend", partition)
    rewrapped = file.with_meta(element(0x00020013, "SH", b"ANOTHER ROUTER"))
    path = f"/partitions/{partition}/studies"

    answers = [
        post(path, content, SINGLE)
        for content in (file.encode(), file.encode(), rewrapped.encode())
    ]

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert kept(local_stack, partition, uids.instance) == file.encode()


@pytest.mark.proves("policy:duplicate")
def test_another_instance_with_a_stored_uid_is_refused(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    uids, file = make("duplicate", partition)
    other = file.with_elements(element(PATIENT_ID, "LO", b"OTHER "))
    path = f"/partitions/{partition}/studies"

    first = post(path, file.encode(), SINGLE)
    second = post(path, other.encode(), SINGLE)

    assert (first.status, second.status) == (200, 409)
    assert values(second, FAILED, REASON) == [0x0111]
    assert kept(local_stack, partition, uids.instance) == file.encode()


@pytest.mark.proves("policy:partitions")
def test_partitions_do_not_see_each_others_uids(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    uids, file = make("partitions", partition)
    other = file.with_elements(element(PATIENT_ID, "LO", b"OTHER "))

    first = post(f"/partitions/{partition}/studies", file.encode(), SINGLE)
    second = post(f"/partitions/{partition}-2/studies", other.encode(), SINGLE)

    assert (first.status, second.status) == (200, 200)
    assert kept(local_stack, partition, uids.instance) == file.encode()
    assert kept(local_stack, f"{partition}-2", uids.instance) == other.encode()


@pytest.mark.proves("policy:bad-part-alone")
def test_one_bad_part_fails_alone(local_stack: LocalStack, post: Post, partition: str) -> None:
    uids, file = make("good", partition)

    answer = post(
        f"/partitions/{partition}/studies", multipart(b"no DICOM", file.encode()), MULTIPART
    )

    assert answer.status == 202
    assert values(answer, OTHER, REASON) == [0xC001]
    assert kept(local_stack, partition, uids.instance) == file.encode()


@pytest.mark.proves("policy:truncated-payload")
def test_nothing_of_a_truncated_payload_is_stored(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    uids, file = make("truncated", partition)
    body = multipart(file.encode()).removesuffix(b"--b--\r\n")

    answer = post(f"/partitions/{partition}/studies", body, MULTIPART)

    assert answer.status == 400
    with pytest.raises(local_stack.clients.s3.exceptions.NoSuchKey):
        kept(local_stack, partition, uids.instance)


PREAMBLES: Mapping[str, tuple[bytes, int]] = {
    "zeros": (bytes(128), 200),
    "tiff": (b"II*\0" + bytes(124), 200),
    "other": (b"a preamble of some application".ljust(128), 200),
    "executable": (b"MZ" + bytes(126), 409),
}


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=pytest.mark.proves(f"policy:preamble-{kind}")) for kind in PREAMBLES],
)
def test_a_preamble_is_kept_or_the_file_refused(
    local_stack: LocalStack, post: Post, partition: str, kind: str
) -> None:
    preamble, status = PREAMBLES[kind]
    uids, plain = make(kind, partition)
    content = preamble + plain.encode()[128:]

    answer = post(f"/partitions/{partition}/studies", content, SINGLE)

    assert answer.status == status
    if status == 200:
        assert kept(local_stack, partition, uids.instance) == content
    else:
        assert values(answer, FAILED, REASON) == [0xC007]


@pytest.mark.proves("policy:unknown-syntax")
def test_an_unknown_transfer_syntax_is_refused(post: Post, partition: str) -> None:
    uids = Uids.of(partition, "private syntax")
    file = make_file(uids, transfer_syntax=uid_of("a private syntax"))

    answer = post(f"/partitions/{partition}/studies", file.encode(), SINGLE)

    assert answer.status == 409
    assert values(answer, FAILED, REASON) == [0xC122]


@pytest.mark.proves("policy:asynchronous")
def test_what_validation_finds_does_not_change_the_response(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    uids, file = make("finding", partition)
    odd = file.with_elements(element(0x00280010, "US", b"\xff\xff"))

    answer = post(f"/partitions/{partition}/studies", odd.encode(), SINGLE)

    assert answer.status == 200
    assert "00081196" not in answer.json()[REFERENCED]["Value"][0]
    assert kept(local_stack, partition, uids.instance) == odd.encode()
