"""One list of bodies, read whole, byte by byte, in random chunks and cut short."""

import itertools
import random
from dataclasses import dataclass
from http import HTTPStatus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.messages import Headers
from chalicelib.dicomweb.multipart import (
    Closed,
    MultipartParser,
    PartBegin,
    PartData,
    PartEnd,
    split_parts,
)

TYPED = (("content-type", "application/dicom"),)
LONG = "x" * 73


@dataclass(frozen=True)
class Sample:
    """A body, its parts as (fields, body), and what follows the closing delimiter."""

    name: str
    raw: bytes
    parts: tuple[tuple[tuple[tuple[str, str], ...], bytes], ...]
    after: bytes = b""
    boundary: str = "b-1"

    @property
    def body(self) -> bytes:
        return self.raw + self.after


def typed(content: bytes, boundary: bytes = b"b-1") -> bytes:
    return b"--%s\r\nContent-Type: application/dicom\r\n\r\n%s\r\n" % (boundary, content)


SAMPLES = (
    Sample("one part", typed(b"DICM") + b"--b-1--", ((TYPED, b"DICM"),)),
    Sample("closing delimiter with CRLF", typed(b"x") + b"--b-1--", ((TYPED, b"x"),), b"\r\n"),
    Sample("CRLF before the first delimiter", b"\r\n" + typed(b"x") + b"--b-1--", ((TYPED, b"x"),)),
    Sample(
        "three parts",
        b"".join(map(typed, (b"1", b"22", b"333"))) + b"--b-1--",
        ((TYPED, b"1"), (TYPED, b"22"), (TYPED, b"333")),
    ),
    Sample("no header", b"--b-1\r\n\r\nbytes\r\n--b-1--", (((), b"bytes"),)),
    Sample("no header, no bytes", b"--b-1\r\n\r\n\r\n--b-1--", (((), b""),)),
    Sample("no header, blank line shared", b"--b-1\r\n\r\n--b-1--", (((), b""),)),
    Sample("no bytes", typed(b"") + b"--b-1--", ((TYPED, b""),)),
    Sample(
        "no bytes, blank line shared",
        b"--b-1\r\nContent-Type: application/dicom\r\n\r\n--b-1\r\n\r\nx\r\n--b-1--",
        ((TYPED, b""), ((), b"x")),
    ),
    Sample(
        "lower-case and folded header",
        b"--b-1\r\ncontent-type: application/dicom;\r\n \ttransfer-syntax=1.2.840.10008.1.2.1\r\n"
        b"CONTENT-LOCATION:a/1 \t\r\n\r\nx\r\n--b-1--",
        (
            (
                (
                    ("content-type", "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"),
                    ("content-location", "a/1"),
                ),
                b"x",
            ),
        ),
    ),
    Sample("obs-text", b"--b-1\r\nX: \xe9\r\n\r\nx\r\n--b-1--", (((("x", "é"),), b"x"),)),
    Sample("empty value", b"--b-1\r\nX:\r\n\r\nx\r\n--b-1--", (((("x", ""),), b"x"),)),
    Sample(
        "Content-Length",
        b"--b-1\r\nContent-Length: 4\r\n\r\nDICM\r\n--b-1--",
        (((("content-length", "4"),), b"DICM"),),
    ),
    Sample("preamble", b"This is MIME.\r\n--b-2\r\n" + typed(b"x") + b"--b-1--", ((TYPED, b"x"),)),
    Sample(
        "boundary inside a preamble line",
        b"aa--b-1\r\n" + typed(b"x") + b"--b-1--",
        ((TYPED, b"x"),),
    ),
    Sample(
        "preamble starts like the boundary",
        b"--b-12\r\n" + typed(b"x") + b"--b-1--",
        ((TYPED, b"x"),),
    ),
    Sample(
        "epilogue",
        typed(b"x") + b"--b-1--",
        ((TYPED, b"x"),),
        b"\r\n--b-1\r\n\r\nnot a part\r\n--b-1--",
    ),
    Sample(
        "transport padding",
        b"--b-1 \t \r\n\r\nx\r\n--b-1\t\r\n\r\ny\r\n--b-1--",
        (((), b"x"), ((), b"y")),
        b" \r\n",
    ),
    Sample(
        "longest transport padding", b"--b-1" + b" " * 128 + b"\r\n\r\nx\r\n--b-1--", (((), b"x"),)
    ),
    Sample(
        "padding too long is data",
        typed(b"x\r\n--b-1" + b" " * 129 + b"\r\n") + b"--b-1--",
        ((TYPED, b"x\r\n--b-1" + b" " * 129 + b"\r\n"),),
    ),
    Sample(
        "longer boundary is data",
        typed(b"x\r\n--b-12\r\ny") + b"--b-1--",
        ((TYPED, b"x\r\n--b-12\r\ny"),),
    ),
    Sample(
        "one hyphen is data",
        typed(b"x\r\n--b-1-\r\ny") + b"--b-1--",
        ((TYPED, b"x\r\n--b-1-\r\ny"),),
    ),
    Sample(
        "CR without LF is data", typed(b"x\r\n--b-1\ry") + b"--b-1--", ((TYPED, b"x\r\n--b-1\ry"),)
    ),
    Sample(
        "boundary inside a line is data",
        typed(b"x--b-1--\r\r\n") + b"--b-1--",
        ((TYPED, b"x--b-1--\r\r\n"),),
    ),
    Sample(
        "LF-only delimiter is data",
        typed(b"x\n--b-1\r\ny\r\n--b-1\n") + b"--b-1--",
        ((TYPED, b"x\n--b-1\r\ny\r\n--b-1\n"),),
    ),
    Sample(
        "line breaks at the seams",
        typed(b"\r\n\r\n\r\r\n-\r\n--\r\n--b\r\n") + b"--b-1--",
        ((TYPED, b"\r\n\r\n\r\r\n-\r\n--\r\n--b\r\n"),),
    ),
    Sample(
        "shortest boundary", b"--a\r\n\r\n--\r\n-a\r\n--a--", (((), b"--\r\n-a"),), boundary="a"
    ),
    Sample(
        "long boundary",
        typed(b"x", LONG.encode()) + b"--" + LONG.encode() + b"--",
        ((TYPED, b"x"),),
        boundary=LONG,
    ),
    Sample(
        "every legal character",
        typed(b"x", b"AZaz09'()+_,-./:=? ?") + b"--AZaz09'()+_,-./:=? ?--",
        ((TYPED, b"x"),),
        boundary="AZaz09'()+_,-./:=? ?",
    ),
    Sample(
        "hyphens in the boundary",
        typed(b"x\r\n----", b"----=_Part") + b"------=_Part--",
        ((TYPED, b"x\r\n----"),),
        boundary="----=_Part",
    ),
)
EACH_SAMPLE = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)


def read(chunks, boundary, **limits):
    """Return the parts that the events tell of, after checking that the events agree."""
    parser = MultipartParser(boundary, **limits)
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    parser.close()
    parts = []
    begin, data = None, b""
    assert events.pop() == Closed()
    for event in events:
        match event:
            case PartBegin():
                begin, data = event, b""
            case PartData():
                assert len(event.data) > 0
                data += event.data
            case PartEnd(number, size, end_offset, delimiter_offset):
                assert end_offset <= delimiter_offset <= end_offset + 2
                assert begin.number == number == len(parts) + 1
                assert size == len(data) == end_offset - begin.body_offset
                parts.append((begin.headers, data, begin.header_offset, begin.body_offset))
    return parts


def outcome(chunks, boundary, **limits):
    """Return the parts, or the error as a value."""
    try:
        return read(chunks, boundary, **limits)
    except RequestError as error:
        return error.status, error.detail, error.part, error.limit


def bytewise(body):
    return [body[i : i + 1] for i in range(len(body))]


def cut(body, places):
    edges = [0, *sorted(places), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(edges)]


def refusal(body, boundary="b-1", **limits):
    """Return the error of the body fed whole, which must be that of it fed byte by byte."""
    with pytest.raises(RequestError) as whole:
        split_parts(body, boundary, **limits)
    error = whole.value
    found = outcome(bytewise(body), boundary, **limits)
    assert found == (error.status, error.detail, error.part, error.limit)
    return error


@EACH_SAMPLE
def test_a_body_fed_whole_gives_its_parts(sample):
    parts = split_parts(sample.body, sample.boundary)
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert tuple((tuple(part.headers), bytes(part.body)) for part in parts) == sample.parts


@EACH_SAMPLE
def test_offsets_point_into_the_body(sample):
    for headers, data, header_offset, body_offset in read([sample.body], sample.boundary):
        assert sample.body[body_offset : body_offset + len(data)] == data
        header = sample.body[header_offset:body_offset]
        assert header.endswith(b"\r\n")
        assert header.count(b":") >= len(headers)
    for part in split_parts(sample.body, sample.boundary):
        assert sample.body[part.offset :].startswith(bytes(part.body))


@EACH_SAMPLE
def test_chunks_do_not_change_the_parts(sample):
    whole = read([sample.body], sample.boundary)
    assert read(bytewise(sample.body), sample.boundary) == whole
    for place in range(len(sample.body)):
        assert read(cut(sample.body, [place]), sample.boundary) == whole
    dice = random.Random(sample.name)
    for _ in range(20):
        places = dice.choices(range(len(sample.body)), k=4)
        assert read(cut(sample.body, places), sample.boundary) == whole


def go_on(after, body, boundary, **limits):
    """Return what another parser makes of the body behind a part, an error as a value."""
    parser = MultipartParser(boundary, **limits)
    parser.resume(after.number, after.delimiter_offset)
    events = []
    try:
        for chunk in bytewise(body[after.delimiter_offset :]):
            events += parser.feed(chunk)
        parser.close()
    except RequestError as error:
        return [error.status, error.detail, error.part, error.limit]
    return [event for event in events if not isinstance(event, PartData)]


@EACH_SAMPLE
def test_another_parser_goes_on_behind_any_part(sample):
    whole = [
        event
        for event in MultipartParser(sample.boundary).feed(sample.body)
        if not isinstance(event, PartData)
    ]
    for index, event in enumerate(whole):
        if isinstance(event, PartEnd):
            assert go_on(event, sample.body, sample.boundary) == whole[index + 1 :]


def test_errors_behind_a_part_are_those_of_the_whole_body():
    body = typed(b"1") + typed(b"22") + b"--b-1\r\nbroken\r\n\r\nx\r\n--b-1--"
    [_, _, first, *_] = MultipartParser("b-1").feed(typed(b"1") + typed(b"22"))
    error = refusal(body)
    assert error.part == 3
    assert go_on(first, body, "b-1") == [error.status, error.detail, 3, None]
    cut_off = typed(b"1") + typed(b"22")
    assert go_on(first, cut_off, "b-1")[2] == refusal(cut_off).part == 2
    limited = go_on(first, body, "b-1", max_parts=1)
    assert limited[0] == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@EACH_SAMPLE
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_every_kind_of_buffer_is_read(sample, kind):
    chunks = [kind(chunk) for chunk in cut(sample.body, [7, 20])]
    assert read(chunks, sample.boundary) == read([sample.body], sample.boundary)


@EACH_SAMPLE
def test_400_at_every_truncation(sample):
    for length in range(len(sample.raw)):
        with pytest.raises(RequestError) as error:
            split_parts(sample.raw[:length], sample.boundary)
        assert error.value.status == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_a_body_fed_whole_is_not_copied(kind):
    body = kind(typed(b"1" * 100_000) + typed(b"\r" * 100_000) + b"--b-1--")
    data = [event.data for event in MultipartParser("b-1").feed(body) if type(event) is PartData]
    assert [len(view) for view in data] == [100_000, 100_000]
    assert all(view.obj is body for view in data)


def test_a_chunk_behind_another_is_not_copied_when_no_delimiter_can_begin_before_it():
    parser = MultipartParser("b-1")
    parser.feed(b"--b-1\r\n\r\nx")
    chunk = b"y" * 100
    (event,) = parser.feed(chunk)
    assert event.data.obj is chunk
    assert len(event.data) == 100


@pytest.mark.parametrize("held", [b"\r", b"\r\n", b"\r\n--b-", b"\r\n--b-1", b"\r\n--b-1 \r"])
def test_bytes_held_back_at_a_seam_are_data_after_all(held):
    parser = MultipartParser("b-1")
    parser.feed(b"--b-1\r\n\r\n")
    assert b"".join(event.data for event in parser.feed(b"x" + held)) == b"x"
    assert b"".join(event.data for event in parser.feed(b"y")) == held + b"y"


def test_a_part_is_announced_before_its_bytes_arrive():
    parser = MultipartParser("b-1")
    assert parser.feed(b"--b-1\r\nX: y\r\n\r\n") == [PartBegin(1, Headers([("X", "y")]), 7, 15)]


# Refusals


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"--b-1--", "no part"),
        (b"\r\n--b-1--\r\n", "no part"),
        (b"no delimiter at all", "no delimiter"),
        (b"--b-2\r\n\r\nx\r\n--b-2--", "no delimiter"),
        (b"--B-1\r\n\r\nx\r\n--B-1--", "no delimiter"),
        (b"--b-1\n\nx\n--b-1--\n", "no delimiter"),
    ],
)
def test_400_without_parts(body, words):
    error = refusal(body)
    assert (error.status, error.part) == (HTTPStatus.BAD_REQUEST, None)
    assert words in error.detail


@pytest.mark.parametrize(
    ("body", "words", "part"),
    [
        (typed(b"x"), "inside the body of part 1", 1),
        (typed(b"x") + typed(b"y") + b"--b-1-", "inside the body of part 2", 2),
        (typed(b"x") + b"--b-1\r\nContent-", "inside the header of part 2", 2),
    ],
)
def test_400_and_where_it_ends_when_the_closing_delimiter_is_missing(body, words, part):
    error = refusal(body)
    assert (error.status, error.part) == (HTTPStatus.BAD_REQUEST, part)
    assert words in error.detail


@pytest.mark.parametrize(
    "header",
    [
        b"no colon",
        b": no name",
        b"Name : space before the colon",
        b"N\xe4me: value",
        b"X: a\x00b",
        b"X: a\x1fb",
        b"X: a\x7fb",
        b"X: a\rb",
        b"X: a\nY: b",
        b"Content-Type: application/dicom\n\nDICM",
        b"--b-1--",
    ],
)
def test_400_and_the_part_when_a_header_is_malformed(header):
    error = refusal(typed(b"x") + b"--b-1\r\nA: b\r\n" + header + b"\r\n\r\nx\r\n--b-1--")
    assert (error.status, error.part) == (HTTPStatus.BAD_REQUEST, 2)
    assert "Field 2 in the header of part 2" in error.detail


def test_400_when_the_first_header_line_is_folded():
    error = refusal(b"--b-1\r\n X: y\r\n\r\nx\r\n--b-1--")
    assert (error.status, error.part) == (HTTPStatus.BAD_REQUEST, 1)


@pytest.mark.parametrize(
    "name", ["Content-Type", "content-length", "Content-Location", "Content-ID"]
)
def test_400_when_a_field_that_may_stand_once_stands_twice(name):
    line = name.encode() + b": 1\r\n"
    error = refusal(b"--b-1\r\n" + line + line.upper() + b"\r\nx\r\n--b-1--")
    assert (error.status, error.part) == (HTTPStatus.BAD_REQUEST, 1)
    assert name.lower() in error.detail


@pytest.mark.parametrize("length", [b"0", b"3", b"5", b"", b"-4", b"+4", b"4,4", b"4.0", b"9" * 20])
def test_400_when_content_length_is_not_the_size(length):
    error = refusal(b"--b-1\r\nContent-Length: " + length + b"\r\n\r\nDICM\r\n--b-1--")
    assert (error.status, error.part) == (HTTPStatus.BAD_REQUEST, 1)
    assert "Content-Length" in error.detail


def test_content_length_of_one_part_does_not_bind_the_next():
    body = b"--b-1\r\nContent-Length: 1\r\n\r\nx\r\n" + typed(b"yy") + b"--b-1--"
    assert [bytes(part.body) for part in split_parts(body, "b-1")] == [b"x", b"yy"]


def test_413_at_one_part_over_the_limit():
    body = typed(b"x") * 3
    assert len(split_parts(body + b"--b-1--", "b-1", max_parts=3)) == 3
    error = refusal(body + b"--b-1--", max_parts=2)
    assert error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert error.limit == ("max_parts", 2)


def test_400_at_one_header_byte_over_the_limit():
    body = b"--b-1\r\nX: 1234567\r\n\r\nx\r\n--b-1--"
    assert len(split_parts(body, "b-1", max_header_bytes=10)) == 1
    error = refusal(body, max_header_bytes=9)
    assert (error.status, error.part) == (HTTPStatus.BAD_REQUEST, 1)
    assert error.limit == ("max_part_header_bytes", 9)


def test_400_at_the_byte_that_proves_a_header_too_large():
    body = b"--b-1\r\n" + b"x" * 10
    assert refusal(body + b"\r\n\r", max_header_bytes=10).limit is None
    assert refusal(body + b"\r\n\rx", max_header_bytes=10).limit == ("max_part_header_bytes", 10)


def test_the_limits_by_default():
    end = b"\r\n\r\nx\r\n--b-1--"
    assert len(split_parts(typed(b"x") * 500 + b"--b-1--", "b-1")) == 500
    assert refusal(typed(b"x") * 501 + b"--b-1--").limit == ("max_parts", 500)
    assert len(split_parts(b"--b-1" + b"\r\nX: y" * 32 + end, "b-1")) == 1
    assert refusal(b"--b-1" + b"\r\nX: y" * 33 + end).limit == ("max_part_header_fields", 32)
    assert len(split_parts(b"--b-1\r\nX:" + b"y" * 16382 + end, "b-1")) == 1
    assert refusal(b"--b-1\r\nX:" + b"y" * 16383 + end).limit == ("max_part_header_bytes", 16384)


def test_400_at_one_header_field_over_the_limit():
    body = b"--b-1\r\nX: 1\r\nX: 2\r\n 3\r\n\r\nx\r\n--b-1--"
    assert len(split_parts(body, "b-1", max_header_fields=2)) == 1
    error = refusal(body, max_header_fields=1)
    assert (error.status, error.part) == (HTTPStatus.BAD_REQUEST, 1)
    assert error.limit == ("max_part_header_fields", 1)


def test_no_error_repeats_a_byte_of_the_body():
    secret = b"DOE^JANE"
    for header in (b"X: %s\x00", b"%s", b"Content-Length: %s", b"Content-Type: %s\r\n" * 2):
        header = header.replace(b"%s", secret)
        error = refusal(b"--b-1\r\n" + header + b"\r\n\r\n" + secret + b"\r\n--b-1--")
        assert "DOE" not in error.detail


# Whatever comes

PIECES = st.sampled_from(
    [
        b"--b",
        b"--b--",
        b"\r\n",
        b"\r",
        b"\n",
        b"-",
        b" ",
        b"X: y",
        b"Content-Length: 1",
        b"\x00",
        b"b",
    ]
)
SOUP = st.lists(PIECES, max_size=40).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(SOUP | st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_chunks_never_change_the_outcome(body, places):
    limits = {"max_parts": 3, "max_header_bytes": 40, "max_header_fields": 2}
    whole = outcome([body], "b", **limits)
    assert (
        outcome(cut(body, [place for place in places if place < len(body)]), "b", **limits) == whole
    )
    assert outcome(bytewise(body), "b", **limits) == whole


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=40) | SOUP, min_size=1, max_size=5))
def test_what_was_written_is_read(contents):
    boundary = "b" * 60
    body = b"".join(typed(content, boundary.encode()) for content in contents)
    parts = split_parts(body + b"--" + boundary.encode() + b"--", boundary)
    assert [bytes(part.body) for part in parts] == contents


@settings(max_examples=100, deadline=None)
@given(st.lists(SOUP | PIECES.map(lambda piece: piece * 50), max_size=30))
def test_memory_is_bounded(chunks):
    parser = MultipartParser("b", max_header_bytes=200)
    try:
        for chunk in chunks:
            parser.feed(chunk)
            assert len(parser._buffer) < 206
    except RequestError:
        pass
