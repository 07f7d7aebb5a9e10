"""The Store Instances Response Module, its status, and its two encodings."""

import json
from xml.etree import ElementTree

import pytest

from chalicelib.dicomweb.dataset import Dataset, Element
from chalicelib.dicomweb.dicom_json import encode_json
from chalicelib.dicomweb.dicom_xml import NAMESPACE, encode_xml
from chalicelib.dicomweb.negotiation import ResponseFormat
from chalicelib.dicomweb.response_encoding import encode_module
from chalicelib.dicomweb.store_instances import (
    RETRIEVE_URL,
    SEQUENCES,
    Explanation,
    Failed,
    OtherFailure,
    Outcome,
    Reference,
    Stored,
    StoreInstancesResponse,
    item_of,
    status_of,
)
from chalicelib.standard.reasons import FailureReason, WarningReason

CT = "1.2.840.10008.5.1.4.1.1.2"
STORED = Stored(Reference(CT, "1.2.1"))
WARNED = Stored(Reference(CT, "1.2.2"), WarningReason.COERCION)
FAILED = Failed(
    Reference(CT, "1.2.3"),
    FailureReason.DUPLICATE_SOP_INSTANCE,
    Explanation("Part 2: it differs & <so> on.", 2, "(0010,0010)"),
)
THROTTLED = Failed(
    Reference(CT, "1.2.4"), FailureReason.STORE_UNAVAILABLE, Explanation("Part 3: later.", 3)
)
OTHER = OtherFailure(FailureReason.NOT_DICOM_FILE, Explanation("Part 4: no DICM prefix.", 4))


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([STORED], 200),
        ([STORED, STORED], 200),
        ([WARNED], 202),
        ([STORED, WARNED], 202),
        ([STORED, FAILED], 202),
        ([STORED, OTHER], 202),
        ([FAILED], 409),
        ([OTHER], 409),
        ([FAILED, OTHER], 409),
        ([THROTTLED], 503),
        ([STORED, THROTTLED], 503),
        ([FAILED, THROTTLED], 503),
        ([], 400),
    ],
)
def test_the_status_follows_table_10_5_3_1(outcomes: list[Outcome], status: int) -> None:
    assert status_of(StoreInstancesResponse(tuple(outcomes))) == status


@pytest.mark.parametrize("reason", FailureReason)
def test_every_transient_reason_answers_503(reason: FailureReason) -> None:
    failed = Failed(Reference(CT, "1.2"), reason, Explanation("", 1))
    assert (status_of(StoreInstancesResponse((STORED, failed))) == 503) is reason.transient


def encoded(
    *outcomes: Outcome, form: ResponseFormat = ResponseFormat.JSON, explain: bool = True
) -> str:
    return "".join(encode_module(lambda: outcomes, form, explain=explain))


def module(*outcomes: Outcome, explain: bool = True) -> dict[str, dict[str, list]]:
    decoded: dict[str, dict[str, list]] = json.loads(encoded(*outcomes, explain=explain))
    return decoded


@pytest.mark.parametrize(
    "outcomes",
    [
        (),
        (STORED,),
        (OTHER,),
        (WARNED, FAILED, STORED, OTHER, THROTTLED, STORED),
    ],
)
@pytest.mark.parametrize("explain", [True, False])
def test_what_is_encoded_piece_by_piece_is_the_module_as_a_whole(
    outcomes: tuple[Outcome, ...], explain: bool
) -> None:
    elements = [RETRIEVE_URL]
    for tag, keyword, kind in SEQUENCES:
        of_kind = [one for one in outcomes if isinstance(one, kind)]
        items = tuple(item_of(one, explain=explain) for one in of_kind)
        elements += [Element(tag, "SQ", keyword, items)] if items else []
    whole = Dataset(elements)
    assert encoded(*outcomes, explain=explain) == encode_json(whole)
    assert encoded(*outcomes, form=ResponseFormat.XML, explain=explain) == encode_xml(whole)


def test_retrieve_url_is_present_and_empty() -> None:
    assert module(STORED)["00081190"] == {"vr": "UR"}
    assert module(STORED)["00081199"]["Value"][0]["00081190"] == {"vr": "UR"}


def test_sequences_without_items_are_left_out() -> None:
    assert list(module(STORED)) == ["00081190", "00081199"]
    assert list(module(FAILED)) == ["00081190", "00081198"]
    assert list(module(OTHER)) == ["00081190", "0008119A"]


def test_items_stand_in_request_order_and_keys_ascend() -> None:
    decoded = module(FAILED, STORED, OTHER, WARNED, THROTTLED)
    assert list(decoded) == sorted(decoded)
    for sequence in ("00081198", "00081199", "0008119A"):
        for entry in decoded[sequence]["Value"]:
            assert list(entry) == sorted(entry)
    uids = [entry["00081155"]["Value"] for entry in decoded["00081199"]["Value"]]
    assert uids == [["1.2.1"], ["1.2.2"]]


def test_reasons_are_decimal_numbers() -> None:
    decoded = module(FAILED, WARNED)
    assert decoded["00081198"]["Value"][0]["00081197"] == {"vr": "US", "Value": [0x0111]}
    assert decoded["00081199"]["Value"][0]["00081196"] == {"vr": "US", "Value": [0xB000]}


def test_failures_are_explained_by_private_attributes_unless_switched_off() -> None:
    [entry] = module(FAILED)["00081198"]["Value"]
    assert entry["00090010"] == {"vr": "LO", "Value": ["STOWAGE STORE 1"]}
    assert entry["00091001"] == {"vr": "LT", "Value": ["Part 2: it differs & <so> on."]}
    assert entry["00091002"] == {"vr": "US", "Value": [2]}
    assert entry["00091003"] == {"vr": "LO", "Value": ["(0010,0010)"]}
    assert "00090010" not in module(FAILED, explain=False)["00081198"]["Value"][0]
    assert "00090010" not in module(OTHER, explain=False)["0008119A"]["Value"][0]
    assert "00090010" not in module(STORED)["00081199"]["Value"][0]


def test_xml_says_the_same() -> None:
    root = ElementTree.fromstring(encoded(STORED, FAILED, OTHER, form=ResponseFormat.XML))
    assert root.tag == f"{{{NAMESPACE}}}NativeDicomModel"
    attributes = {a.get("tag"): a for a in root}
    assert list(attributes) == ["00081190", "00081198", "00081199", "0008119A"]
    assert attributes["00081190"].get("keyword") == "RetrieveURL"
    failed = {a.get("tag"): a for a in attributes["00081198"][0]}
    assert failed["00081197"][0].text == str(0x0111)
    # Private Creator elements are not sent; each private element names its creator, block 00.
    assert "00090010" not in failed
    assert failed["00090001"].get("privateCreator") == "STOWAGE STORE 1"
    assert failed["00090001"][0].text == "Part 2: it differs & <so> on."


def test_xml_never_holds_what_xml_forbids() -> None:
    document = encode_xml(Dataset([Element(0x00081190, "UR", "RetrieveURL", ("a\x00b\x1b<&",))]))
    assert ElementTree.fromstring(document)[0][0].text == "a\ufffdb\ufffd<&"


@pytest.mark.parametrize("form", [ResponseFormat.MULTIPART_JSON, ResponseFormat.MULTIPART_XML])
def test_a_multipart_answer_has_one_part(form: ResponseFormat) -> None:
    body = encoded(STORED, form=form)
    boundary = form.content_type.partition("boundary=")[2]
    before, part, after = body.split(f"--{boundary}")
    assert (before, after) == ("", "--\r\n")
    assert part.startswith(f"\r\nContent-Type: {form.media_type}\r\n\r\n")


def test_codes_are_unique_and_fit_a_us() -> None:
    codes = [reason.code for reason in FailureReason] + [reason.code for reason in WarningReason]
    assert len(set(codes)) == len(codes)
    assert all(0 < code < 0x10000 for code in codes)
