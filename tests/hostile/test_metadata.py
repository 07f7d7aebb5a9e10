"""Metadata that cannot be read: whatever is wrong with a value, no answer and no log repeats it."""

import json
from http import HTTPStatus
from typing import Any

import pytest

from chalicelib.standard.vrs import VRS
from tests.builders_dicom import CT_IMAGE_STORAGE, uid_of
from tests.hostile.answers import SOP_INSTANCE, items, module_of, value
from tests.hostile.canary import PATIENT, TEXT, find_canary
from tests.hostile.cases import Case, Request, Sequence
from tests.hostile.door import Answer, Door

JSON, XML = "application/dicom+json", "application/dicom+xml"
NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
BOUNDARY = "stowage-metadata-6e21"


def data_set(*words: object) -> dict[str, Any]:
    """A data set without pixels that tells of the canary."""
    name = {"Alphabetic": PATIENT.name.decode()}
    return {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080016": {"vr": "UI", "Value": [CT_IMAGE_STORAGE]},
        "00080018": {"vr": "UI", "Value": [uid_of("metadata", *words)]},
        "00100010": {"vr": "PN", "Value": [name]},
        "00100020": {"vr": "LO", "Value": [PATIENT.patient_id.decode()]},
        "0020000D": {"vr": "UI", "Value": [uid_of("metadata study")]},
        "0020000E": {"vr": "UI", "Value": [uid_of("metadata series")]},
    }


VALUES: dict[str, Any] = {
    "text": {"Value": [TEXT]},
    "long text": {"Value": [TEXT * 2_000]},
    "text with NUL": {"Value": [f"{TEXT}\0{TEXT}"]},
    "text with half a surrogate pair": {"Value": [f"{TEXT}\ud800"]},
    "a name": {"Value": [{"Alphabetic": TEXT, "Phonetic": TEXT}]},
    "a name of unknown groups": {"Value": [{TEXT: TEXT}]},
    "a name of lists": {"Value": [{"Alphabetic": [TEXT]}]},
    "an object": {"Value": [{"00100010": {"vr": "PN", "Value": [TEXT]}}]},
    "a list": {"Value": [[TEXT]]},
    "no list": {"Value": TEXT},
    "a number and text": {"Value": [1, TEXT]},
    "null and text": {"Value": [None, TEXT]},
    "a huge number": {"Value": [10**400]},
    "bulkdata elsewhere": {"BulkDataURI": f"https://pacs.example/{TEXT}"},
    "bulkdata that is no URI": {"BulkDataURI": f"::{TEXT}::"},
    "bulkdata that is no text": {"BulkDataURI": [TEXT]},
    "inline text": {"InlineBinary": TEXT},
    "inline list": {"InlineBinary": [TEXT]},
    "two forms": {"Value": [TEXT], "InlineBinary": "AAAA"},
    "unknown member": {TEXT: [TEXT]},
}

BROKEN_ELEMENTS: dict[str, dict[str, Any]] = {
    **{
        f"{vr} {name}": {"00181020": {"vr": vr, **broken}}
        for vr in VRS
        for name, broken in VALUES.items()
    },
    **{f"no VR, {name}": {"00181020": broken} for name, broken in VALUES.items()},
    "VR that is the canary": {"00181020": {"vr": TEXT, "Value": [TEXT]}},
    "VR that is a list": {"00181020": {"vr": [TEXT], "Value": [TEXT]}},
    "tag that is the canary": {TEXT: {"vr": "LO", "Value": [TEXT]}},
    "element that is text": {"00181020": TEXT},
    "element that is a list": {"00181020": [TEXT]},
    "private, owned by the canary": {
        "00090010": {"vr": "LO", "Value": [TEXT]},
        "00091001": {"vr": "DS", "Value": [TEXT]},
    },
    "private, owned by nobody": {"00091001": {"vr": "LO", "Value": [TEXT]}},
    "class that is the canary": {"00080016": {"vr": "UI", "Value": [TEXT]}},
    "instance that is the canary": {"00080018": {"vr": "UI", "Value": [TEXT]}},
    "study that is the canary": {"0020000D": {"vr": "UI", "Value": [TEXT]}},
    "study that is a path": {"0020000D": {"vr": "UI", "Value": ["../../1.2"]}},
    "character set that is the canary": {"00080005": {"vr": "CS", "Value": [TEXT]}},
    "nested": {
        "00081140": {"vr": "SQ", "Value": [{"00181020": {"vr": "DS", "Value": [TEXT]}}] * 3}
    },
    "group 0002": {"00020010": {"vr": "UI", "Value": [TEXT]}},
}

BROKEN_JSON: dict[str, str] = {
    "cut short": json.dumps([data_set("cut")])[:-20],
    "no JSON": TEXT,
    "an array of text": json.dumps([TEXT]),
    "an array of arrays": json.dumps([[data_set("array")]]),
    "two values": json.dumps([data_set("two")]) + TEXT,
    "one key twice": f'[{{"00100010":{{"vr":"PN"}},"00100010":{{"vr":"PN","Value":["{TEXT}"]}}}}]',
    "NaN": f'[{{"00100010":{{"vr":"FD","Value":[NaN]}},"00100020":{{"vr":"{TEXT}"}}}}]',
    "10,000 arrays deep": "[" * 10_000 + f'"{TEXT}"' + "]" * 10_000,
    "10,000 sequences deep": "["
    + '{"00081140":{"vr":"SQ","Value":[' * 10_000
    + f'{{"00100010":{{"vr":"PN","Value":["{TEXT}"]}}}}'
    + "]}}" * 10_000
    + "]",
    "a number of 100,000 digits": '[{"00280010":{"vr":"US","Value":[' + "9" * 100_000 + "]}}]",
    "unpaired surrogate": f'["\\ud800{TEXT}"]',
}


def document(content: str, before: str = "") -> str:
    return f'<?xml version="1.0"?>{before}<NativeDicomModel xmlns="{NAMESPACE}">{content}'


def attribute(tag: str, vr: str, content: str, more: str = "") -> str:
    return f'<DicomAttribute tag="{tag}" vr="{vr}" {more}>{content}</DicomAttribute>'


END = "</NativeDicomModel>"
VALUE = f'<Value number="1">{TEXT}</Value>'
BROKEN_XML: dict[str, str] = {
    **{f"{vr} that is the canary": document(attribute("00181020", vr, VALUE)) + END for vr in VRS},
    "cut short": document(attribute("00100010", "PN", VALUE))[:-9],
    "no XML": TEXT,
    "another document": f"<{TEXT.replace('^', '')}/>",
    "DOCTYPE": document(VALUE, f'<!DOCTYPE x [<!ENTITY e "{TEXT}">]>') + END,
    "external entity": document("&e;", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>')
    + END,
    "a billion laughs": document(
        "&h;",
        f'<!DOCTYPE x [<!ENTITY a "{TEXT}">'
        + "".join(
            f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefg", "bcdefgh", strict=True)
        )
        + "]>",
    )
    + END,
    "undefined entity": document(f"&{TEXT.replace('^', '')};") + END,
    "VR that is the canary": document(attribute("00181020", TEXT, VALUE)) + END,
    "tag that is the canary": document(attribute(TEXT, "LO", VALUE)) + END,
    "keyword that is the canary": document(attribute("00181020", "LO", VALUE, f'keyword="{TEXT}"'))
    + END,
    "creator that is the canary": document(
        attribute("00090001", "DS", VALUE, f'privateCreator="{TEXT}"')
    )
    + END,
    "value whose number is the canary": document(
        attribute("00181020", "LO", f'<Value number="{TEXT}">x</Value>')
    )
    + END,
    "bulkdata elsewhere": document(
        attribute("00181020", "OB", f'<BulkData uri="https://pacs.example/{TEXT}"/>')
    )
    + END,
    "inline text": document(attribute("00181020", "OB", f"<InlineBinary>{TEXT}</InlineBinary>"))
    + END,
    "an element that is the canary": document(f"<{TEXT.replace('^', '-')}/>") + END,
    "10,000 items deep": document(
        '<DicomAttribute tag="00081140" vr="SQ"><Item number="1">' * 10_000
        + VALUE
        + "</Item></DicomAttribute>" * 10_000
    )
    + END,
    "UTF-16": document(attribute("00100010", "PN", VALUE)) + END,
}


def framed(media_type: str, *documents: bytes) -> Request:
    head = f"--{BOUNDARY}\r\nContent-Type: {media_type}\r\nContent-Location: /{TEXT}\r\n\r\n"
    body = b"".join(head.encode() + one + b"\r\n" for one in documents)
    return Request(
        body + f"--{BOUNDARY}--".encode(),
        content_type=f'multipart/related; type="{media_type}"; boundary={BOUNDARY}',
    )


def send(door: Door, name: str, request: Request) -> Answer:
    """Send a request; its answer and what was printed meanwhile are without the canary."""
    answer = door.send(Case(f"metadata {name}", request, 0))
    assert find_canary(answer.body) is None
    assert find_canary(repr(answer.headers)) is None
    assert find_canary(answer.printed) is None
    return answer


def test_broken_values_in_json_fail_alone_and_stay_unseen(door: Door) -> None:
    broken = [data_set(name) | element for name, element in BROKEN_ELEMENTS.items()]
    for first in range(0, len(broken), 200):
        sent = [data_set("before", first), *broken[first : first + 200], data_set("after", first)]

        answer = send(door, f"values {first}", framed(JSON, json.dumps(sent).encode()))

        assert answer.status == HTTPStatus.ACCEPTED, answer.body[:500]
        found = {sequence: items(module_of(answer), sequence) for sequence in Sequence}
        assert sum(map(len, found.values())) == len(sent)
        stored = [value(item, SOP_INSTANCE) for item in found[Sequence.REFERENCED]]
        assert stored[0] == uid_of("metadata", "before", first)
        assert stored[-1] == uid_of("metadata", "after", first)

    dead_letters = door.command("drain")
    assert not any(dead_letters.values()), dead_letters
    assert find_canary(door.messages()) is None
    assert find_canary(door.output()) is None


@pytest.mark.parametrize("name", BROKEN_JSON)
def test_broken_json_is_refused_unseen(name: str, door: Door) -> None:
    content = BROKEN_JSON[name].encode("utf-8", "surrogatepass")

    answers = [
        send(door, f"JSON {name}", framed(JSON, content)),
        send(door, f"JSON alone {name}", Request(content, content_type=JSON)),
    ]

    for answer in answers:
        assert answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT), answer.body[:500]


@pytest.mark.parametrize("name", BROKEN_XML)
def test_broken_xml_fails_unseen(name: str, door: Door) -> None:
    encoding = "utf-16" if name == "UTF-16" else "utf-8"

    answer = send(door, f"XML {name}", framed(XML, BROKEN_XML[name].encode(encoding)))

    assert answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT), answer.body[:500]
