"""Which parts a bulkdata reference means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dicomweb.bulkdata import Bulkdata, BulkdataPart, BulkdataParts
from chalicelib.dicomweb.dataset import BulkdataReference
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.media_types import parse_media_type
from chalicelib.dicomweb.messages import Headers
from chalicelib.dicomweb.multipart import Part
from chalicelib.standard.reasons import FailureReason

BASE = "https://host/dicom-web/studies"
UUID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


def parts(*locations: str | None, media_type: str = "image/jpeg") -> BulkdataParts:
    """Parts 2, 3, … with these Content-Locations; each body is its number."""
    collected = BulkdataParts(BASE)
    for number, location in enumerate(locations, start=2):
        fields = [] if location is None else [("Content-Location", location)]
        part = Part(number, Headers(fields), memoryview(str(number).encode()), 0)
        collected.add(BulkdataPart(part, parse_media_type(media_type)))
    return collected


def find(collected: BulkdataParts, uri: str) -> Bulkdata:
    return collected.find(BulkdataReference(uri))


def refusal(collected: BulkdataParts, uri: str) -> FailureReason:
    with pytest.raises(InstanceError) as caught:
        find(collected, uri)
    return caught.value.reason


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("bulk/1", "bulk/1"),
        ("bulk/a", "https://host/dicom-web/bulk/a"),
        ("https://host/dicom-web/bulk/a", "bulk/a"),
        ("./bulk/a", "bulk/../bulk/a"),
        ("bulk/%7Ea", "bulk/~a"),
        ("bulk/%c3%a4", "bulk/%C3%A4"),
        ("bulk/ä", "bulk/%C3%A4"),
        ("bulk/ä", "bulk/ä".encode().decode("latin-1")),
        ("a b", "a%20b"),
        (UUID, UUID),
        (UUID.upper(), f"urn:uuid:{UUID}"),
        (f"urn:uuid:{UUID}", UUID),
        ("http://[bad", "http://[bad"),
        (" bulk/1 ", "bulk/1"),
    ],
)
def test_two_spellings_mean_one_part(uri: str, location: str) -> None:
    assert find(parts("other", location), uri).parts == (3,)


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("bulk/a", "bulk/A"),
        ("bulk/a", "bulk/a/"),
        ("bulk%2Fa", "bulk/a"),
        ("http://elsewhere/x", "x"),
        ("file:///etc/passwd", "etc/passwd"),
        ("bulk/1", None),
    ],
)
def test_other_spellings_do_not(uri: str, location: str | None) -> None:
    assert refusal(parts(location), uri) is FailureReason.BULKDATA_MISSING


@pytest.mark.parametrize(
    "locations",
    [
        ["px", "px", "px"],
        ["px/1", "px/2", "px/3"],
        ["px/frames/1", "px/frames/2", "px/frames/3"],
        ["px#frame=1", "px#frame=2", "px#frame=3"],
    ],
)
def test_frames_come_in_order(locations: list[str]) -> None:
    found = find(parts(*locations), "px")
    assert found.parts == (2, 3, 4)
    assert [bytes(frame) for frame in found.frames] == [b"2", b"3", b"4"]


def test_labelled_frames_may_come_in_any_order() -> None:
    assert find(parts("px/2", "px/1"), "px").parts == (3, 2)


def test_a_number_at_the_end_may_be_the_whole_name() -> None:
    collected = parts("bulk/1", "bulk/2")
    assert find(collected, "bulk/1").parts == (2,)
    assert find(collected, "bulk/2").parts == (3,)


@pytest.mark.parametrize(
    "locations", [["px/1", "px/3"], ["px/2"], ["px/1", "px/1"], ["px", "px/1"]]
)
def test_gaps_repeats_and_mixtures_are_ambiguous(locations: list[str]) -> None:
    assert refusal(parts(*locations), "px") is FailureReason.BULKDATA_AMBIGUOUS


@pytest.mark.parametrize(
    "media_type", ["application/octet-stream", "video/mp4", "video/mpeg", "application/pdf"]
)
def test_only_images_come_in_several_parts(media_type: str) -> None:
    collected = parts("px", "px", media_type=media_type)
    assert refusal(collected, "px") is FailureReason.BULKDATA_AMBIGUOUS


def test_a_part_nobody_names_is_left() -> None:
    collected = parts("a", "b", None)
    find(collected, "a")
    assert [one.part.number for one in collected.unnamed()] == [3, 4]


def test_two_references_may_mean_one_part() -> None:
    collected = parts("a")
    assert find(collected, "a") == find(collected, "a")


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_found_or_refused(uri: str, location: str) -> None:
    collected = parts(location)
    try:
        find(collected, uri)
    except InstanceError:
        return
