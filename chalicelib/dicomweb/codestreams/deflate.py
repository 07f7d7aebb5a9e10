"""The start of a deflated frame (RFC 1951; PS3.5 A.4.13)."""

import zlib

from chalicelib.dicomweb.codestreams.header import Codec, FrameHeader, UnreadableCodestream, cut

_PROBED_BYTES = 4096


def read_deflate(first: bytes) -> FrameHeader:
    """Return a header that says only that the first bytes inflate.

    Parameters
    ----------
    first : bytes
        The start of the frame.

    Raises
    ------
    UnreadableCodestream
    """
    inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(first, _PROBED_BYTES)
    except zlib.error:
        raise UnreadableCodestream("It cannot be inflated.") from None
    if not inflated and not inflater.eof:
        raise cut(Codec.DEFLATE)
    return FrameHeader(
        codec=Codec.DEFLATE,
        process="raw deflate",
        lossless=True,
        transfer_syntax="1.2.840.10008.1.2.8.1",
    )
