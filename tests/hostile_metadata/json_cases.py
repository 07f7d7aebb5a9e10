"""DICOM JSON that means harm, or is sloppy (PS3.18 F.2, RFC 8259)."""

import json
from collections.abc import Iterator
from typing import Any

from chalicelib.standard.reasons import FailureReason as F
from tests.hostile_metadata.hostile import CANARY, Hostile, good_json, metadata_message

Attribute = Any
MALFORMED, VALUE = F.METADATA_MALFORMED, F.METADATA_VALUE


def of(vr: str, *values: Any) -> dict[str, Any]:
    return {"vr": vr, "Value": list(values)}


def binary(vr: str, text: Any) -> dict[str, Any]:
    return {"vr": vr, "InlineBinary": text}


ATTRIBUTES: tuple[tuple[str, str, Attribute, F | None], ...] = (
    # Values that are none of their VR
    ("US as text", "00283002", of("US", "7"), VALUE),
    ("US below its range", "00283002", of("US", -1), VALUE),
    ("US above its range", "00283002", of("US", 65536), VALUE),
    ("US with a fraction", "00283002", of("US", 1.5), VALUE),
    ("US true", "00283002", of("US", True), VALUE),
    ("SS out of range", "00283002", of("SS", -32769), VALUE),
    ("UL out of range", "00720078", of("UL", 2**32), VALUE),
    ("SV out of range", "00720082", of("SV", 2**63), VALUE),
    ("UV below its range", "00720083", of("UV", "-1"), VALUE),
    ("FL out of range", "00189301", of("FL", 1e39), VALUE),
    ("FD as text", "00189089", of("FD", CANARY), VALUE),
    ("IS with a fraction", "00200013", of("IS", 7.5), VALUE),
    ("IS out of range", "00200013", of("IS", 2**31), VALUE),
    ("IS as words", "00200013", of("IS", CANARY), VALUE),
    ("DS as words", "00101030", of("DS", CANARY), VALUE),
    ("DS true", "00101030", of("DS", True), VALUE),
    ("AT too short", "00280009", of("AT", "0010"), VALUE),
    ("AT as a number", "00280009", of("AT", 1048592), VALUE),
    ("PN as a string", "00100010", of("PN", CANARY), VALUE),
    ("PN of a number", "00100010", of("PN", {"Alphabetic": 5}), VALUE),
    ("PN of an unknown group", "00100010", of("PN", {CANARY: "x"}), VALUE),
    ("PN with a group too many", "00100010", of("PN", {"Alphabetic": f"a={CANARY}"}), VALUE),
    ("LO as a number", "00100020", of("LO", 90210), VALUE),
    ("LO as an object", "00100020", of("LO", {"Value": [CANARY]}), VALUE),
    ("a backslash that splits", "00100020", of("LO", f"{CANARY}\\x"), VALUE),
    ("a NUL", "00100020", of("LO", f"{CANARY}\0"), VALUE),
    ("an escape", "00100020", of("LO", f"\x1b$B{CANARY}"), VALUE),
    ("half a surrogate pair", "00100020", of("LO", f"\ud83e{CANARY}"), VALUE),
    ("two texts where one may be", "00204000", of("LT", CANARY, CANARY), VALUE),
    ("a code that is not ASCII", "00100040", of("CS", "Ö"), VALUE),
    ("an item that is a string", "00081140", of("SQ", CANARY), VALUE),
    ("base64 that is none", "00282000", binary("OB", f"!{CANARY}!"), VALUE),
    ("base64 that was cut", "00282000", binary("OB", "AAA"), VALUE),
    ("part of a word", "00281201", binary("OW", "AAEC"), VALUE),
    # Attributes that are none
    ("an attribute that is a string", "00100020", CANARY, MALFORMED),
    ("an attribute that is a list", "00100020", [CANARY], MALFORMED),
    ("a vr nobody knows", "00100020", of("XX", CANARY), MALFORMED),
    ("two VRs at once", "00283002", of("US or SS", 1), MALFORMED),
    ("a vr that is null", "00100020", {"vr": None, "Value": [CANARY]}, MALFORMED),
    ("a Value that is no array", "00100020", {"vr": "LO", "Value": CANARY}, MALFORMED),
    ("a Value of octets", "00282000", of("OB", 1), MALFORMED),
    ("base64 of text", "00100020", binary("LO", "AAAA"), MALFORMED),
    ("base64 that is a number", "00282000", binary("OB", 0), MALFORMED),
    ("both Value and InlineBinary", "00282000", of("OB", 1) | binary("OB", "AA=="), MALFORMED),
    ("a reference of text", "00100020", {"vr": "LO", "BulkDataURI": CANARY}, MALFORMED),
    ("an empty reference", "00282000", {"vr": "OB", "BulkDataURI": " "}, MALFORMED),
    ("a reference that is a list", "00282000", {"vr": "OB", "BulkDataURI": []}, MALFORMED),
    ("a tag too short", "0010002", of("LO", CANARY), MALFORMED),
    ("a keyword as tag", "PatientName", of("LO", CANARY), MALFORMED),
    ("a tag in other digits", "００１０００２０", of("LO", CANARY), MALFORMED),
    ("a command", "00000100", of("US", 1), MALFORMED),
    ("a delimiter", "FFFEE00D", of("OB", 1), MALFORMED),
    ("one tag in two spellings", "0020000d", of("UI", "1.2"), F.AMBIGUOUS_ELEMENT),
    ("a reference nobody answers", "00282000", {"vr": "OB", "BulkDataURI": CANARY},
     F.BULKDATA_MISSING),
    # What is tolerated
    ("NaN by name", "00189089", of("FD", "NaN", "-Infinity"), None),
    ("a null", "00100021", of("LO", None), None),
    ("an empty array", "00100021", of("LO"), None),
    ("no vr", "00104000", {"Value": [CANARY]}, None),
    ("a member nobody knows", "00104000", of("LT", CANARY) | {"x": CANARY}, None),
    ("a tag in lower case", "0010212a", {"vr": "UN"}, None),
    ("base64 for URLs", "00282000", binary("OB", "-_-_"), None),
    ("base64 in lines", "00282000", binary("OB", "AAEC\r\nAwQF"), None),
    ("a private element nobody created", "00091001", of("LO", CANARY), None),
    ("SV as text", "00720082", of("SV", "-9223372036854775808"), None),
    ("DS of a third", "00101030", of("DS", 1 / 3), None),
    ("a value of one megabyte", "00204000", of("LT", CANARY * 50_000), None),
)  # fmt: skip


def texts(name: str) -> Iterator[tuple[str, bytes]]:
    """Yield texts no object of which can be trusted: the request is refused."""
    good = json.dumps([good_json(name)], ensure_ascii=False)
    member = f'"00100020":{{"vr":"LO","Value":["{CANARY}"]}}'
    yield "a tag twice", good.replace("[{", f"[{{{member},", 1).encode()
    yield "a member twice", good.replace('{"vr": "PN"', '{"vr": "PN", "vr": "LO"', 1).encode()
    yield "NaN", good.replace('"20260501"', "NaN", 1).encode()
    yield "Infinity", good.replace('"20260501"', "-Infinity", 1).encode()
    yield "a byte order mark", b"\xef\xbb\xbf" + good.encode()
    yield "UTF-16", good.encode("utf-16")
    yield "UTF-16 without mark", good.encode("utf-16-be")
    yield "UTF-32", good.encode("utf-32-le")
    yield "Latin-1", good.encode("latin-1", "replace")
    yield "UTF-8 that encodes a surrogate", good.encode().replace(b"PID", b"\xed\xa0\x80", 1)
    yield "overlong UTF-8", good.replace(CANARY, "@", 1).encode().replace(b"@", b"\xc0\xaf")
    yield "a cut", good[:-20].encode()
    yield "something behind", good.encode() + b"{}"
    yield "two texts", good.encode() * 2
    yield "a comment", good.replace("[{", f"[/* {CANARY} */{{", 1).encode()
    yield "single quotes", good.replace('"', "'").encode()
    yield "a raw control character", good.replace(CANARY, "a\nb", 1).encode()
    yield "a number of 10,000 digits", good.replace('"20260501"', "9" * 10_000, 1).encode()
    yield "arrays 100,000 deep", b"[" * 100_000
    yield "objects 100,000 deep", b'[{"00081140":' + b'{"a":' * 100_000
    yield "strings of brackets that never end", b'["' + b"[{\\" * 100_000
    yield "sequences 40 deep", nested(40).encode()
    yield "null", b"null"
    yield "nothing", b""
    yield "spaces", b" " * 1000


def nested(depth: int) -> str:
    """An array of one object with sequences inside sequences."""
    before, after = '{"00081140":{"vr":"SQ","Value":[', "]}}"
    return f"[{before * depth}{{}}{after * depth}]"


def cases() -> Iterator[Hostile]:
    for title, tag, attribute, reason in ATTRIBUTES:
        name = f"json: {title}"
        members = good_json(name) | {tag: attribute}
        sent = metadata_message("json", json.dumps([members]).encode())
        yield Hostile(name, sent, 200 if reason is None else 409, reason)
    for title, body in texts("json text"):
        yield Hostile(f"json text: {title}", metadata_message("json", body), 400)
    yield from large()


def large() -> Iterator[Hostile]:
    """Counts and depths that JSON itself may have."""
    name = "json: half a million items"
    members = json.dumps([good_json(name) | {"00081140": {"vr": "SQ", "Value": ["@"]}}])
    body = members.replace('"@"', ",".join(["{}"] * 500_001)).encode()
    yield Hostile(name, metadata_message("json", body), 409, F.TOO_MANY_ELEMENTS)
    name = "json: sequences 32 deep"
    [deep] = json.loads(nested(32))
    sent = metadata_message("json", json.dumps([good_json(name) | deep]).encode())
    yield Hostile(name, sent, 200)
