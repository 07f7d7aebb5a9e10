"""Capabilities Description: negotiated, complete, and the same in both forms."""

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from chalicelib.dicomweb.capabilities import (
    allowed_methods,
    describe,
    encode_capabilities,
    negotiate_capabilities,
)
from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.resources import Base, Resource, Studies, Study, parse_resource
from chalicelib.dicomweb.wadl import Node, doc, encode_wadl_json, encode_wadl_xml, node
from chalicelib.standard.capabilities import JSON, STORE_RESOURCES, WADL
from chalicelib.standard.character_sets import CHARACTER_SETS
from chalicelib.standard.media_types import REQUEST_TYPES
from chalicelib.standard.status_codes import STATUS_CODES, Transaction

BASE_URI = "https://host/dicom-web"
LIMITS = {"max_parts": 7, "max_session_bytes": 2**40}
NAMESPACE = "{http://wadl.dev.java.net/2009/02}"
RESOURCES: tuple[Resource, ...] = (
    Base("default"),
    Base("north"),
    Studies("default"),
    Study("default", "1.2.3"),
)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, WADL),
        ("", WADL),
        ("*/*", WADL),
        ("application/*", WADL),
        ("application/xml", WADL),
        ("text/xml", WADL),
        (WADL, WADL),
        (JSON, JSON),
        ("application/json, */*", JSON),
        ("text/html, application/json;q=0.5, */*;q=0.1", JSON),
        ("application/json;q=0.2, application/vnd.sun.wadl+xml;q=0.8", WADL),
        ("application/vnd.sun.wadl+xml;q=0, */*", JSON),
        ("APPLICATION/JSON", JSON),
    ],
)
def test_accept_chooses_the_form(accept: str | None, media_type: str) -> None:
    assert negotiate_capabilities(accept) == media_type


@pytest.mark.parametrize("accept", ["text/html", "application/dicom+json", "*/*;q=0"])
def test_406_when_nothing_acceptable_is_available(accept: str) -> None:
    with pytest.raises(RequestError) as caught:
        negotiate_capabilities(accept)
    assert caught.value.status == 406


def test_406_without_accept_in_strict_mode() -> None:
    with pytest.raises(RequestError) as caught:
        negotiate_capabilities(None, strict=True)
    assert caught.value.status == 406


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/", Base("default")),
        ("/partitions/north", Base("north")),
        ("/studies", Studies("default")),
        ("/partitions/north/studies/1.2", Study("north", "1.2")),
    ],
)
def test_the_service_is_a_resource_too(path: str, resource: Resource) -> None:
    assert parse_resource(path) == resource


def test_400_for_a_partition_that_is_none() -> None:
    with pytest.raises(RequestError) as caught:
        parse_resource("/partitions/no.dots")
    assert caught.value.status == 400


def test_nothing_is_posted_to_the_service_itself() -> None:
    assert [allowed_methods(resource) for resource in RESOURCES] == [
        "OPTIONS",
        "OPTIONS",
        "POST, OPTIONS",
        "POST, OPTIONS",
    ]


def parsed(resource: Resource) -> ElementTree.Element:
    return ElementTree.fromstring(
        encode_capabilities(describe(resource, BASE_URI, LIMITS), WADL).encode()
    )


@pytest.mark.parametrize("resource", RESOURCES, ids=repr)
def test_both_forms_say_the_same(resource: Resource) -> None:
    description = describe(resource, BASE_URI, LIMITS)

    from_json = json.loads(encode_capabilities(description, JSON))

    assert from_json == {"application": as_object(parsed(resource))}


def as_object(element: ElementTree.Element) -> dict[str, Any]:
    """PS3.18 Annex G, read off the XML."""
    lang = "{http://www.w3.org/XML/1998/namespace}lang"
    members: dict[str, Any] = {
        "@xml:lang" if name == lang else f"@{name}": value for name, value in element.items()
    }
    if len(element) == 0 and element.text:
        members["value"] = element.text
    for child in element:
        name = child.tag.removeprefix(NAMESPACE)
        if name in ("resources", "request"):
            members[name] = as_object(child)
        else:
            members.setdefault(name, []).append(as_object(child))
    return members


def test_the_base_is_that_of_the_partition() -> None:
    bases = [parsed(resource).find(f"{NAMESPACE}resources") for resource in RESOURCES[:2]]
    assert [base.get("base") for base in bases if base is not None] == [
        BASE_URI,
        f"{BASE_URI}/partitions/north",
    ]


@pytest.mark.parametrize(
    ("resource", "paths"),
    [
        (Base("default"), ["studies", "{StudyInstanceUID}"]),
        (Studies("default"), ["studies", "{StudyInstanceUID}"]),
        (Study("default", "1.2.3"), ["studies/{StudyInstanceUID}"]),
    ],
)
def test_a_resource_comes_with_its_children(resource: Resource, paths: list[str]) -> None:
    found = [element.get("path") for element in parsed(resource).iter(f"{NAMESPACE}resource")]
    assert found == paths


def test_store_is_described_from_the_tables() -> None:
    root = parsed(Base("default"))
    methods = {method.get("id"): method for method in root.iter(f"{NAMESPACE}method")}

    assert list(methods) == [row.method_id for row in STORE_RESOURCES]
    for method in methods.values():
        request = method.find(f"{NAMESPACE}request")
        assert request is not None
        representations = request.findall(f"{NAMESPACE}representation")
        assert [r.get("mediaType") for r in representations] == [row.text for row in REQUEST_TYPES]
        responses = method.findall(f"{NAMESPACE}response")
        assert {int(str(r.get("status"))) for r in responses} == {
            row.code for row in STATUS_CODES if Transaction.STORE in row.transactions
        }


def test_limits_and_character_sets_are_told() -> None:
    docs = {element.get("title"): element.text for element in parsed(Base("default"))}

    assert str(docs["Limit max_parts"]).startswith("7: ")
    assert str(docs["Limit max_session_bytes"]).startswith("1099511627776: ")
    assert str(docs["Limit max_body_bytes"]).startswith("4690000: ")
    assert "Limit max_session_parts" not in docs
    assert all(term in str(docs["Specific Character Set"]) for term in CHARACTER_SETS)


def test_strict_mode_tells_no_tolerated_syntax() -> None:
    implicit = " 1.2.840.10008.1.2,"
    lenient, strict = (
        encode_capabilities(describe(Base("default"), BASE_URI, {}, strict=strict), WADL)
        for strict in (False, True)
    )
    assert implicit in lenient
    assert implicit not in strict


def test_markup_in_values_stays_text() -> None:
    written = node("application", doc('a"b', "<&>"), node("resources", base="x&y'\""))

    root = ElementTree.fromstring(encode_wadl_xml(written))

    assert (root[0].get("title"), root[0].text) == ('a"b', "<&>")
    assert root[1].get("base") == "x&y'\""


def test_an_empty_element_has_no_members() -> None:
    assert json.loads(encode_wadl_json(Node("application"))) == {"application": {}}
