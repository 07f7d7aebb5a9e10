"""The header of a frame in DICOM's run length encoding (PS3.5 G.5, A.4.2)."""

from itertools import pairwise
from struct import unpack_from

from chalicelib.dicomweb.codestreams.header import Codec, FrameHeader, UnreadableCodestream, cut

HEADER_BYTES = 64
MAX_SEGMENTS = 15


def read_rle(first: bytes) -> FrameHeader:
    """Return what an RLE header says: how many segments there are and where they start.

    Parameters
    ----------
    first : bytes
        At least the 64 bytes of the header.

    Raises
    ------
    UnreadableCodestream
    """
    if len(first) < HEADER_BYTES:
        raise cut(Codec.RLE)
    count, *offsets = unpack_from("<16I", first)
    if not 1 <= count <= MAX_SEGMENTS:
        raise UnreadableCodestream(f"Its RLE header counts {count} segments, not 1 to 15.")
    starts = tuple(offsets[:count])
    if starts[0] != HEADER_BYTES:
        raise UnreadableCodestream("Its first RLE segment does not follow the header.")
    if any(start >= after for start, after in pairwise(starts)):
        raise UnreadableCodestream("The offsets of its RLE segments do not ascend.")
    return FrameHeader(
        codec=Codec.RLE,
        process=f"{count} segments",
        lossless=True,
        transfer_syntax="1.2.840.10008.1.2.5",
        segment_offsets=starts,
    )
