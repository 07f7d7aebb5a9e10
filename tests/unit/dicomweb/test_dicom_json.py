"""DICOM JSON Model: what is decoded, what is refused and how, what is written."""

import json
from contextlib import suppress
from math import isnan
from struct import pack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.dicomweb.dataset import BulkdataReference, Dataset, Element
from chalicelib.dicomweb.decoded import Decoded, MetadataLimits
from chalicelib.dicomweb.dicom_json import decode_json, encode_json
from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.metadata_values import BINARY_VRS, BULKDATA_VRS
from chalicelib.standard.observations import OBSERVATIONS
from chalicelib.standard.reasons import FailureReason
from chalicelib.standard.vrs import VRS

MALFORMED = FailureReason.METADATA_MALFORMED
VALUE = FailureReason.METADATA_VALUE
UIDS = {
    "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]},
    "00080018": {"vr": "UI", "Value": ["1.2.3"]},
}


def decode(instance: Any) -> Decoded:
    """The only instance of an array."""
    [decoded] = decode_json(json.dumps([instance]).encode())
    assert (decoded.dataset is None) != (decoded.error is None)
    assert decoded.observations <= OBSERVATIONS.keys()
    return decoded


def element(attribute: Any, tag: str = "00101000") -> Element:
    """The element that one attribute becomes."""
    decoded = decode({tag: attribute})
    assert decoded.dataset is not None, decoded.error
    [only] = decoded.dataset
    return only


def values(vr: str, *given: Any) -> tuple[Any, ...]:
    return element({"vr": vr, "Value": list(given)}).values


def refusal(attribute: Any, tag: str = "00101000") -> FailureReason:
    """The reason why an attribute is refused; the message names the tag and no value."""
    decoded = decode(UIDS | {tag: attribute})
    assert decoded.error is not None
    assert (decoded.sop_class, decoded.sop_instance) == ("1.2.840.10008.5.1.4.1.1.2", "1.2.3")
    assert decoded.error.tag_path == f"({tag[:4]},{tag[4:]})"
    assert "secret" not in decoded.error.detail
    return decoded.error.reason


# The text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"null",
        b"7",
        b'"text"',
        b"[7]",
        b"[[]]",
        b"[{}, null]",
        b"[]",
        b"[{}",
        b"[{}] x",
        b"{'a': 1}",
        b"[{},]",
        b"\xef\xbb\xbf[{}]",
        "[{}]".encode("utf-16"),
        "[{}]".encode("utf-16-le"),
        "[{}]".encode("utf-16-be"),
        "[{}]".encode("utf-32"),
        b'[{"00100010": "\xff"}]',
        b'[{"00100010": "\xed\xa0\x80"}]',
        b'[{"00100010": "\x00"}]',
        b'[{"a": NaN}]',
        b'[{"a": Infinity}]',
        b'[{"a": -Infinity}]',
        b'[{"a": 1, "a": 1}]',
        b'[{"a": {"b": {"vr": "LO", "vr": "LO"}}}]',
        b'[{"a": 1, "\\u0061": 2}]',
        b'[{"a": ' + b"9" * 5000 + b"}]",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"00081140":{"vr":"SQ","Value":[' * 100_000,
        b'[{"a": "' + b'\\"' * 200_000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_400_when_the_text_is_no_array_of_objects(body: bytes) -> None:
    with pytest.raises(RequestError) as refused:
        decode_json(body)
    assert refused.value.status == 400


def test_a_byte_order_mark_and_utf_16_are_named() -> None:
    with pytest.raises(RequestError, match="byte order mark"):
        decode_json(b"\xef\xbb\xbf[{}]")
    with pytest.raises(RequestError, match="byte order mark"):
        decode_json("[{}]".encode("utf-16"))
    with pytest.raises(RequestError, match="UTF-16"):
        decode_json("[{}]".encode("utf-16-be"))


def test_brackets_in_strings_are_no_depth() -> None:
    text = '[{"\\\\' * 500
    assert values("LT", text) == (text,)


def test_limits_refuse_the_request_by_name() -> None:
    with pytest.raises(RequestError) as many:
        decode_json(b"[{},{},{}]", MetadataLimits(max_instances=2))
    assert many.value.limit == ("max_instances", 2)
    with pytest.raises(RequestError) as deep:
        decode_json(b"[" * 12 + b"]" * 12, MetadataLimits(max_depth=2))
    assert deep.value.limit == ("max_depth", 2)


def test_each_object_is_an_instance_of_its_own() -> None:
    good, bad = UIDS, UIDS | {"00100010": 7}
    first, second, third = decode_json(memoryview(json.dumps([good, bad, good]).encode()))
    assert [one.number for one in (first, second, third)] == [1, 2, 3]
    assert first.dataset == third.dataset is not None
    assert second.dataset is None
    assert second.sop_instance == "1.2.3"


def test_a_bare_object_is_an_array_of_one() -> None:
    assert decode_json(json.dumps(UIDS).encode()) == decode_json(json.dumps([UIDS]).encode())


# Members


def test_every_observation_of_metadata_is_in_the_table() -> None:
    decoded = decode(
        {
            "00020010": {"vr": "UI", "Value": ["1.2"]},
            "00080000": {"vr": "UL", "Value": [8]},
            "0008001a": {"vr": "UI"},
            "00100020": {"Value": ["x"]},
            "00100010": {"vr": "PN", "keyword": "PatientName"},
            "00180050": {"vr": "DS", "Value": [0.12345678901234567]},
            "00091001": {"vr": "LO"},
        }
    )
    assert decoded.observations == {
        "metadata-file-meta",
        "metadata-group-length",
        "metadata-lower-case-tag",
        "metadata-without-vr",
        "metadata-unknown-member",
        "metadata-rounded-decimal",
        "metadata-private-without-creator",
    }
    assert decoded.dataset is not None
    assert [e.tag for e in decoded.dataset] == [
        0x0008001A,
        0x00091001,
        0x00100010,
        0x00100020,
        0x00180050,
    ]


def test_a_regular_instance_has_no_observation() -> None:
    decoded = decode(
        UIDS
        | {"00090010": {"vr": "LO", "Value": ["ACME"]}, "00091001": {"vr": "LO", "Value": ["x"]}}
    )
    assert decoded.observations == frozenset()


@pytest.mark.parametrize("tag", ["00000002", "FFFEE000", "FFFEE0DD"])
def test_no_data_set_holds_commands_and_delimiters(tag: str) -> None:
    assert refusal({"vr": "US", "Value": [1]}, tag) is MALFORMED


@pytest.mark.parametrize(
    "name", ["", "0010001", "001000100", "PatientName", "0010001G", "٠٠١٠٠٠١٠"]
)
def test_a_member_name_is_a_tag(name: str) -> None:
    error = decode({name: {"vr": "LO"}}).error
    assert error is not None
    assert error.reason is MALFORMED


def test_one_tag_in_two_cases_stands_twice() -> None:
    error = decode({"0008001A": {"vr": "UI"}, "0008001a": {"vr": "UI"}}).error
    assert error is not None
    assert error.reason is FailureReason.AMBIGUOUS_ELEMENT


@pytest.mark.parametrize(
    "attribute",
    [
        None,
        7,
        "secret",
        [],
        {"vr": "secret"},
        {"vr": "lo"},
        {"vr": "OB or OW"},
        {"vr": None},
        {"vr": ["LO"]},
        {"vr": {}},
        {"vr": "LO", "Value": "secret"},
        {"vr": "LO", "Value": None},
        {"vr": "LO", "Value": {}},
        {"vr": "UN", "Value": ["x"], "InlineBinary": "QUI="},
        {"vr": "UT", "Value": ["x"], "BulkDataURI": "u"},
        {"vr": "OB", "InlineBinary": "QUI=", "BulkDataURI": "u"},
        {"vr": "OB", "InlineBinary": ["QUI="]},
        {"vr": "OB", "InlineBinary": None},
        {"vr": "OB", "BulkDataURI": None},
        {"vr": "OB", "BulkDataURI": ""},
        {"vr": "OB", "BulkDataURI": " "},
        {"vr": "OB", "BulkDataURI": "a\x00"},
        {"vr": "OB", "BulkDataURI": "\ud800"},
        {"Value": ["x"]},  # not in the dictionary: UN, which has no Value
    ],
    ids=repr,
)
def test_a_malformed_attribute_refuses_its_instance(attribute: Any) -> None:
    assert refusal(attribute, "00101099") is MALFORMED


def test_an_attribute_without_vr_has_that_of_the_dictionary() -> None:
    assert element({"Value": ["1.2"]}, "00080018").vr == "UI"
    assert element({}, "00101099").vr == "UN"


# Values: Table F.2.3-1

STRINGS = ("AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT")
ANY = ("x", 7, 7.5, True, False, {"a": 1}, {"Alphabetic": "x"}, ["x"], [], {})


def is_of_the_type(vr: str, value: Any) -> bool:
    """Whether Table F.2.3-1 allows a value of that type."""
    kind = type(value)
    if vr in STRINGS:
        return kind is str
    if vr in ("DS", "IS", "SV", "UV", "SL", "SS", "UL", "US"):
        return kind is int or (kind is float and vr == "DS")
    if vr in ("FL", "FD"):
        return kind in (int, float)
    if vr == "PN":
        return value in ({"Alphabetic": "x"}, {})
    return vr == "SQ" and value == {}


@pytest.mark.parametrize("vr", VRS)
@pytest.mark.parametrize("value", ANY, ids=repr)
def test_the_type_of_a_value_is_that_of_its_vr(vr: str, value: Any) -> None:
    attribute = {"vr": vr, "Value": [value]}
    if is_of_the_type(vr, value):
        assert element(attribute).vr == vr
    else:
        assert decode({"00101000": attribute}).error is not None, (
            "nothing becomes empty or something else"
        )


@pytest.mark.parametrize("vr", VRS)
def test_no_member_and_an_empty_array_are_a_value_of_zero_length(vr: str) -> None:
    empty = Element(0x00101000, vr)
    assert element({"vr": vr}) == empty
    assert element({"vr": vr, "Value": []}) == empty
    if vr in BINARY_VRS:
        assert element({"vr": vr, "InlineBinary": ""}) == empty
    elif vr != "SQ":
        assert element({"vr": vr, "Value": [None]}) == empty


def test_null_is_an_empty_value_among_several_of_text() -> None:
    assert values("LO", "a", None, "b") == ("a", "", "b")
    assert values("DS", 1, None, "2.50") == ("1", "", "2.50")
    assert values("PN", None, {"Alphabetic": "A"}, {}) == ("", "A", "")
    assert values("CS", None, None) == ("", "")
    for vr in ("US", "FD", "AT", "SQ"):
        assert refusal({"vr": vr, "Value": [None, None]}) is VALUE


@pytest.mark.parametrize(
    ("vr", "given", "expected"),
    [
        ("IS", 7, "7"),
        ("IS", -(2**31), "-2147483648"),
        ("IS", 7.0, "7"),
        ("IS", "+07", "+07"),
        ("DS", 7, "7"),
        ("DS", 0.1, "0.1"),
        ("DS", "0.10", "0.10"),
        ("DS", 1e22, "1e+22"),
        ("DS", -1.5e-300, "-1.5e-300"),
        ("SV", 2**63 - 1, 2**63 - 1),
        ("SV", str(-(2**63)), -(2**63)),
        ("UV", 2**64 - 1, 2**64 - 1),
        ("UV", "9007199254740993", 9007199254740993),
        ("US", 65535, 65535),
        ("SS", -32768, -32768),
        ("UL", 4294967295.0, 4294967295),
        ("FD", 0.1, 0.1),
        ("FD", 7, 7.0),
        ("FD", "Infinity", float("inf")),
        ("FL", "-Infinity", float("-inf")),
        ("AT", "00100010", 0x00100010),
        ("AT", "7fe00010", 0x7FE00010),
        ("UI", "1.2.3\x00", "1.2.3"),
        ("UI", "1.2.3 ", "1.2.3"),
        ("LT", "a\r\n\tb\\c\x0c", "a\r\n\tb\\c\x0c"),
        ("UT", "é\\b", "é\\b"),
        ("LO", "山田 太郎 😀", "山田 太郎 😀"),
    ],
)
def test_values_are_exact(vr: str, given: Any, expected: Any) -> None:
    [value] = values(vr, given)
    assert value == expected
    assert type(value) is type(expected)


def test_nan_is_a_string() -> None:
    [value] = values("FD", "NaN")
    assert isnan(value)


@pytest.mark.parametrize(
    ("literal", "expected", "rounded"),
    [
        ("1.50", "1.50", False),
        ("0.3333333333333333", "0.33333333333333", True),
        ("-0.3333333333333333", "-0.3333333333333", True),
        ("0.50000000000000000000", "0.50000000000000", False),
        ("123456789012345678", "1.2345678901E+17", True),
        ("100000000000000000000", "1.0000000000E+20", False),
        ("1.7976931348623157e308", "1.797693135E+308", True),
        ("1e-400000000", "1e-400000000", False),
    ],
)
def test_a_number_fits_the_16_characters_of_a_ds(
    literal: str, expected: str, rounded: bool
) -> None:
    [decoded] = decode_json(b'[{"00101000":{"vr":"DS","Value":[%s]}}]' % literal.encode())
    assert decoded.dataset == Dataset([Element(0x00101000, "DS", "", (expected,))])
    assert ("metadata-rounded-decimal" in decoded.observations) is rounded


@pytest.mark.parametrize(
    ("vr", "literal"),
    [
        ("IS", "7.5"),
        ("IS", "7.00000000000000000000001"),
        ("IS", "2147483648"),
        ("IS", "1e999999999"),
        ("IS", '"7.5"'),
        ("IS", '"2147483648"'),
        ("IS", '"seven"'),
        ("IS", '"٧"'),
        ("IS", "1e-999999999"),
        ("IS", "1e99999999999999999999"),
        ("DS", '"secret"'),
        ("DS", '"1,5"'),
        ("DS", '"NaN"'),
        ("DS", "1e400"),
        ("DS", "9" * 400),
        ("US", "-1"),
        ("US", "65536"),
        ("US", "1.5"),
        ("US", '"1"'),
        ("SS", "32768"),
        ("SL", "2147483648"),
        ("UL", "-1"),
        ("SV", "9223372036854775808"),
        ("SV", '"9223372036854775808"'),
        ("UV", "18446744073709551616"),
        ("UV", '"-1"'),
        ("UV", '""'),
        ("UV", '"0x10"'),
        ("UV", '" 1"'),
        ("FL", "1e39"),
        ("FD", "1e400"),
        ("FD", "9" * 400),
        ("FD", '"1.5"'),
        ("FD", '"nan"'),
        ("AT", '"0010001"'),
        ("AT", '"(0010,0010)"'),
        ("AT", "1048592"),
        ("LO", '"a\\\\b"'),
        ("LO", '"a\\u0000"'),
        ("LO", '"a\\u001b(B"'),
        ("LO", '"a\\nb"'),
        ("SH", '"\\ud800"'),
        ("UT", '"\\udc00"'),
        ("UT", '"a\\u0000b"'),
        ("LT", '"a\\u001bb"'),
        ("LT", '"a","b"'),
        ("UR", '"a","b"'),
        ("CS", '"\\u00c9"'),
        ("UI", '"1.2\\\\1.3"'),
        ("UI", '"1.2\\u0000.3"'),
        ("PN", '{"Alphabetic":"a\\\\b"}'),
        ("PN", '{"Alphabetic":"a=b"}'),
        ("PN", '{"Alphabetic":7}'),
        ("PN", '{"Alphabetic":["a"]}'),
        ("PN", '{"secret":"a"}'),
        ("PN", '"Doe^Jane"'),
        ("SQ", '"x"'),
    ],
)
def test_what_cannot_be_a_value_refuses_the_instance(vr: str, literal: str) -> None:
    body = b'[{"00101000":{"vr":"%s","Value":[%s]}}]' % (vr.encode(), literal.encode())
    [decoded] = decode_json(body)
    assert decoded.error is not None
    assert decoded.error.reason is VALUE
    assert decoded.error.tag_path == "(0010,1000)"
    assert "secret" not in decoded.error.detail


def test_a_name_joins_its_groups() -> None:
    groups = {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    assert values("PN", groups) == ("Yamada^Tarou=山田^太郎=やまだ^たろう",)
    assert values("PN", {"Ideographic": "山田"}) == ("=山田",)
    assert values("PN", {"Alphabetic": "A", "Phonetic": "B"}) == ("A==B",)
    assert values("PN", {"Alphabetic": "A", "Ideographic": None}) == ("A",)


# Binary and bulkdata


@pytest.mark.parametrize("text", ["+/+/", "-_-_", "+/-_", "+ /\r\n+\t/"])
def test_both_alphabets_of_base64_are_read_and_white_space_is_skipped(text: str) -> None:
    assert element({"vr": "OB", "InlineBinary": text}).values == (b"\xfb\xff\xbf",)


@pytest.mark.parametrize(
    "text", ["Q", "QU", "QUI", "=", "QUI=QUI=", "QU=I", "QUI==", "QUJD=", "!!!!", "QÜI=", "Q.I="]
)
def test_bad_base64_is_never_empty(text: str) -> None:
    assert refusal({"vr": "OB", "InlineBinary": text}) is VALUE


@pytest.mark.parametrize("vr", VRS)
def test_inline_binary_is_for_seven_vrs(vr: str) -> None:
    attribute = {"vr": vr, "InlineBinary": "QUJDREVGR0g="}
    if vr in ("OB", "OD", "OF", "OL", "OV", "OW", "UN"):
        assert element(attribute).values == (b"ABCDEFGH",)
    else:
        assert refusal(attribute) is MALFORMED


@pytest.mark.parametrize("vr", ["OD", "OF", "OL", "OV", "OW"])
def test_inline_binary_holds_whole_words(vr: str) -> None:
    assert refusal({"vr": vr, "InlineBinary": "QUJD"}) is VALUE


@pytest.mark.parametrize("vr", VRS)
def test_bulkdata_are_for_the_vrs_of_f_2_2(vr: str) -> None:
    attribute = {"vr": vr, "BulkDataURI": "urn:uuid:1"}
    if vr in BULKDATA_VRS:
        assert element(attribute).bulkdata == BulkdataReference("urn:uuid:1")
    else:
        assert refusal(attribute) is MALFORMED


def test_the_vrs_of_bulkdata_are_those_of_the_standard() -> None:
    listed = "DS FL FD IS LT OB OD OF OL OV OW SL SS ST SV UC UL UN US UT UV"
    assert frozenset(listed.split()) == BULKDATA_VRS


# Sequences


def test_a_refusal_names_the_path() -> None:
    inner = {"00081155": {"vr": "UI", "Value": ["1.2"]}, "00080005": {"vr": "CS", "Value": [7]}}
    items = [{}, {"00081199": {"vr": "SQ", "Value": [inner]}}]
    error = decode({"00081140": {"vr": "SQ", "Value": items}}).error
    assert error is not None
    assert error.tag_path == "(0008,1140)[2].(0008,1199)[1].(0008,0005)"


def test_an_empty_object_is_an_empty_item() -> None:
    assert values("SQ", {}, {}) == (Dataset(), Dataset())


def nested(depth: int) -> dict[str, Any]:
    innermost: dict[str, Any] = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "x"}]}}
    for _ in range(depth):
        innermost = {"00081140": {"vr": "SQ", "Value": [innermost]}}
    return innermost


def test_sequences_nest_as_deep_as_the_limit() -> None:
    limits = MetadataLimits(max_depth=3)
    [deep] = decode_json(json.dumps([nested(3)]).encode(), limits)
    assert deep.error is None
    with pytest.raises(RequestError):
        decode_json(json.dumps([nested(4)]).encode(), limits)
    empty = nested(4)
    empty["00081140"]["Value"][0]["00081140"]["Value"][0]["00081140"]["Value"][0]["00081140"] = {
        "vr": "SQ",
        "Value": [{}],
    }
    [too_deep] = decode_json(json.dumps([empty]).encode(), limits)
    assert too_deep.error is not None
    assert too_deep.error.reason is FailureReason.TOO_DEEP


def test_elements_and_items_are_counted() -> None:
    limits = MetadataLimits(max_elements=4)
    counted = [
        {"00081140": {"vr": "SQ", "Value": [{}, {}]}},
        {f"001000{n:02}": {} for n in range(9)},
    ]
    one, two = decode_json(json.dumps(counted).encode(), limits)
    assert one.error is None
    assert two.error is not None
    assert two.error.reason is FailureReason.TOO_MANY_ELEMENTS


def test_texts_are_bounded() -> None:
    limits = MetadataLimits(max_value_length=2000)
    for attribute in (
        {"vr": "UT", "Value": ["x" * 2001]},
        {"vr": "UN", "InlineBinary": "A" * 2004},
    ):
        [decoded] = decode_json(json.dumps([{"00101000": attribute}]).encode(), limits)
        assert decoded.error is not None


# What is broken elsewhere still names its instance


@pytest.mark.parametrize(
    ("attribute", "uid"),
    [
        ({"vr": "UI", "Value": ["1.2.3\x00"]}, "1.2.3"),
        ({"Value": ["1.2.3"]}, "1.2.3"),
        ({"vr": "UI", "Value": ["secret"]}, ""),
        ({"vr": "UI", "Value": ["1.2", "1.3"]}, ""),
        ({"vr": "UI", "Value": [7]}, ""),
        ({"vr": "UI", "Value": "1.2.3"}, ""),
        ({"vr": "UI"}, ""),
        (None, ""),
        ("1.2.3", ""),
    ],
)
def test_the_uid_is_read_as_far_as_it_can_be(attribute: Any, uid: str) -> None:
    assert decode({"00080018": attribute, "x": None}).sop_instance == uid


# Writing


@pytest.mark.parametrize(
    ("written", "attribute"),
    [
        (Element(8, "LO", "", ("a", "", "b")), {"vr": "LO", "Value": ["a", None, "b"]}),
        (Element(8, "LO", "", ("",)), {"vr": "LO"}),
        (Element(8, "SQ", "", (Dataset(),)), {"vr": "SQ", "Value": [{}]}),
        (Element(8, "AT", "", (0x7FE00010,)), {"vr": "AT", "Value": ["7FE00010"]}),
        (Element(8, "OB", "", (b"AB",)), {"vr": "OB", "InlineBinary": "QUI="}),
        (Element(8, "OW", bulkdata=BulkdataReference("u")), {"vr": "OW", "BulkDataURI": "u"}),
        (
            Element(8, "PN", "", ("A^B=C==", "", "=D")),
            {
                "vr": "PN",
                "Value": [{"Alphabetic": "A^B", "Ideographic": "C", "Phonetic": "="}, None]
                + [{"Ideographic": "D"}],
            },
        ),
        (
            Element(8, "FD", "", (0.1, float("nan"), float("inf"), float("-inf"), -0.0)),
            {"vr": "FD", "Value": [0.1, "NaN", "Infinity", "-Infinity", -0.0]},
        ),
        (Element(8, "UV", "", (2**64 - 1,)), {"vr": "UV", "Value": [2**64 - 1]}),
        (Element(8, "DS", "", ("1.50",)), {"vr": "DS", "Value": ["1.50"]}),
    ],
    ids=lambda one: one.vr if isinstance(one, Element) else "",
)
def test_elements_are_written_as_annex_f_has_them(
    written: Element, attribute: dict[str, Any]
) -> None:
    assert json.loads(encode_json(Dataset([written]))) == {"00000008": attribute}


# Garbage

VALID = json.dumps(
    [
        UIDS
        | {
            "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
            "00081140": {"vr": "SQ", "Value": [UIDS, {}]},
            "00280010": {"vr": "US", "Value": [512]},
            "00280030": {"vr": "DS", "Value": [0.5, "0.5"]},
            "00189087": {"vr": "FD", "Value": [1e3, "NaN"]},
            "7FE00010": {"vr": "OW", "BulkDataURI": "pixels"},
            "00091001": {"vr": "UN", "InlineBinary": "QUI="},
        }
    ]
).encode()

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["vr", "Value", "InlineBinary", "BulkDataURI", "Alphabetic", "00081140"]
            )
            | st.text(max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
attributes = st.fixed_dictionaries(
    {"vr": st.sampled_from(list(VRS))},
    optional={"Value": st.lists(plain, max_size=3), "InlineBinary": plain, "BulkDataURI": plain},
)


def succeeds_or_refuses(body: bytes) -> None:
    with suppress(RequestError):
        for decoded in decode_json(body):
            assert (decoded.dataset is None) != (decoded.error is None)


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_arbitrary_bytes_give_our_errors_or_success(body: bytes) -> None:
    succeeds_or_refuses(body)


@given(st.integers(0, len(VALID)), st.integers(0, 8), st.binary(max_size=6))
@settings(max_examples=400, deadline=None)
def test_mutated_metadata_give_our_errors_or_success(at: int, cut: int, put: bytes) -> None:
    succeeds_or_refuses(VALID[:at] + put + VALID[at + cut :])


@given(st.lists(st.dictionaries(st.sampled_from(["00101000", "00091001"]), attributes | plain)))
@settings(max_examples=300, deadline=None)
def test_arbitrary_attributes_give_our_errors_or_success(instances: list[Any]) -> None:
    succeeds_or_refuses(json.dumps(instances).encode())


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=200, deadline=None)
def test_doubles_are_exact(number: float) -> None:
    [value] = values("FD", number)
    assert pack("<d", value) == pack("<d", number)
