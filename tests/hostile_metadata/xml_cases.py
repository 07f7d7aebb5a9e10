"""Native DICOM Model documents that mean harm, or are sloppy (PS3.19 A.1, XML 1.0)."""

from collections.abc import Iterator

from chalicelib.standard.reasons import FailureReason as F
from tests.hostile_metadata.hostile import (
    CANARY,
    Hostile,
    compressed,
    good_xml,
    metadata_message,
)
from tests.representations import NAMESPACE

MALFORMED, VALUE = F.METADATA_MALFORMED, F.METADATA_VALUE
END = "</NativeDicomModel>"
DECLARATION = "<?xml version='1.0' encoding='UTF-8'?>"
Row = tuple[str, str, F | None]


def element(tag: str, vr: str, content: str = "", more: str = "") -> str:
    return f'<DicomAttribute tag="{tag}" vr="{vr}" {more}>{content}</DicomAttribute>'


def value(text: str, number: object = 1) -> str:
    return f'<Value number="{number}">{text}</Value>'


def sequences(depth: int) -> str:
    before = '<DicomAttribute tag="00081140" vr="SQ"><Item number="1">'
    return before * depth + "</Item></DicomAttribute>" * depth


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
COMMENTS = "00104000"
ADDED: tuple[Row, ...] = (
    # Into a good document, before its end
    ("an entity nobody declared", element(COMMENTS, "LT", value("&x;")), MALFORMED),
    ("an element nobody knows", f"<Patient>{CANARY}</Patient>", MALFORMED),
    ("an element of another namespace", f'<a:b xmlns:a="urn:a">{CANARY}</a:b>', MALFORMED),
    ("an inclusion", '<i:include xmlns:i="http://www.w3.org/2001/XInclude" '
     'href="file:///etc/passwd" parse="text"/>', MALFORMED),
    ("text outside of values", CANARY, MALFORMED),
    ("text in an attribute", element(COMMENTS, "LT", CANARY), MALFORMED),
    ("an attribute nobody knows", element(COMMENTS, "LT", "", f'patient="{CANARY}"'), MALFORMED),
    ("an attribute without tag", f'<DicomAttribute vr="LT">{value(CANARY)}</DicomAttribute>',
     MALFORMED),
    ("a tag too long", element("001040000", "LT", value(CANARY)), MALFORMED),
    ("a vr nobody knows", element(COMMENTS, "ZZ", value(CANARY)), MALFORMED),
    ("a value without number", element(COMMENTS, "LT", f"<Value>{CANARY}</Value>"), MALFORMED),
    ("a value numbered 0", element(COMMENTS, "LT", value(CANARY, 0)), MALFORMED),
    ("a gap between values", element("00101000", "LO", value("a") + value("b", 3)), MALFORMED),
    ("a number of 1,000 digits", element(COMMENTS, "LT", value(CANARY, "1" * 1000)), MALFORMED),
    ("a value and octets", element("00282000", "OB", value("a") +
     "<InlineBinary>AAAA</InlineBinary>"), MALFORMED),
    ("a value of octets", element("00282000", "OB", value(CANARY)), MALFORMED),
    ("octets of text", element(COMMENTS, "LT", "<InlineBinary>AAAA</InlineBinary>"), MALFORMED),
    ("a value of a sequence", element("00081140", "SQ", value(CANARY)), MALFORMED),
    ("a name of no person", element(COMMENTS, "LT", '<PersonName number="1"/>'), MALFORMED),
    ("a group of a name twice", element("00101001", "PN", '<PersonName number="1"><Alphabetic/>'
     "<Alphabetic><FamilyName>a</FamilyName></Alphabetic></PersonName>"), MALFORMED),
    ("a reference to two places", element("00282000", "OB",
     f'<BulkData uri="a" uuid="{CANARY}"/>'), MALFORMED),
    ("a reference to nowhere", element("00282000", "OB", "<BulkData/>"), MALFORMED),
    ("a reference nobody answers", element("00282000", "OB",
     f'<BulkData uri="{CANARY}"/>'), F.BULKDATA_MISSING),
    ("base64 that is none", element("00282000", "OB",
     f"<InlineBinary>{CANARY}</InlineBinary>"), VALUE),
    ("US as words", element("00283002", "US", value(CANARY)), VALUE),
    ("US out of range", element("00283002", "US", value("65536")), VALUE),
    ("IS with a fraction", element("00200012", "IS", value("7.5")), VALUE),
    ("a backslash that splits", element("00101000", "LO", value(f"{CANARY}\\x")), VALUE),
    ("a control character by number", element(COMMENTS, "LT", value("&#0;")), MALFORMED),
    ("a tag twice", element("00100020", "LO", value(CANARY)), F.AMBIGUOUS_ELEMENT),
    ("a creator of a public element", element(COMMENTS, "LT", "",
     f'privateCreator="{CANARY}"'), MALFORMED),
    ("a creator with a backslash", element("00090001", "LO", value("a"),
     f'privateCreator="{CANARY}\\"'), MALFORMED),
    ("241 creators", "".join(element("00090001", "LO", value("a"), f'privateCreator="C{n}"')
     for n in range(241)), MALFORMED),
    ("one private element twice", element("00090001", "LO", value("a"), 'privateCreator="C"') * 2,
     F.AMBIGUOUS_ELEMENT),
    ("sequences 40 deep", sequences(40), F.TOO_DEEP),
    ("sequences 100,000 deep and open", sequences(1)[:56] * 20_000, F.TOO_DEEP),
    ("half a million items", element("00081140", "SQ", "".join(
        f'<Item number="{n}"/>' for n in range(1, 500_001))), F.TOO_MANY_ELEMENTS),
    # What is tolerated
    ("CDATA", element(COMMENTS, "LT", value(f"<![CDATA[<&{CANARY}]]>")), None),
    ("comments and instructions", f"<!-- {CANARY} --><?x {CANARY}?>", None),
    ("a keyword of another attribute", element(COMMENTS, "LT", value("a"),
     'keyword="PatientName"'), None),
    ("a tag in lower case", element("0010212a", "UN"), None),
    ("no vr", f'<DicomAttribute tag="{COMMENTS}">{value(CANARY)}</DicomAttribute>', None),
    ("240 creators", "".join(element("00090001", "LO", value("a"), f'privateCreator="C{n}"')
     for n in range(240)), None),
    ("a block in a private tag", element("00091001", "LO", value("a"),
     f'privateCreator="{CANARY}"'), None),
    ("sequences 32 deep", sequences(32), None),
    ("white space around numbers", element("00283002", "US", value(" 7\n")), None),
)  # fmt: skip


def documents(good: str) -> Iterator[tuple[str, bytes, F | None]]:
    """Yield whole documents by what is wrong with them."""
    inside = good.removeprefix(DECLARATION).lstrip()

    def with_type(declared: str) -> bytes:
        return f"{DECLARATION}<!DOCTYPE NativeDicomModel {declared}>{inside}".encode()

    yield "a document type", with_type(""), MALFORMED
    yield "entities by the billion", with_type(f'[<!ENTITY l0 "{CANARY}">{LAUGHS}]'), MALFORMED
    yield "an external entity", with_type('[<!ENTITY x SYSTEM "file:///etc/passwd">]'), MALFORMED
    external = '[<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]'
    yield "a parameter entity", with_type(external), MALFORMED
    yield "a document type elsewhere", with_type('SYSTEM "http://127.0.0.1:9/x.dtd"'), MALFORMED
    yield "a cut", good[:-40].encode(), MALFORMED
    yield "two documents", good.encode() + inside.encode(), MALFORMED
    yield "something behind", good.encode() + CANARY.encode(), MALFORMED
    yield "nothing", b"", MALFORMED
    yield "JSON", b'[{"00100010":{"vr":"PN"}}]', MALFORMED
    yield "another root", good.replace("NativeDicomModel", "DicomModel").encode(), MALFORMED
    yield "another namespace", good.replace(NAMESPACE, "urn:other").encode(), MALFORMED
    yield "a NUL", good.replace(CANARY, "\0").encode() + b"\0", MALFORMED
    yield "Latin-1 that says UTF-8", good.encode("latin-1", "replace"), MALFORMED
    yield "UTF-7", good.replace("UTF-8", "UTF-7").encode(), MALFORMED
    yield "EBCDIC", good.replace("UTF-8", "cp037").encode("cp037", "replace"), MALFORMED
    yield "elements 100,000 deep", b"<NativeDicomModel>" * 100_000, MALFORMED
    yield (
        "an attribute of a megabyte",
        good.replace("<DicomAttribute ", f'<DicomAttribute x="{CANARY * 50_000}" ', 1).encode(),
        MALFORMED,
    )
    yield "no namespace", good.replace(f'xmlns="{NAMESPACE}"', "").encode(), None
    yield "UTF-16", good.replace("UTF-8", "UTF-16").encode("utf-16"), None
    yield "a byte order mark", b"\xef\xbb\xbf" + good.encode(), None


def cases() -> Iterator[Hostile]:
    for title, added, reason in ADDED:
        name = f"xml: {title}"
        body = good_xml(name).replace(END, added + END).encode()
        sent = compressed(metadata_message("xml", body))
        yield Hostile(name, sent, 200 if reason is None else 409, reason)
    titles = [title for title, *_ in documents("")]
    for number, title in enumerate(titles):
        name = f"xml document: {title}"
        _, body, reason = list(documents(good_xml(name)))[number]
        sent = metadata_message("xml", body)
        yield Hostile(name, sent, 200 if reason is None else 409, reason)
