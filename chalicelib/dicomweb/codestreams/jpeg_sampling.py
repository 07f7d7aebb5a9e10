"""Whether a JPEG keeps fewer samples of chrominance than of luminance (ISO/IEC 10918-1 A.1.1)."""

from chalicelib.dicomweb.codestreams.header import Codec
from chalicelib.dicomweb.codestreams.markers import segments

_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_COMPONENTS_AT, _COMPONENT_BYTES = 6, 3


def is_subsampled(first: bytes) -> bool:
    """Return whether the components of a frame have different sampling factors.

    Parameters
    ----------
    first : bytes
        A header that ``read_jpeg`` has read.

    Raises
    ------
    UnreadableCodestream
    """
    for marker, payload in segments(first, Codec.JPEG):
        if marker in _FRAMES:
            return len(set(payload[_COMPONENTS_AT + 1 :: _COMPONENT_BYTES])) > 1
    return False
