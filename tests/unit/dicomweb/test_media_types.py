"""Content-Type and Accept as clients write them."""

import contextlib
from http import HTTPStatus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.media_types import (
    AcceptRange,
    MediaType,
    MediaTypeSyntaxError,
    PayloadType,
    parse_accept,
    parse_media_type,
    request_media_type,
    split_list,
)
from chalicelib.standard.media_types import REQUEST_TYPES, PayloadFamily

DICOM = MediaType("application", "dicom")
MULTIPART = 'multipart/related; type="application/dicom"; boundary='


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("application/dicom", "application/dicom", ()),
        ("Application/DICOM+JSON", "application/dicom+json", ()),
        (" \tapplication/dicom \t", "application/dicom", ()),
        ("a/b;c=d", "a/b", (("c", "d"),)),
        ("a/b \t; \tc=d \t; e=f ", "a/b", (("c", "d"), ("e", "f"))),
        ("a/b;Name=Value", "a/b", (("name", "Value"),)),
        ("a/b;c = d", "a/b", (("c", "d"),)),
        ("a/b;", "a/b", ()),
        ("a/b; ;c=d;;", "a/b", (("c", "d"),)),
        ('a/b;c="d"', "a/b", (("c", "d"),)),
        ('a/b;c=""', "a/b", (("c", ""),)),
        ('a/b;c="d;e=\\"f\\", \\\\g"', "a/b", (("c", 'd;e="f", \\g'),)),
        ("a/b;type=application/dicom;c=d", "a/b", (("type", "application/dicom"), ("c", "d"))),
        ("a/b;boundary=(=:/?,)", "a/b", (("boundary", "(=:/?,)"),)),
        ("a/b;transfer-syntax=*", "a/b", (("transfer-syntax", "*"),)),
    ],
)
def test_a_media_type_is_read(text, name, parameters):
    media_type = parse_media_type(text)
    assert (media_type.name, media_type.parameters) == (name, parameters)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dicom",
        "application/",
        "/dicom",
        "a b/c",
        "a/b/c",
        "a/b c=d",
        "a/b;c",
        "a/b;c=",
        "a/b;=d",
        'a/b;c="d',
        'a/b;c="d"e',
        'a/b;c=d"e"',
        'a/b;c="d\x00"',
        "a/b;c=d e",
        "a/b;c=d, a/b;c=d",
        "a/b;c=d;C=e",
        "a/b\x00",
        "é/b",
    ],
)
def test_what_is_no_media_type_is_refused(text):
    with pytest.raises(MediaTypeSyntaxError):
        parse_media_type(text)


def test_a_missing_parameter_is_none():
    assert parse_media_type("a/b;c=d").get("c") == "d"
    assert parse_media_type("a/b;c=d").get("e") is None


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("", []),
        (" , ,", []),
        ("a, b ,c ", ["a", "b", "c"]),
        ('a="b,c", d', ['a="b,c"', "d"]),
        ('a="b\\",c", d', ['a="b\\",c"', "d"]),
        ('a="b, c', ['a="b, c']),
        ('a="b\\', ['a="b\\']),
    ],
)
def test_a_list_splits_at_commas_outside_quotes(text, entries):
    assert list(split_list(text)) == entries


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("", []),
        ("a/b", [("a/b", 1.0, ())]),
        (
            "a/b;q=0.5, c/*;q=0 , */*;Q=1.000",
            [("a/b", 0.5, ()), ("c/*", 0.0, ()), ("*/*", 1.0, ())],
        ),
        ("a/b;c=d;q=.25;e=f", [("a/b", 0.25, (("c", "d"), ("e", "f")))]),
        ("*;q=.2, */*;q=.2", [("*/*", 0.2, ()), ("*/*", 0.2, ())]),
        ('a/b;c="d,e/f", g/h', [("a/b", 1.0, (("c", "d,e/f"),)), ("g/h", 1.0, ())]),
        (
            "nonsense, */b, a/b;q=2, a/b;q=-1, a/b;q=x, a/b;q=1.1, a/b;q=nan, c/d",
            [("c/d", 1.0, ())],
        ),
    ],
)
def test_an_accept_header_is_read_and_what_is_unreadable_left_out(text, ranges):
    found = [(r.media_type.name, r.quality, r.media_type.parameters) for r in parse_accept(text)]
    assert found == ranges


def test_wildcards_are_known():
    assert [range_.has_wildcard for range_ in parse_accept("*/*, a/*, a/b")] == [True, True, False]
    assert not AcceptRange(DICOM).has_wildcard


# Which payload a request names


@pytest.mark.parametrize(
    ("text", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary=abc', "abc"),
        ("multipart/related; type=application/dicom; boundary=abc", "abc"),
        ("multipart/related;boundary=abc;type=application/dicom", "abc"),
        ('Multipart/Related; TYPE="Application/Dicom"; BOUNDARY="ABC"', "ABC"),
        (MULTIPART + '"a b"', "a b"),
        (MULTIPART + "----=_Part:/?1", "----=_Part:/?1"),
        (MULTIPART + '"\'()+_,-./:=?"', "'()+_,-./:=?"),
        (MULTIPART + "a", "a"),
        (MULTIPART + "a" * 36, "a" * 36),
        (MULTIPART + "a" * 73, "a" * 73),
        (MULTIPART + "a" * 100, "a" * 100),
        (MULTIPART + "a; charset=utf-8; transfer-syntax=1.2.840.10008.1.2.1; start-info=x", "a"),
        (
            'multipart/related; type="application/dicom; transfer-syntax=1.2.840.10008.1.2.1"; '
            "boundary=a",
            "a",
        ),
    ],
)
def test_a_multipart_payload_of_instances_is_named(text, boundary):
    payload = request_media_type(text)
    assert payload.family is PayloadFamily.INSTANCES
    assert payload.media_type.name == "application/dicom"
    assert (payload.boundary, payload.start) == (boundary, None)


def test_a_single_instance_is_named_with_its_parameters():
    text = "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90"
    assert request_media_type(text) == PayloadType(PayloadFamily.INSTANCES, parse_media_type(text))


def test_the_root_part_is_named_by_start():
    assert request_media_type(MULTIPART + 'a; start="<root@x>"').start == "<root@x>"


@pytest.mark.parametrize("row", REQUEST_TYPES, ids=lambda row: row.text)
def test_every_supported_type_is_accepted(row):
    payload = request_media_type(row.text + "; boundary=a")
    assert payload.family is row.family
    assert payload.boundary == ("a" if row.multipart else None)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        " ",
        "text/plain",
        "application/zip",
        "application/octet-stream",
        "multipart/form-data; boundary=a",
        "multipart/mixed; type=application/dicom; boundary=a",
        "multipart/related; type=text/plain; boundary=a",
        "multipart/related; type=text/plain",
    ],
)
def test_415_with_what_is_supported_when_content_type_is_missing_or_another(text):
    with pytest.raises(RequestError) as error:
        request_media_type(text)
    assert error.value.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    for row in REQUEST_TYPES:
        assert row.text in error.value.detail
        assert row.text in error.value.headers["Accept"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dicom", "Content-Type"),
        ("application/dicom;;x", "Content-Type"),
        ("application/dicom, application/dicom", "Content-Type"),
        ("multipart/related; type=dicom; boundary=a", '"type"'),
        ('multipart/related; type=""; boundary=a', '"type"'),
        ("multipart/related; boundary=a", '"type"'),
        ("multipart/related; type=application/dicom", '"boundary"'),
        (MULTIPART + '""', "boundary"),
        (MULTIPART + '"a "', "boundary"),
        (MULTIPART + '" "', "boundary"),
        (MULTIPART + "a" * 101, "101 characters"),
        (MULTIPART + "a*b", "boundary"),
        (MULTIPART + '"a\\"b"', "boundary"),
        (MULTIPART + '"a\tb"', "boundary"),
        (MULTIPART + '"é"', "boundary"),
        (MULTIPART + "a; boundary=b", "twice"),
    ],
)
def test_400_naming_the_parameter_when_content_type_is_malformed(text, words):
    with pytest.raises(RequestError) as error:
        request_media_type(text)
    assert error.value.status == HTTPStatus.BAD_REQUEST
    assert words in error.value.detail


SOUP = st.lists(
    st.sampled_from(list('"\\;,=/* ') + ["a", "q=", "multipart/related", "type=", "boundary=", "é"])
).map("".join)


@settings(max_examples=200, deadline=None)
@example('a/b;c="' + "\\" * 5000)
@example('"\\' * 5000)
@example("a/b" + ";" * 10000)
@given(SOUP | st.text())
def test_any_text_gives_a_value_or_our_error(text):
    parse_accept(text)
    with contextlib.suppress(MediaTypeSyntaxError):
        parse_media_type(text)
    with contextlib.suppress(RequestError):
        request_media_type(text)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126)), max_size=4))
def test_every_quoted_value_is_read_back(values):
    quoted = ["".join("\\" + c if c in '"\\' else c for c in value) for value in values]
    text = "a/b" + "".join(f'; p{index}="{value}"' for index, value in enumerate(quoted))
    assert [value for _, value in parse_media_type(text).parameters] == values
    (range_,) = parse_accept(text)
    assert range_.media_type == parse_media_type(text)
