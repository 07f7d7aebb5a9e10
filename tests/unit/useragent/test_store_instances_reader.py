"""Every shape in which servers write the module (U-10), and what is none."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dicomweb.negotiation import ResponseFormat
from chalicelib.dicomweb.response_encoding import encode_module
from chalicelib.dicomweb.store_instances import (
    Explanation,
    Failed,
    OtherFailure,
    Reference,
    Stored,
)
from chalicelib.dicomweb.store_instances_reader import (
    UnreadableModule,
    read_store_instances,
)
from chalicelib.standard.reasons import FailureReason, WarningReason

CT = "1.2.840.10008.5.1.4.1.1.2"
OURS = (
    Stored(Reference(CT, "1.2.1")),
    Stored(Reference(CT, "1.2.2"), WarningReason.COERCION),
    Failed(
        Reference(CT, "1.2.3"),
        FailureReason.SOP_CLASS_NOT_SUPPORTED,
        Explanation("A sentence.", 3),
    ),
    OtherFailure(FailureReason.TRUNCATED, Explanation("Another.", 4)),
)
JSON = "".join(encode_module(lambda: OURS, ResponseFormat.JSON)).encode()
XML = "".join(encode_module(lambda: OURS, ResponseFormat.XML)).encode()


def framed(body: bytes, media_type: str) -> tuple[bytes, str]:
    head = f"--b\r\nContent-Type: {media_type}\r\n\r\n".encode()
    return head + body + b"\r\n--b--\r\n", f'multipart/related; type="{media_type}"; boundary=b'


SHAPES = {
    "json": (JSON, "application/dicom+json"),
    "json with charset": (JSON, "application/dicom+json; charset=utf-8"),
    "json in an array": (b"[" + JSON + b"]", "application/json"),
    "json without a type": (JSON, None),
    "json with a byte order mark": (b"\xef\xbb\xbf" + JSON, "application/json"),
    "xml": (XML, "application/dicom+xml"),
    "xml without namespace": (XML.replace(b'xmlns="', b'ns="'), "text/xml"),
    "xml without declaration": (XML.split(b"\n", 1)[1], "application/xml"),
    "xml typed as json": (XML, "application/dicom+json"),
    "multipart json": framed(JSON, "application/dicom+json"),
    "multipart xml": framed(XML, "application/dicom+xml"),
    "multipart without boundary": (framed(XML, "application/dicom+xml")[0], "multipart/related"),
    "numbers as text": (JSON.replace(b"[290]", b'["290"]').replace(b"45056", b'"B000"'), None),
    "no retrieve urls": (JSON.replace(b'"00081190":{"vr":"UR"},', b""), None),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_says_the_same(shape: str) -> None:
    module = read_store_instances(*SHAPES[shape])
    assert [(one.sop_instance, one.reason) for one in module.referenced] == [
        ("1.2.1", None),
        ("1.2.2", 0xB000),
    ]
    [failed] = module.failed
    assert (failed.sop_class, failed.sop_instance, failed.reason) == (CT, "1.2.3", 0x0122)
    assert (failed.part, failed.detail) == (3, "A sentence.")
    [other] = module.other_failures
    assert (other.sop_instance, other.reason, other.part) == ("", 0xC002, 4)


def test_one_object_for_each_study_is_one_module() -> None:
    module = read_store_instances(b"[" + JSON + b"," + JSON + b"]")
    assert len(module.referenced) == 4


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"OK",
        b"<html/>",
        b"<html><body>",
        b"{",
        b"[1]",
        b'"text"',
        b'{"status": 404, "title": "Not Found"}',
        b"--b\r\nno header",
        b"--b\r\n\r\n\r\n--b--",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><NativeDicomModel/>',
        b"[" * 100_000,
        b"\xff\xfe<\0",
    ],
)
def test_what_is_no_module_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(UnreadableModule):
        read_store_instances(body)


@given(st.binary(max_size=200) | st.sampled_from([JSON, XML]).flatmap(
    lambda whole: st.integers(0, len(whole)).map(lambda end: whole[:end])
))  # fmt: skip
def test_garbage_is_unreadable_or_read(body: bytes) -> None:
    with suppress(UnreadableModule):
        read_store_instances(body)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(
    inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["00081199", "00081198", "00081155", "00081197", "vr", "Value"]), inner, max_size=3),
    max_leaves=12))  # fmt: skip
def test_any_json_is_unreadable_or_read(value: object) -> None:
    with suppress(UnreadableModule):
        read_store_instances(json.dumps(value).encode())
