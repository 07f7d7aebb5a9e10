"""Transfer syntaxes a Store Transaction meets (PS3.18 Tables 8.7.3-2 to -5, PS3.5 Annex A).

``ACCEPTED`` and ``TOLERATED`` rows are stored as they came; ``REFUSED`` rows, and every syntax not
listed here, answer C122H. The conformance statement prints this table.
"""

from dataclasses import dataclass
from enum import Enum


class Encoding(Enum):
    """How the data set is written (PS3.5 Annex A)."""

    EXPLICIT_LITTLE = "Explicit VR Little Endian"
    IMPLICIT_LITTLE = "Implicit VR Little Endian"
    EXPLICIT_BIG = "Explicit VR Big Endian"
    DEFLATED = "Deflated Explicit VR Little Endian"


class Acceptance(Enum):
    """What the origin server does with an instance in this syntax.

    TOLERATED is for syntaxes that PS3.18 8.7.3 keeps out of web services but real equipment
    sends: stored unchanged with an observation; in strict mode refused.
    """

    ACCEPTED = "accepted"
    TOLERATED = "tolerated"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """A row. ``encapsulated``: Pixel Data is a sequence of fragments (PS3.5 A.4).

    ``media_type`` is that of its bulkdata (PS3.18 Table 8.7.3-5), "" where there is none.
    """

    uid: str
    name: str
    encapsulated: bool
    media_type: str
    encoding: Encoding = Encoding.EXPLICIT_LITTLE
    acceptance: Acceptance = Acceptance.ACCEPTED
    source: str = "PS3.18 Table 8.7.3-2"


_OCTETS = "application/octet-stream"
_TOLERATED, _REFUSED = Acceptance.TOLERATED, Acceptance.REFUSED
_RETIRED_JPEG = (
    ("52", "JPEG Extended (Process 3 & 5)"),
    ("53", "JPEG Spectral Selection, Non-Hierarchical (Process 6 & 8)"),
    ("54", "JPEG Spectral Selection, Non-Hierarchical (Process 7 & 9)"),
    ("55", "JPEG Full Progression, Non-Hierarchical (Process 10 & 12)"),
    ("56", "JPEG Full Progression, Non-Hierarchical (Process 11 & 13)"),
    ("58", "JPEG Lossless, Non-Hierarchical (Process 15)"),
    ("59", "JPEG Extended, Hierarchical (Process 16 & 18)"),
    ("60", "JPEG Extended, Hierarchical (Process 17 & 19)"),
    ("61", "JPEG Spectral Selection, Hierarchical (Process 20 & 22)"),
    ("62", "JPEG Spectral Selection, Hierarchical (Process 21 & 23)"),
    ("63", "JPEG Full Progression, Hierarchical (Process 24 & 26)"),
    ("64", "JPEG Full Progression, Hierarchical (Process 25 & 27)"),
    ("65", "JPEG Lossless, Hierarchical (Process 28)"),
    ("66", "JPEG Lossless, Hierarchical (Process 29)"),
)
_VIDEO = (
    ("100", "MPEG2 Main Profile / Main Level", "video/mpeg"),
    ("101", "MPEG2 Main Profile / High Level", "video/mpeg"),
    ("102", "MPEG-4 AVC/H.264 High Profile / Level 4.1", "video/mp4"),
    ("103", "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", "video/mp4"),
    ("104", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", "video/mp4"),
    ("105", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", "video/mp4"),
    ("106", "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", "video/mp4"),
)

_ROWS = (
    TransferSyntax("1.2.840.10008.1.2.1", "Explicit VR Little Endian", False, _OCTETS),
    TransferSyntax(
        "1.2.840.10008.1.2.1.98",
        "Encapsulated Uncompressed Explicit VR Little Endian",
        True,
        _OCTETS,
        source="PS3.5 A.4.11",
    ),
    TransferSyntax(
        "1.2.840.10008.1.2",
        "Implicit VR Little Endian",
        False,
        "",
        Encoding.IMPLICIT_LITTLE,
        _TOLERATED,
        "PS3.18 8.7.3 forbids it",
    ),
    TransferSyntax(
        "1.2.840.10008.1.2.2",
        "Explicit VR Big Endian",
        False,
        "",
        Encoding.EXPLICIT_BIG,
        _TOLERATED,
        "PS3.18 8.7.3 forbids it",
    ),
    TransferSyntax(
        "1.2.840.10008.1.2.1.99",
        "Deflated Explicit VR Little Endian",
        False,
        "",
        Encoding.DEFLATED,
        _TOLERATED,
        "PS3.5 A.5",
    ),
    TransferSyntax("1.2.840.10008.1.2.4.50", "JPEG Baseline (Process 1)", True, "image/jpeg"),
    TransferSyntax("1.2.840.10008.1.2.4.51", "JPEG Extended (Process 2 & 4)", True, "image/jpeg"),
    TransferSyntax(
        "1.2.840.10008.1.2.4.57",
        "JPEG Lossless, Non-Hierarchical (Process 14)",
        True,
        "image/jpeg",
    ),
    TransferSyntax(
        "1.2.840.10008.1.2.4.70",
        "JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14, Selection Value 1)",
        True,
        "image/jpeg",
    ),
    TransferSyntax("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless", True, "image/jls"),
    TransferSyntax("1.2.840.10008.1.2.4.81", "JPEG-LS Near-Lossless", True, "image/jls"),
    TransferSyntax("1.2.840.10008.1.2.4.90", "JPEG 2000 (Lossless Only)", True, "image/jp2"),
    TransferSyntax("1.2.840.10008.1.2.4.91", "JPEG 2000", True, "image/jp2"),
    TransferSyntax(
        "1.2.840.10008.1.2.4.92",
        "JPEG 2000 Part 2 Multi-component (Lossless Only)",
        True,
        "image/jpx",
    ),
    TransferSyntax("1.2.840.10008.1.2.4.93", "JPEG 2000 Part 2 Multi-component", True, "image/jpx"),
    TransferSyntax("1.2.840.10008.1.2.4.201", "HTJ2K (Lossless Only)", True, "image/jphc"),
    TransferSyntax(
        "1.2.840.10008.1.2.4.202", "HTJ2K with RPCL Options (Lossless Only)", True, "image/jphc"
    ),
    TransferSyntax("1.2.840.10008.1.2.4.203", "HTJ2K", True, "image/jphc"),
    TransferSyntax("1.2.840.10008.1.2.4.110", "JPEG XL Lossless", True, "image/jxl"),
    TransferSyntax("1.2.840.10008.1.2.4.111", "JPEG XL JPEG Recompression", True, "image/jxl"),
    TransferSyntax("1.2.840.10008.1.2.4.112", "JPEG XL", True, "image/jxl"),
    TransferSyntax("1.2.840.10008.1.2.5", "RLE Lossless", True, "image/dicom-rle"),
    TransferSyntax(
        "1.2.840.10008.1.2.8.1",
        "Deflated Image Frame Compression",
        True,
        "application/x-deflate",
        source="PS3.5 A.4.13",
    ),
    *(
        TransferSyntax(f"1.2.840.10008.1.2.4.{suffix}", name, True, media_type)
        for suffix, name, media_type in _VIDEO
    ),
    *(
        TransferSyntax(f"1.2.840.10008.1.2.4.{suffix}.1", f"Fragmentable {name}", True, media_type)
        for suffix, name, media_type in _VIDEO
    ),
    TransferSyntax(
        "1.2.840.10008.1.2.4.107", "HEVC/H.265 Main Profile / Level 5.1", True, "video/H265"
    ),
    TransferSyntax(
        "1.2.840.10008.1.2.4.108", "HEVC/H.265 Main 10 Profile / Level 5.1", True, "video/H265"
    ),
    *(
        TransferSyntax(
            f"1.2.840.10008.1.2.4.{suffix}",
            name,
            True,
            "",
            acceptance=_REFUSED,
            source="PS3.6 Annex A: retired",
        )
        for suffix, name in _RETIRED_JPEG
    ),
    *(
        TransferSyntax(
            f"1.2.840.10008.1.2.4.{suffix}",
            name,
            False,
            "",
            acceptance=_REFUSED,
            source="PS3.10 7.1: not in files",
        )
        for suffix, name in (
            ("94", "JPIP Referenced"),
            ("95", "JPIP Referenced Deflate"),
            ("204", "JPIP HTJ2K Referenced"),
            ("205", "JPIP HTJ2K Referenced Deflate"),
        )
    ),
    *(
        TransferSyntax(
            f"1.2.840.10008.1.2.7.{suffix}",
            name,
            False,
            "",
            acceptance=_REFUSED,
            source="PS3.18 Table 8.7.3-2 note: real-time only",
        )
        for suffix, name in (
            ("1", "SMPTE ST 2110-20 Uncompressed Progressive Active Video"),
            ("2", "SMPTE ST 2110-20 Uncompressed Interlaced Active Video"),
            ("3", "SMPTE ST 2110-30 PCM Digital Audio"),
        )
    ),
)

TRANSFER_SYNTAXES: dict[str, TransferSyntax] = {row.uid: row for row in _ROWS}
