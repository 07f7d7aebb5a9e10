"""Bodies with and without gzip, and headers that tell otherwise."""

import contextlib
import gzip
import os
import tracemalloc
import zlib
from http import HTTPStatus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.dicomweb.content_coding import decode_content
from chalicelib.dicomweb.errors import RequestError

PLAIN = b"--b\r\n\r\nDICM\r\n--b--"
ZIPPED = gzip.compress(PLAIN, mtime=0)
LIMIT = 1000
CODINGS = (None, "", "identity", "gzip", "x-gzip", "GZIP", " gzip ", "identity, gzip", "gzip,")


def refusal(body, coding=None, **limits):
    with pytest.raises(RequestError) as error:
        decode_content(body, coding, max_inflated_bytes=LIMIT, **limits)
    return error.value


@pytest.mark.parametrize("coding", CODINGS)
def test_the_first_bytes_decide_whatever_the_header_says(coding):
    assert decode_content(ZIPPED, coding, max_inflated_bytes=LIMIT) == PLAIN
    assert decode_content(PLAIN, coding, max_inflated_bytes=LIMIT) is PLAIN
    assert decode_content(b"", coding, max_inflated_bytes=LIMIT) == b""


@pytest.mark.parametrize(
    "coding", ["deflate", "br", "zstd", "gzip, gzip", "gzip, br", "x", "chunked"]
)
@pytest.mark.parametrize("body", [PLAIN, ZIPPED])
def test_415_with_accept_encoding_when_the_coding_is_not_supported(coding, body):
    error = refusal(body, coding)
    assert error.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    assert error.headers == {"Accept-Encoding": "gzip"}


def test_a_body_without_gzip_is_not_measured():
    body = bytes(LIMIT + 1)
    assert decode_content(body, "gzip", max_inflated_bytes=LIMIT) is body


@pytest.mark.parametrize(
    "content",
    [b"", b"x", os.urandom(200_000), bytes(300_000)],
    ids=["nothing", "a byte", "noise", "zeros"],
)
def test_members_of_any_size_are_joined(content):
    body = gzip.compress(content) + gzip.compress(b"") + gzip.compress(content)
    assert decode_content(body, None, max_inflated_bytes=1_000_000) == content * 2


def test_zero_padding_is_tolerated():
    assert decode_content(ZIPPED + bytes(512), None, max_inflated_bytes=LIMIT) == PLAIN


@pytest.mark.parametrize("tail", [b"x", b"\x00x", b"\x00" + ZIPPED, b"\x1f", b"\x1f\x8c", PLAIN])
def test_400_when_something_else_follows(tail):
    error = refusal(ZIPPED + tail)
    assert error.status == HTTPStatus.BAD_REQUEST
    assert f"byte {len(ZIPPED)}" in error.detail


def test_400_at_every_truncation():
    for length in range(2, len(ZIPPED)):
        for body in (ZIPPED[:length], ZIPPED + ZIPPED[:length]):
            error = refusal(body)
            assert (error.status, error.limit) == (HTTPStatus.BAD_REQUEST, None)
            assert "cut short" in error.detail


@pytest.mark.parametrize("position", [2, 3, len(ZIPPED) - 8, len(ZIPPED) - 1])
def test_400_when_a_byte_is_corrupt(position):
    body = bytearray(ZIPPED)
    body[position] ^= 0xFF
    error = refusal(bytes(body))
    assert error.status == HTTPStatus.BAD_REQUEST
    assert "corrupt" in error.detail


@pytest.mark.parametrize("members", [1, 2, 5])
def test_413_at_one_inflated_byte_over_the_limit(members):
    share = LIMIT // members
    body = gzip.compress(bytes(share)) * members
    assert len(decode_content(body, None, max_inflated_bytes=LIMIT)) == LIMIT
    error = refusal(body + gzip.compress(b"x"))
    assert error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert error.limit == ("max_inflated_bytes", LIMIT)


def test_400_at_one_member_over_the_limit():
    assert (
        decode_content(ZIPPED * 3, None, max_inflated_bytes=LIMIT, max_gzip_members=3) == PLAIN * 3
    )
    error = refusal(ZIPPED * 4, max_gzip_members=3)
    assert error.status == HTTPStatus.BAD_REQUEST
    assert error.limit == ("max_gzip_members", 3)


def test_a_bomb_costs_no_more_memory_than_twice_the_limit():
    bomb = gzip.compress(bytes(50_000_000), compresslevel=9)
    limit = 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(RequestError):
            decode_content(bomb, "gzip", max_inflated_bytes=limit)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2.2 * limit


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100), st.integers(-1, 9), st.binary(max_size=10))
def test_any_bytes_give_a_body_or_our_error(content, level, tail):
    packer = zlib.compressobj(level, wbits=31)
    zipped = packer.compress(content) + packer.flush()
    assert decode_content(zipped, None, max_inflated_bytes=100) == content
    for body in (
        tail + zipped,
        zipped + tail,
        b"\x1f\x8b" + tail,
        zipped[:20] + tail + zipped[20:],
    ):
        with contextlib.suppress(RequestError):
            decode_content(body, None, max_inflated_bytes=1000)
