"""What intake tolerates: the names by which events, verdicts and logs speak of it.

An observation never changes a response (a warning for every old file makes senders retry good
images); validation turns it into a finding.
"""

OBSERVATIONS: dict[str, str] = {
    "odd-length": "A value of odd length (PS3.5 7.1.1).",
    "unknown-vr": "A Value Representation this edition does not know, read as UN (PS3.5 7.1.2).",
    "repeated-tag": "An element that stands twice (PS3.5 7.1).",
    "unordered-tags": "Elements not in ascending order of their tags (PS3.5 7.1).",
    "trailing-zeros": "Zeros after the last element (PS3.10 7.2 knows Data Set Trailing Padding).",
    "no-file-meta-group-length": "File Meta Information without (0002,0000) (PS3.10 7.1).",
    "wrong-file-meta-group-length": "(0002,0000) is not the length of group 0002 (PS3.10 7.1).",
    "file-meta-names-no-instance": "File Meta Information without SOP UIDs (PS3.10 7.1).",
    "file-meta-names-another-instance": "(0002,0003) is not (0008,0018) (PS3.10 7.1).",
    "unusual-preamble": "A preamble that is neither zeros nor TIFF (PS3.10 7.5).",
    "tolerated-transfer-syntax": "A syntax that web services should not use (PS3.18 8.7.3).",
    "rewrapped": "Sent again with equal content in other bytes.",
    "octet-stream-part": "A part typed application/octet-stream that is a DICOM file.",
    "untyped-part": "A part without Content-Type (PS3.18 8.6.1).",
    "transfer-syntax-parameter": "A part's transfer-syntax parameter that its file contradicts; "
    "the file decides (PS3.18 8.7.9).",
    "metadata-file-meta": "Group 0002 in metadata, left out (PS3.18 10.5.1.4).",
    "metadata-group-length": "A group length in metadata, left out (PS3.18 F.2.2, PS3.19 A.1.5).",
    "metadata-lower-case-tag": "A tag in lower-case digits (PS3.18 F.2.2, PS3.19 Table A.1.5-2).",
    "metadata-without-vr": "An attribute without VR, taken from the dictionary (PS3.18 F.2.2).",
    "metadata-unknown-member": "A member no attribute has, ignored (PS3.18 F.2.2).",
    "metadata-rounded-decimal": "A number rounded to the 16 characters of a DS (PS3.5 6.2).",
    "metadata-private-without-creator": "A private element whose block nobody reserves "
    "(PS3.5 7.8.1).",
    "metadata-block-in-tag": "A private tag with its block beside privateCreator "
    "(PS3.19 Table A.1.5-2).",
    "metadata-keyword-conflict": "A keyword that is not the tag's; the tag rules (PS3.6).",
    "metadata-without-namespace": "A document without the namespace (PS3.19 A.1.6).",
    "metadata-reference-as-value": "The location of bulkdata as a value of VR UR, read as a "
    "reference (PS3.18 8.6.1.2).",
    "metadata-extended-offsets": "Extended Offset Table in metadata, left out (PS3.5 A.4).",
    "exif-orientation": "A picture whose EXIF asks to turn it; its pixels are stored as they are.",
}
