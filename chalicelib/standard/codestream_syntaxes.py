"""Which codestreams may stand in which transfer syntax (PS3.5 A.4.1 to A.4.13, 8.2).

Both sides are transfer syntax UIDs: keys are those an object names, values those that a stream's
header shows to be the narrowest for it. A stream that its syntax does not hold at all makes an
object that no reader need be able to show.
"""

_JPEG = "1.2.840.10008.1.2.4."

_HOLDS: dict[str, tuple[str, ...]] = {
    "50": ("50",),
    "51": ("50", "51"),
    "57": ("57", "70"),
    "70": ("70",),
    "80": ("80", "81"),
    "81": ("80", "81"),
    "90": ("90", "91"),
    "91": ("90", "91"),
    "92": ("90", "91", "92", "93"),
    "93": ("90", "91", "92", "93"),
    "100": ("100",),
    "101": ("100", "101"),
    "102": ("102",),
    "103": ("102",),
    "104": ("102", "104"),
    "105": ("102", "104"),
    "106": ("102", "104", "106"),
    "107": ("107",),
    "108": ("107", "108"),
    "110": ("110", "112"),
    "111": ("111",),
    "112": ("110", "111", "112"),
    "201": ("201", "202", "203"),
    "202": ("201", "202", "203"),
    "203": ("201", "202", "203"),
}

STREAMS_OF_SYNTAX: dict[str, frozenset[str]] = {
    _JPEG + syntax: frozenset(_JPEG + stream for stream in streams)
    for syntax, streams in _HOLDS.items()
}
"""A lossless-only syntax holds lossy streams of its codec here: that has a rule of its own."""

LOSSLESS_ONLY = frozenset(
    _JPEG + suffix for suffix in ("57", "70", "80", "90", "92", "110", "201", "202")
)
ALWAYS_LOSSY = frozenset(
    _JPEG + suffix
    for suffix in ("50", "51", "100", "101", "102", "103", "104", "105", "106", "107", "108")
)
RPCL_ONLY = _JPEG + "202"
JPEG_RECOMPRESSION = _JPEG + "111"
MULTI_COMPONENT = frozenset({_JPEG + "92", _JPEG + "93"})
"""Components of one stream may be frames (PS3.5 A.4.4)."""

NON_FRAGMENTABLE_VIDEO = frozenset(_JPEG + str(suffix) for suffix in range(100, 107))
FRAGMENTABLE_VIDEO = frozenset(f"{uid}.1" for uid in NON_FRAGMENTABLE_VIDEO)
VIDEO = NON_FRAGMENTABLE_VIDEO | FRAGMENTABLE_VIDEO | {_JPEG + "107", _JPEG + "108"}

ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
ONE_FRAGMENT_PER_FRAME = frozenset(
    {"1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1", ENCAPSULATED_UNCOMPRESSED}
)
"""RLE (PS3.5 A.4.2), deflated frames (A.4.13), uncompressed frames (A.4.11)."""


def plain_video_syntax(uid: str) -> str:
    """Return the syntax without its being fragmentable, which says nothing of the stream."""
    return uid.removesuffix(".1") if uid in FRAGMENTABLE_VIDEO else uid
