"""The response's media type, row by row."""

import contextlib
from http import HTTPStatus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.media_types import parse_media_type
from chalicelib.dicomweb.negotiation import ResponseFormat, negotiate
from chalicelib.standard.media_types import ALIASES, RENDERED_TYPES, RESPONSE_TYPES

JSON, XML = ResponseFormat.JSON, ResponseFormat.XML
MULTIPART_JSON, MULTIPART_XML = ResponseFormat.MULTIPART_JSON, ResponseFormat.MULTIPART_XML

M_JSON = 'multipart/related; type="application/dicom+json"'
M_XML = 'multipart/related; type="application/dicom+xml"'
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
OLD_JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        # Missing, empty, wildcards
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/html, */*;q=0.1", JSON),
        (OLD_JAVA, JSON),
        # Named
        ("application/dicom+json", JSON),
        ("application/dicom+xml", XML),
        ("APPLICATION/DICOM+XML", XML),
        ("application/dicom+json; charset=utf-8", JSON),
        ("application/dicom+json; transfer-syntax=*", JSON),
        ("application/dicom+json, application/dicom+xml", JSON),
        ("application/dicom+xml, application/dicom+json", JSON),
        ("text/plain, application/json", JSON),
        ("image/jpeg;q=0, application/dicom+xml", XML),
        ("unreadable, application/dicom+xml", XML),
        # Weights; the most specific range decides (RFC 9110 12.5.1)
        ("application/dicom+json;q=0.5, application/dicom+xml", XML),
        ("application/dicom+xml;q=0.5, */*", JSON),
        ("application/dicom+xml, */*;q=0.5", XML),
        ("*/*, application/dicom+xml", XML),
        ("application/*, text/xml", XML),
        ("application/json, application/dicom+xml", XML),
        ("application/dicom+json;q=0, */*", XML),
        ("application/*;q=0.1, application/dicom+xml;q=0.2, */*;q=0.9", XML),
        ("application/json;q=0.1, application/dicom+json;q=0.9, application/dicom+xml;q=0.5", JSON),
        (BROWSER, XML),
        # Multipart only where no single part will do
        (M_JSON, MULTIPART_JSON),
        (M_XML, MULTIPART_XML),
        ("multipart/related; type=application/dicom+xml", MULTIPART_XML),
        ('multipart/related; type="APPLICATION/dicom+XML"; boundary=x', MULTIPART_XML),
        (f"{M_JSON};q=0.5, {M_XML}", MULTIPART_XML),
        (f"{M_JSON}, {M_XML}", MULTIPART_JSON),
        ("multipart/related", MULTIPART_JSON),
        ("multipart/*", MULTIPART_JSON),
        ("multipart/related; type=application/xml", MULTIPART_XML),
        (f"{M_XML}, application/dicom+json;q=0.1", JSON),
        (f"{M_XML}, */*", JSON),
        (f"{M_XML}, application/dicom+json;q=0", MULTIPART_XML),
    ],
)
def test_accept_chooses(accept, expected):
    assert negotiate(accept) is expected


@pytest.mark.parametrize("alias", ALIASES, ids=lambda alias: alias.name)
def test_an_alias_chooses_what_it_stands_for(alias):
    assert negotiate(alias.name).media_type == alias.media_type
    assert not negotiate(alias.name).is_multipart


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/zip",
        "application/dicom",
        "image/*",
        "application/dicom+json;q=0",
        "*/*;q=0",
        "application/dicom+json;q=0, application/json;q=0",
        'multipart/related; type="application/dicom"',
        'multipart/related; type="application/octet-stream"',
        "unreadable",
    ],
)
def test_406_with_what_is_available_when_nothing_fits(accept):
    with pytest.raises(RequestError) as error:
        negotiate(accept)
    assert error.value.status == HTTPStatus.NOT_ACCEPTABLE
    for row in RESPONSE_TYPES:
        assert row.media_type in error.value.detail
    assert M_XML in error.value.detail


@pytest.mark.parametrize("accept", [None, "", " "])
def test_406_when_accept_is_missing_in_strict_mode(accept):
    with pytest.raises(RequestError) as error:
        negotiate(accept, "application/dicom+json", strict=True)
    assert error.value.status == HTTPStatus.NOT_ACCEPTABLE
    assert "missing" in error.value.detail


def test_strict_mode_changes_nothing_when_accept_is_there():
    assert negotiate("*/*", strict=True) is JSON


# The query parameter


@pytest.mark.parametrize(
    ("header", "parameter", "expected"),
    [
        (None, "application/dicom+xml", XML),
        ("*/*", "application/dicom+xml", XML),
        ("application/*", "application/dicom+xml", XML),
        ("application/dicom+json, application/dicom+xml;q=0.1", "application/dicom+xml", XML),
        ("*/*", "application/dicom+json;q=0.1,application/dicom+xml", XML),
        ("*/*", M_XML, MULTIPART_XML),
        (M_XML, M_XML, MULTIPART_XML),
        ("multipart/related", M_XML, MULTIPART_XML),
        ("*/*", "text/xml", XML),
        ("application/xml", "application/dicom+xml", XML),
        ("application/dicom+xml", "text/xml", XML),
        ("*/*", "application/dicom xml", XML),  # an unencoded "+"
        ("application/zip, application/dicom+xml", "application/zip", XML),  # falls back
        ("image/jpeg, */*", "image/jpeg", JSON),
    ],
)
def test_the_accept_parameter_wins_over_the_header(header, parameter, expected):
    assert negotiate(header, parameter) is expected


@pytest.mark.parametrize(
    ("header", "parameter", "words"),
    [
        ("*/*", "", "not a list"),
        ("*/*", "json", "not a list"),
        ("*/*", "application/dicom+json, json", "not a list"),
        ("*/*", "*/*", "wildcards"),
        ("*/*", "application/*", "wildcards"),
        ("*/*", "application/dicom+json, multipart/*", "wildcards"),
        ("application/dicom+json", "application/dicom+xml", "cover"),
        ("application/dicom+json", "application/dicom+json, application/zip", "cover"),
        ("text/*", "application/dicom+xml", "cover"),
        (M_JSON, M_XML, "cover"),
        ("*/*;q=0", "application/dicom+xml", "cover"),
        ("unreadable", "application/dicom+json", "cover"),
    ],
)
def test_400_when_the_accept_parameter_is_invalid(header, parameter, words):
    with pytest.raises(RequestError) as error:
        negotiate(header, parameter)
    assert error.value.status == HTTPStatus.BAD_REQUEST
    assert words in error.value.detail


# DICOM beside rendered types


@pytest.mark.parametrize("rendered", RENDERED_TYPES, ids=lambda row: row.media_type)
@pytest.mark.parametrize("dicom", ["application/dicom+json", "application/dicom", M_XML])
def test_400_when_dicom_and_rendered_types_are_mixed(rendered, dicom):
    for arguments in (
        (f"{dicom}, {rendered.media_type}",),
        (f"{dicom}, {rendered.media_type}", rendered.media_type),
    ):
        with pytest.raises(RequestError) as error:
            negotiate(*arguments)
        assert error.value.status == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("wildcard", ["*/*", "image/*", "application/*;q=0.1"])
def test_a_wildcard_resolves_the_mixture(wildcard):
    assert negotiate(f"application/dicom+xml, image/jpeg, {wildcard}") is XML


def test_an_excluded_wildcard_does_not_resolve_the_mixture():
    with pytest.raises(RequestError) as error:
        negotiate("application/dicom+xml, image/jpeg, image/*;q=0")
    assert error.value.status == HTTPStatus.BAD_REQUEST


# Charset


@pytest.mark.parametrize(
    ("header", "parameter"),
    [
        (None, None),
        (None, "iso-8859-1"),
        ("", None),
        ("utf-8", None),
        ("UTF-8;q=0.1, iso-8859-1", None),
        ("iso-8859-1, *;q=0.1", None),
        ('"ISO_IR 192"', None),
        ("iso-8859-1", "utf-8"),
        ("iso-8859-1", "iso-8859-1, UTF-8"),
    ],
)
def test_utf8_is_acceptable(header, parameter):
    assert negotiate("*/*", accept_charset=header, charset_parameter=parameter) is JSON


@pytest.mark.parametrize(
    ("header", "parameter"),
    [
        ("iso-8859-1", None),
        ("iso-8859-1", "iso-8859-1"),
        ("utf-8;q=0, *", None),
        ("*;q=0", None),
        ("iso-8859-1", "utf-8;q=0"),
        ("utf-8;q=nonsense", None),
    ],
)
def test_406_when_accept_charset_excludes_utf8(header, parameter):
    with pytest.raises(RequestError) as error:
        negotiate("*/*", accept_charset=header, charset_parameter=parameter)
    assert error.value.status == HTTPStatus.NOT_ACCEPTABLE
    assert "utf-8" in error.value.detail


# What the answer says


def test_a_single_part_has_a_bare_content_type():
    assert JSON.content_type == "application/dicom+json"
    assert XML.content_type == "application/dicom+xml"


@pytest.mark.parametrize("format_", [MULTIPART_JSON, MULTIPART_XML])
def test_a_multipart_content_type_names_type_and_boundary(format_):
    content_type = parse_media_type(format_.content_type)
    assert content_type.name == "multipart/related"
    assert content_type.get("type") == format_.media_type
    assert content_type.get("boundary")


@pytest.mark.parametrize("format_", ResponseFormat)
def test_a_format_is_chosen_by_its_own_content_type(format_):
    assert negotiate(format_.content_type) is format_


def test_every_row_is_a_format():
    assert [format_.row for format_ in ResponseFormat] == list(RESPONSE_TYPES)


ACCEPT = st.lists(
    st.sampled_from(
        [
            M_JSON,
            M_XML,
            "*/*",
            "application/*",
            "application/json",
            "text/html",
            "image/jpeg",
            ";q=0",
        ]
        + [";q=0.5", ", ", ",", '"', "application/dicom+xml", "utf-8", "*", " "]
    )
).map("".join)


@settings(max_examples=200, deadline=None)
@given(ACCEPT, st.none() | ACCEPT, st.none() | ACCEPT, st.booleans())
def test_any_text_gives_a_format_or_our_error(accept, parameter, charset, strict):
    with contextlib.suppress(RequestError):
        negotiate(
            accept, parameter, accept_charset=charset, charset_parameter=charset, strict=strict
        )
