"""Retrieve Capabilities over HTTP, told apart from a browser's preflight (PS3.18 8.9)."""

import json
from xml.etree import ElementTree

import pytest

from infra.local.stack import LocalStack
from tests.end_to_end.conftest import Post

WADL = "application/vnd.sun.wadl+xml"
NAMESPACE = {"w": "http://wadl.dev.java.net/2009/02"}


@pytest.mark.proves(f"capabilities:{WADL}")
def test_the_service_describes_itself_in_wadl(local_stack: LocalStack, post: Post) -> None:
    answer = post("/", headers={"Accept": WADL}, method="OPTIONS")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == WADL
    root = ElementTree.fromstring(answer.body)
    [resources] = root.findall("w:resources", NAMESPACE)
    assert resources.get("base") == local_stack.url
    methods = [method.get("id") for method in resources.iterfind(".//w:method", NAMESPACE)]
    assert methods == ["StoreInstances", "StoreStudyInstances"]


@pytest.mark.proves("capabilities:application/json")
def test_a_partition_describes_itself_in_json(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    answer = post(
        f"/partitions/{partition}", headers={"Accept": "application/json"}, method="OPTIONS"
    )

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    resources = json.loads(answer.body)["application"]["resources"]
    assert resources["@base"] == f"{local_stack.url}/partitions/{partition}"
    assert resources["resource"][0]["@path"] == "studies"


def test_a_client_learns_how_much_one_request_may_hold(post: Post) -> None:
    described = post("/studies", headers={"Accept": WADL}, method="OPTIONS")

    docs = {doc.get("title"): doc.text for doc in ElementTree.fromstring(described.body)}
    assert str(docs["Limit max_body_bytes"]).partition(":")[0] == "4690000"


def test_the_description_is_true_of_what_it_describes(post: Post, partition: str) -> None:
    described = post(f"/partitions/{partition}", headers={"Accept": WADL}, method="OPTIONS")
    root = ElementTree.fromstring(described.body)

    request = root.find(".//w:method[@id='StoreInstances']/w:request", NAMESPACE)
    assert request is not None
    for representation in request.iterfind("w:representation", NAMESPACE):
        content_type = f"{representation.get('mediaType')}; boundary=b"
        answer = post(f"/partitions/{partition}/studies", b"x", {"Content-Type": content_type})
        assert answer.status != 415, content_type


@pytest.mark.parametrize(
    ("path", "allow"),
    [("/", "OPTIONS"), ("/studies", "POST, OPTIONS"), ("/studies/1.2.3", "POST, OPTIONS")],
)
def test_options_and_405_say_what_a_resource_takes(post: Post, path: str, allow: str) -> None:
    described = post(path, method="OPTIONS")
    refused = post(path, method="PUT")

    assert (described.status, described.headers["Allow"]) == (200, allow)
    assert (refused.status, refused.headers["Allow"]) == (405, allow)


def test_a_preflight_is_refused_unless_the_deployment_names_the_origin(post: Post) -> None:
    answer = post(
        "/studies",
        headers={"Origin": "https://viewer.example", "Access-Control-Request-Method": "POST"},
        method="OPTIONS",
    )

    assert answer.status == 403
    assert answer.headers["Access-Control-Allow-Origin"] is None


def test_a_path_that_is_no_resource_has_no_capabilities(post: Post) -> None:
    assert post("/studies/1.02", method="OPTIONS").status == 400
