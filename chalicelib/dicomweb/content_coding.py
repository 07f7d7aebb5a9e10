"""Taking a content-coding off a request's body (RFC 9110 8.4, RFC 1952).

What belongs here: gzip, bounded. What must not: transfer-codings and base64, which end at the
gateway.
"""

import io
import zlib
from http import HTTPStatus

from chalicelib.dicomweb.errors import RequestError

_GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952 2.3.1
_GZIP_WINDOW = 31  # zlib: 32 KiB window, gzip header and trailer required and checked
_STEP = 1 << 16  # bytes fed to zlib at once, which bounds what it copies per member
_SUPPORTED = {"gzip", "x-gzip"}  # one format, two names: RFC 9110 8.4.1.3


def decode_content(
    body: bytes,
    content_encoding: str | None,
    *,
    max_inflated_bytes: int,
    max_gzip_members: int = 1024,
) -> bytes:
    """Return the body without its content-coding.

    A gateway may have taken gzip off and left Content-Encoding standing, or the reverse, so the
    first bytes decide: no payload of a Store request begins like a gzip member.

    Parameters
    ----------
    body : bytes
        As received; returned itself when it is not gzip.
    content_encoding : str or None
        The header field, None if missing.
    max_inflated_bytes : int
        The size that inflating may not exceed; memory stays below twice that.
    max_gzip_members : int
        A block-wise compressor makes one member per 64 KiB; more are made to keep us busy.

    Raises
    ------
    RequestError
        415 if the field names a coding other than one gzip; 413 if the body inflates beyond
        ``max_inflated_bytes``; 400 if the gzip data are corrupt, cut short, followed by something
        else, or in too many members.
    """
    codings = [token.strip().lower() for token in (content_encoding or "").split(",")]
    codings = [token for token in codings if token not in ("", "identity")]
    if len(codings) > 1 or not _SUPPORTED.issuperset(codings):
        raise RequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The Content-Encoding is not supported; gzip, once, and identity are.",
            headers={"Accept-Encoding": "gzip"},  # RFC 9110 15.5.16
        )
    if not body.startswith(_GZIP_MAGIC):
        return body
    return _gunzip(body, max_inflated_bytes, max_gzip_members)


def _gunzip(body: bytes, max_inflated_bytes: int, max_members: int) -> bytes:
    """Inflate all members of the body, which RFC 1952 2.2 joins without anything between."""
    inflated = io.BytesIO()  # hands its bytes out without a second copy
    position = 0
    for _ in range(max_members):
        position = _inflate_member(body, position, inflated, max_inflated_bytes)
        if not body.startswith(_GZIP_MAGIC, position):
            break
    else:
        raise RequestError(
            HTTPStatus.BAD_REQUEST,
            f"The gzip data consist of more than {max_members} members.",
            limit=("max_gzip_members", max_members),
        )
    # Zero padding behind the last member is customary: gzip(1) skips it too.
    if body.count(0, position) != len(body) - position:
        raise RequestError(
            HTTPStatus.BAD_REQUEST, f"The gzip data end at byte {position}, but the body goes on."
        )
    return inflated.getvalue()


def _inflate_member(
    body: bytes, position: int, inflated: io.BytesIO, max_inflated_bytes: int
) -> int:
    """Inflate the member at the position and return where it ends."""
    member = zlib.decompressobj(wbits=_GZIP_WINDOW)
    while not member.eof:
        piece = body[position : position + _STEP]
        if not piece:
            raise RequestError(HTTPStatus.BAD_REQUEST, "The gzip data are cut short.")
        # One byte above the limit tells a body that reaches it from one that exceeds it.
        room = max_inflated_bytes - inflated.tell() + 1
        try:
            inflated.write(member.decompress(piece, room))
        except zlib.error as error:
            raise RequestError(HTTPStatus.BAD_REQUEST, "The gzip data are corrupt.") from error
        if inflated.tell() > max_inflated_bytes:
            raise RequestError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The body inflates to more than {max_inflated_bytes} bytes.",
                limit=("max_inflated_bytes", max_inflated_bytes),
            )
        position += len(piece)
    return position - len(member.unused_data)
