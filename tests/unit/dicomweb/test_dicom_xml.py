"""Native DICOM Model: what is decoded, what is refused and how, what is written."""

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.dicomweb.dataset import BulkdataReference, Dataset, Element
from chalicelib.dicomweb.decoded import Decoded, MetadataLimits
from chalicelib.dicomweb.dicom_xml import NAMESPACE, decode_xml, encode_xml
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.metadata_values import BINARY_VRS, BULKDATA_VRS
from chalicelib.standard.observations import OBSERVATIONS
from chalicelib.standard.reasons import FailureReason
from chalicelib.standard.vrs import VRS

MALFORMED = FailureReason.METADATA_MALFORMED
VALUE = FailureReason.METADATA_VALUE
UIDS = (
    '<DicomAttribute tag="00080016" vr="UI" keyword="SOPClassUID">'
    '<Value number="1">1.2.840.10008.5.1.4.1.1.2</Value></DicomAttribute>'
    '<DicomAttribute tag="00080018" vr="UI"><Value number="1">1.2.3</Value></DicomAttribute>'
)


def document(content: str, root: str = f'xmlns="{NAMESPACE}" xml:space="preserve"') -> str:
    return f"<NativeDicomModel {root}>{content}</NativeDicomModel>"


def decode(content: str, limits: MetadataLimits | None = None) -> Decoded:
    decoded = decode_xml(document(content).encode(), limits)
    assert (decoded.dataset is None) != (decoded.error is None)
    assert decoded.observations <= OBSERVATIONS.keys()
    return decoded


def dataset(content: str) -> Dataset:
    decoded = decode(content)
    assert decoded.dataset is not None, decoded.error
    return decoded.dataset


def attribute(vr: str, content: str = "", tag: str = "00101099") -> str:
    return f'<DicomAttribute tag="{tag}" vr="{vr}">{content}</DicomAttribute>'


def values(vr: str, *texts: str) -> tuple[Any, ...]:
    content = "".join(f'<Value number="{n}">{text}</Value>' for n, text in enumerate(texts, 1))
    [element] = dataset(attribute(vr, content))
    assert element.vr == vr
    return element.values


def refusal(content: str, limits: MetadataLimits | None = None) -> InstanceError:
    """Why a document is refused; the message carries no value."""
    error = decode(UIDS + content, limits).error
    assert error is not None
    assert "secret" not in error.detail
    return error


# The document


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "ISO-8859-1", "utf-8"])
def test_the_document_says_its_encoding(encoding: str) -> None:
    content = document(attribute("LO", '<Value number="1">Müller</Value>'))
    text = f'<?xml version="1.0" encoding="{encoding}"?>\n{content}'
    decoded = decode_xml(memoryview(text.encode(encoding)))
    assert decoded.dataset == Dataset([Element(0x00101099, "LO", "", ("Müller",))])
    assert decoded.observations == frozenset()


def test_a_byte_order_mark_is_no_matter() -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        assert decode_xml(document(UIDS).encode(encoding)).sop_instance == "1.2.3"


def test_comments_and_other_namespaces_attributes_are_ignored() -> None:
    content = document(
        f"<!-- secret --><?secret x?>{UIDS}",
        f'xmlns="{NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="a b" xml:lang="en"',
    )
    assert decode_xml(content.encode()).error is None


def test_a_prefix_is_as_good_as_the_default_namespace() -> None:
    text = (
        f'<d:NativeDicomModel xmlns:d="{NAMESPACE}"><d:DicomAttribute tag="00080018" vr="UI">'
        '<d:Value number="1" xml:space="preserve">1.2.3</d:Value></d:DicomAttribute>'
        "</d:NativeDicomModel>"
    )
    assert decode_xml(text.encode()).sop_instance == "1.2.3"


def test_a_missing_namespace_is_tolerated_another_is_not() -> None:
    decoded = decode_xml(document(UIDS, "").encode())
    assert decoded.observations == {"metadata-without-namespace"}
    assert decoded.sop_instance == "1.2.3"
    error = decode_xml(document(UIDS, 'xmlns="http://other/"').encode()).error
    assert error is not None
    assert error.reason is MALFORMED


LAUGHS = (
    '<!DOCTYPE l [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{n} "{"&a;" * 10}">' for n in range(9))
    + "]>"
)


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "secret",
        "<",
        "<NativeDicomModel",
        f'<NativeDicomModel xmlns="{NAMESPACE}">',
        document("") + "x",
        document("") * 2,
        document("<DicomAttribute>"),
        document("&secret;"),
        document("&#0;"),
        document("\x01"),
        document("", 'xmlns="a" xmlns="a"'),
        document("", 'x="secret"'),
        document("secret"),
        document("<secret/>"),
        document("<Value/>"),
        "<NativeDICOMModel/>",
        "<html/>",
        LAUGHS + document("&a8;"),
        '<!DOCTYPE x SYSTEM "file:///etc/passwd">' + document(""),
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + document("&e;"),
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/x">%p;]>' + document(""),
        "<!DOCTYPE NativeDicomModel>" + document(""),
        '<?xml version="1.0" encoding="UTF-7"?>' + document(""),
        '<?xml version="1.0" encoding="secret"?>' + document(""),
        '<?xml version="1.0" encoding="shift_jis"?>' + document(""),
        '<?xml version="1.0" encoding="unicode_escape"?>' + document(""),
        "<a>" * 100_000,
        document("<DicomAttribute>" * 100_000),
        document('<DicomAttribute tag="00081140" vr="SQ"><Item number="1">' * 100_000),
        document("", " ".join(f'a{n}="x"' for n in range(100_000))),
        document("", f'a="{"x" * 1_000_000}"'),
        f"<!--{'x' * 2_000_000}" + document(""),
        document(f"<{'x' * 1_000_000}/>"),
    ],
    ids=lambda body: repr(body[-24:]),
)
def test_what_is_no_document_of_the_model_is_refused(body: str) -> None:
    decoded = decode_xml(body.encode())
    assert decoded.dataset is None
    assert decoded.error is not None
    assert decoded.error.reason in (MALFORMED, FailureReason.TOO_DEEP)
    assert "secret" not in decoded.error.detail
    assert decoded.sop_instance == ""


@pytest.mark.parametrize("cut", range(0, len(document(UIDS).encode()), 7))
def test_a_document_cut_short_is_refused(cut: int) -> None:
    decoded = decode_xml(document(UIDS).encode()[:cut])
    assert decoded.error is not None
    assert decoded.error.reason is MALFORMED


def test_a_refusal_still_names_the_instance() -> None:
    decoded = decode(attribute("US", '<Value number="1">x</Value>', "00080005") + UIDS)
    assert decoded.error is not None
    assert decoded.error.tag_path == "(0008,0005)"
    assert (decoded.sop_class, decoded.sop_instance) == ("1.2.840.10008.5.1.4.1.1.2", "1.2.3")


# DicomAttribute


def test_a_regular_document_has_no_observation() -> None:
    assert decode(UIDS).observations == frozenset()


@pytest.mark.parametrize(
    ("content", "observation"),
    [
        (attribute("UI", tag="00020010"), "metadata-file-meta"),
        (attribute("UL", tag="00080000"), "metadata-group-length"),
        (attribute("UI", tag="0008001a"), "metadata-lower-case-tag"),
        (attribute("AT", '<Value number="1">0008001a</Value>'), "metadata-lower-case-tag"),
        ('<DicomAttribute tag="00080018"/>', "metadata-without-vr"),
        (attribute("LO", tag="00091001"), "metadata-private-without-creator"),
        (
            '<DicomAttribute tag="00091101" vr="LO" privateCreator="A"/>',
            "metadata-block-in-tag",
        ),
        (
            '<DicomAttribute tag="00100010" vr="PN" keyword="PatientID"/>',
            "metadata-keyword-conflict",
        ),
    ],
)
def test_what_is_tolerated_is_observed(content: str, observation: str) -> None:
    assert decode(content).observations == {observation}


def test_without_vr_the_dictionary_knows_it() -> None:
    [known, unknown] = dataset('<DicomAttribute tag="00080018"/><DicomAttribute tag="00101099"/>')
    assert (known.vr, unknown.vr) == ("UI", "UN")


@pytest.mark.parametrize(
    "content",
    [
        "<DicomAttribute/>",
        '<DicomAttribute vr="LO"/>',
        '<DicomAttribute tag="secret" vr="LO"/>',
        '<DicomAttribute tag="0010001" vr="LO"/>',
        '<DicomAttribute tag="00100010" vr="secret"/>',
        '<DicomAttribute tag="00100010" vr="OB or OW"/>',
        '<DicomAttribute Tag="00100010" VR="PN"/>',
        '<DicomAttribute tag="00100010" vr="PN" name="secret"/>',
        '<DicomAttribute tag="00100010" vr="PN" privateCreator="secret"/>',
        '<DicomAttribute tag="00000002" vr="UI"/>',
        '<DicomAttribute tag="FFFEE000" vr="SQ"/>',
        attribute("LO", "secret"),
        attribute("LO", '<Value number="1">a</Value>secret'),
        attribute("LO", '<Value number="1">a<b/></Value>'),
        attribute("LO", "<Value>a</Value>"),
        attribute("LO", '<Value number="0">a</Value>'),
        attribute("LO", '<Value number="2">a</Value>'),
        attribute("LO", '<Value number="01">a</Value>'),
        attribute("LO", '<Value number="1">a</Value><Value number="1">b</Value>'),
        attribute("LO", '<Value number="1">a</Value><Value number="3">b</Value>'),
        attribute("LO", '<Value number="2">a</Value><Value number="1">b</Value>'),
        attribute("LO", '<Value number="1" secret="x">a</Value>'),
        attribute("LO", '<Item number="1"/>'),
        attribute("LO", '<PersonName number="1"/>'),
        attribute("SQ", '<Value number="1">a</Value>'),
        attribute("SQ", "<Item/>"),
        attribute("SQ", '<Item number="1">secret</Item>'),
        attribute("SQ", '<Item number="1"><Value number="1"/></Item>'),
        attribute("SQ", '<Item number="1"/><Item number="3"/>'),
        attribute("PN", '<Value number="1">Doe^Jane</Value>'),
        attribute("PN", '<PersonName number="2"/>'),
        attribute("PN", '<PersonName number="1">secret</PersonName>'),
        attribute("PN", '<PersonName number="1"><Alphabetic>secret</Alphabetic></PersonName>'),
        attribute("PN", '<PersonName number="1"><Alphabetic/><Alphabetic/></PersonName>'),
        attribute("UN", '<Value number="1">a</Value>'),
        attribute("OB", "<InlineBinary>QUI=</InlineBinary><InlineBinary>QUI=</InlineBinary>"),
        attribute("OB", '<InlineBinary>QUI=</InlineBinary><BulkData uri="u"/>'),
        attribute("UT", '<Value number="1">a</Value><BulkData uri="u"/>'),
        attribute("UT", '<BulkData uri="u"/><Value number="1">a</Value>'),
        attribute("OB", '<BulkData uri="u"/><BulkData uri="u"/>'),
        attribute("OB", "<BulkData/>"),
        attribute("OB", '<BulkData uri="u" uuid="u"/>'),
        attribute("OB", '<BulkData uri=""/>'),
        attribute("OB", '<BulkData uuid=" "/>'),
        attribute("OB", '<BulkData uri="u">secret</BulkData>'),
    ],
)
def test_a_malformed_attribute_refuses_the_document(content: str) -> None:
    assert refusal(content).reason is MALFORMED


@pytest.mark.parametrize("first", ["", '<Value number="1"></Value>', "\n  "])
def test_no_content_and_an_empty_value_are_a_value_of_zero_length(first: str) -> None:
    for vr in VRS:
        if first.startswith("<") and vr in (*BINARY_VRS, "SQ", "PN"):
            continue
        assert dataset(attribute(vr, first)) == Dataset([Element(0x00101099, vr)])


def test_a_tag_that_stands_twice_is_refused() -> None:
    error = refusal(attribute("LO") + attribute("SH"))
    assert (error.reason, error.tag_path) == (FailureReason.AMBIGUOUS_ELEMENT, "(0010,1099)")


# Values


@pytest.mark.parametrize(
    ("vr", "text", "expected"),
    [
        ("LO", "  a &lt;b&gt; &amp; c  ", "  a <b> & c  "),
        ("LO", "<![CDATA[<&>]]>", "<&>"),
        ("LT", "a&#13;\n\tb\\c", "a\r\n\tb\\c"),
        ("UI", "1.2.3 ", "1.2.3"),
        ("IS", "+07", "+07"),
        ("DS", "0.10", "0.10"),
        ("US", " 65535\n", 65535),
        ("SV", "-9223372036854775808", -(2**63)),
        ("UV", "18446744073709551615", 2**64 - 1),
        ("UL", "7.0", 7),
        ("FD", "0.1", 0.1),
        ("FD", "1.0E10", 1e10),
        ("FD", "INF", float("inf")),
        ("FL", "-Infinity", float("-inf")),
        ("AT", "7FE00010", 0x7FE00010),
    ],
)
def test_values_are_exact(vr: str, text: str, expected: Any) -> None:
    [value] = values(vr, text)
    assert value == expected
    assert type(value) is type(expected)


def test_empty_values_among_several_stay() -> None:
    assert values("LO", "a", "", "b") == ("a", "", "b")
    assert values("CS", "", "") == ("", "")


@pytest.mark.parametrize(
    ("vr", "text"),
    [
        ("IS", "7.5"),
        ("IS", "2147483648"),
        ("DS", "secret"),
        ("US", "-1"),
        ("US", "65536"),
        ("US", "secret"),
        ("US", "0x10"),
        ("US", "1.5"),
        ("US", "1e99999999999999999999"),
        ("US", "٧"),
        ("SV", "9223372036854775808"),
        ("FL", "1e39"),
        ("FD", "1e400"),
        ("FD", "nan"),
        ("FD", "1_0"),
        ("AT", "(0010,0010)"),
        ("CS", "É"),
        ("LO", "a\\b"),
        ("LO", "\n  a\n"),
        ("UI", "1.2\\1.3"),
    ],
)
def test_what_cannot_be_a_value_refuses_the_instance(vr: str, text: str) -> None:
    error = refusal(attribute(vr, f'<Value number="1">{text}</Value>'))
    assert (error.reason, error.tag_path) == (VALUE, "(0010,1099)")


def test_single_valued_text_has_one_value() -> None:
    two = '<Value number="1">a</Value><Value number="2">b</Value>'
    for vr in ("ST", "LT", "UT", "UR"):
        assert refusal(attribute(vr, two)).reason is VALUE


def person(*groups: str) -> str:
    return attribute(
        "PN", "".join(f'<PersonName number="{n}">{g}</PersonName>' for n, g in enumerate(groups, 1))
    )


def test_a_name_joins_its_groups_and_components() -> None:
    alphabetic = (
        "<Alphabetic><GivenName>Jane</GivenName><FamilyName>Doe</FamilyName>"
        "<NameSuffix>PhD</NameSuffix></Alphabetic>"
    )
    phonetic = "<Phonetic><FamilyName>ドウ</FamilyName></Phonetic>"
    [element] = dataset(person(phonetic + alphabetic, "", "<Ideographic/>"))
    assert element.values == ("Doe^Jane^^^PhD==ドウ", "", "")


@pytest.mark.parametrize("text", ["a^b", "a=b", "a\\b", "a\tb"])
def test_a_component_holds_no_delimiter(text: str) -> None:
    name = person(f"<Alphabetic><FamilyName>{text}</FamilyName></Alphabetic>")
    assert refusal(name).tag_path == "(0010,1099)"


def test_an_empty_name_is_a_value_of_zero_length() -> None:
    assert dataset(person("")) == Dataset([Element(0x00101099, "PN")])


@pytest.mark.parametrize("vr", VRS)
def test_inline_binary_is_for_seven_vrs(vr: str) -> None:
    content = attribute(vr, "<InlineBinary>\nQUJD\nREVGR0g=\n</InlineBinary>")
    if vr in ("OB", "OD", "OF", "OL", "OV", "OW", "UN"):
        assert dataset(content) == Dataset([Element(0x00101099, vr, "", (b"ABCDEFGH",))])
    else:
        assert refusal(content).reason is MALFORMED


@pytest.mark.parametrize("text", ["Q", "QUI", "QU=I", "!!!!", "é"])
def test_bad_base64_is_never_empty(text: str) -> None:
    assert refusal(attribute("OB", f"<InlineBinary>{text}</InlineBinary>")).reason is VALUE


@pytest.mark.parametrize("vr", VRS)
def test_bulkdata_are_for_the_same_vrs_as_in_json(vr: str) -> None:
    content = attribute(vr, '<BulkData uri="http://a/b"/>')
    if vr in BULKDATA_VRS:
        [element] = dataset(content)
        assert element.bulkdata == BulkdataReference("http://a/b")
    else:
        assert refusal(content).reason is MALFORMED


@pytest.mark.parametrize("uuid", ["F81D", "urn:uuid:F81D", " F81D "])
def test_a_uuid_is_a_urn(uuid: str) -> None:
    [element] = dataset(attribute("OW", f'<BulkData uuid="{uuid}"/>'))
    assert element.bulkdata == BulkdataReference("urn:uuid:F81D")


# Sequences


def test_items_are_data_sets() -> None:
    content = attribute("SQ", f'<Item number="1">{UIDS}</Item>\n<Item number="2"/>', "00081140")
    [element] = dataset(content)
    first, second = element.values
    assert isinstance(first, Dataset)
    assert [inner.tag for inner in first] == [0x00080016, 0x00080018]
    assert second == Dataset()


def test_a_refusal_names_the_path() -> None:
    bad = attribute("US", '<Value number="1">x</Value>', "00080005")
    inner = attribute("SQ", f'<Item number="1">{bad}</Item>', "00081199")
    outer = attribute("SQ", f'<Item number="1"/><Item number="2">{inner}</Item>', "00081140")
    assert refusal(outer).tag_path == "(0008,1140)[2].(0008,1199)[1].(0008,0005)"
    twice = attribute("SQ", f'<Item number="1">{UIDS}{UIDS}</Item>', "00081140")
    assert refusal(twice).tag_path == "(0008,1140)[1].(0008,0016)"


def test_a_uid_inside_an_item_names_nothing() -> None:
    assert decode(attribute("SQ", f'<Item number="1">{UIDS}</Item>')).sop_instance == ""


def nested(depth: int) -> str:
    opening = '<DicomAttribute tag="00081140" vr="SQ"><Item number="1">'
    return opening * depth + "</Item></DicomAttribute>" * depth


def test_sequences_nest_as_deep_as_the_limit() -> None:
    limits = MetadataLimits(max_depth=3)
    assert decode(nested(3), limits).error is None
    assert refusal(nested(4), limits).reason is FailureReason.TOO_DEEP


def test_elements_and_items_are_counted() -> None:
    limits = MetadataLimits(max_elements=5)
    assert decode(UIDS + nested(1), limits).error is None
    assert refusal(nested(2), limits).reason is FailureReason.TOO_MANY_ELEMENTS


def test_texts_are_bounded_while_they_are_read() -> None:
    limits = MetadataLimits(max_value_length=1000)
    for content in (
        attribute("UT", f'<Value number="1">{"x" * 1001}</Value>'),
        attribute("UN", f"<InlineBinary>{'A' * 1004}</InlineBinary>"),
        attribute("UN", f"<InlineBinary>{'A ' * 500_000}"),
    ):
        assert decode(content, limits).error is not None
    assert decode(attribute("UT", f'<Value number="1">{"x" * 1000}</Value>'), limits).error is None


# Private blocks


def private(tag: str, creator: str, text: str = "x") -> str:
    return (
        f'<DicomAttribute tag="{tag}" vr="LO" privateCreator="{creator}">'
        f'<Value number="1">{text}</Value></DicomAttribute>'
    )


def blocks(content: str) -> list[tuple[int, Any]]:
    return [(element.tag, *element.values) for element in dataset(content)]


def test_each_creator_gets_a_block_of_its_own() -> None:
    content = private("00090001", "A", "a") + private("00090001", "B", "b")
    assert blocks(content + private("000900FF", "A", "c") + private("00110000", "A", "d")) == [
        (0x00090010, "A"),
        (0x00090011, "B"),
        (0x00091001, "a"),
        (0x000910FF, "c"),
        (0x00091101, "b"),
        (0x00110010, "A"),
        (0x00111000, "d"),
    ]


def test_a_block_that_is_reserved_is_used() -> None:
    creator = attribute("LO", '<Value number="1">A</Value>', "00090042")
    orphan = attribute("LO", '<Value number="1">o</Value>', "00091001")
    assert blocks(
        private("00090001", "A", "a") + private("00090002", "B", "b") + creator + orphan
    ) == [
        (0x00090011, "B"),
        (0x00090042, "A"),
        (0x00091001, "o"),
        (0x00091102, "b"),
        (0x00094201, "a"),
    ]


def test_a_block_in_the_tag_is_kept_where_it_is_free() -> None:
    assert blocks(private("00092001", "A", "a") + private("00092002", "B", "b")) == [
        (0x00090010, "B"),
        (0x00090020, "A"),
        (0x00091002, "b"),
        (0x00092001, "a"),
    ]


def test_blocks_are_of_one_data_set() -> None:
    inner = attribute("SQ", f'<Item number="1">{private("00090001", "B")}</Item>')
    elements = list(dataset(private("00090001", "A") + inner))
    [item] = elements[-1].values
    assert item == Dataset(
        [Element(0x00090010, "LO", "", ("B",)), Element(0x00091001, "LO", "", ("x",), "B")]
    )


def test_one_element_of_a_creator_twice_is_refused() -> None:
    error = refusal(private("00090001", "A") * 2)
    assert (error.reason, error.tag_path) == (FailureReason.AMBIGUOUS_ELEMENT, "(0009,1001)")


def test_a_group_has_240_blocks() -> None:
    all_blocks = "".join(private("00090001", f"A{n}") for n in range(240))
    assert decode(all_blocks).error is None
    assert refusal(all_blocks + private("00090001", "B")).reason is MALFORMED


def test_a_creator_is_a_value_of_lo() -> None:
    assert refusal(private("00090001", "a\\b")).tag_path == "(0009,0001)"


# Writing


def written(element: Element) -> ElementTree.Element:
    [attribute] = ElementTree.fromstring(encode_xml(Dataset([element])))
    return attribute


def test_a_public_element_has_its_keyword() -> None:
    assert written(Element(0x00100010, "PN")).attrib == {
        "tag": "00100010",
        "vr": "PN",
        "keyword": "PatientName",
    }
    assert written(Element(0x60023000, "OW")).get("keyword") == "OverlayData"
    assert written(Element(0x00091001, "LO")).get("keyword") is None


def test_private_elements_name_the_creator_of_their_block() -> None:
    creators = [Element(0x00090010, "LO", "", ("A",)), Element(0x00090011, "LO", "", ("B",))]
    private_elements = [
        Element(0x00091001, "LO"),
        Element(0x00091101, "LO"),
        Element(0x00091201, "LO"),
    ]
    root = ElementTree.fromstring(encode_xml(Dataset(creators + private_elements)))
    assert [(a.get("tag"), a.get("privateCreator")) for a in root] == [
        ("00090001", "A"),
        ("00090001", "B"),
        ("00091201", None),
    ]


def test_a_creator_that_is_no_text_is_sent_as_it_is() -> None:
    assert written(Element(0x00090010, "UN", "", (b"A ",))).get("tag") == "00090010"
    assert written(Element(0x00090010, "LO")).get("tag") == "00090010"


def test_bulkdata_and_binary_stand_for_the_whole_value() -> None:
    [bulkdata] = written(Element(0x7FE00010, "OW", bulkdata=BulkdataReference('a"&b')))
    assert bulkdata.attrib == {"uri": 'a"&b'}
    [binary] = written(Element(0x7FE00010, "OW", "", (b"AB",)))
    assert binary.text == "QUI="


def test_carriage_returns_survive() -> None:
    [value] = written(Element(0x00104000, "LT", "", ("a\r\nb\rc",)))
    assert value.text == "a\r\nb\rc"


def test_text_that_xml_cannot_hold_is_refused_on_demand() -> None:
    text = Dataset([Element(0x00104000, "LT", "", ("secret\x0c",))])
    assert "\ufffd" in encode_xml(text)
    with pytest.raises(InstanceError, match=r"^\(0010,4000\)") as refused:
        encode_xml(text, replace=False)
    assert "secret" not in refused.value.detail


# Garbage

VALID = document(
    UIDS
    + private("00090001", "A")
    + person("<Alphabetic><FamilyName>Doe</FamilyName></Alphabetic>")
    + attribute("SQ", f'<Item number="1">{UIDS}</Item>', "00081140")
    + attribute("OW", '<BulkData uuid="x"/>', "7FE00010")
    + attribute("UN", "<InlineBinary>QUI=</InlineBinary>", "00431001")
    + attribute("FD", '<Value number="1">1.5</Value>', "00189087")
).encode()


def succeeds_or_refuses(body: bytes) -> None:
    decoded = decode_xml(body)
    assert (decoded.dataset is None) != (decoded.error is None)


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_arbitrary_bytes_give_our_errors_or_success(body: bytes) -> None:
    succeeds_or_refuses(body)


@given(st.integers(0, len(VALID)), st.integers(0, 12), st.binary(max_size=6))
@settings(max_examples=400, deadline=None)
def test_mutated_documents_give_our_errors_or_success(at: int, cut: int, put: bytes) -> None:
    succeeds_or_refuses(VALID[:at] + put + VALID[at + cut :])


pieces = st.sampled_from(
    [
        UIDS,
        "<DicomAttribute tag='00081140' vr='SQ'>",
        "<DicomAttribute tag='00101000' vr='PN'>",
        "<DicomAttribute tag='00101000' vr='US'>",
        "<DicomAttribute tag='00090001' vr='LO' privateCreator='A'>",
        "</DicomAttribute>",
        "<Item number='1'>",
        "</Item>",
        "<Value number='1'>1</Value>",
        "<Value number='2'/>",
        "<PersonName number='1'>",
        "<Alphabetic>",
        "<FamilyName>a</FamilyName>",
        "</Alphabetic>",
        "</PersonName>",
        "<BulkData uri='u'/>",
        "<InlineBinary>QUI=</InlineBinary>",
        "x",
        " ",
    ]
)


@given(st.lists(pieces, max_size=14))
@settings(max_examples=400, deadline=None)
def test_shuffled_pieces_give_our_errors_or_success(content: list[str]) -> None:
    succeeds_or_refuses(document("".join(content)).encode())
