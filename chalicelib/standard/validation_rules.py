"""The rules by which validation judges stored instances.

One row per rule; every finding cites one. Raise RULES_VERSION with any change that can change a
verdict: instances are then judged again when they are next announced. Severities are words of
ours:

unsafe
    Harms who opens it.
error
    The object cannot be read, found or displayed as what it says it is.
warning
    It breaks the standard; some reader will stumble.
information
    It is old, unusual or incomplete; readers cope.
"""

from dataclasses import dataclass

RULES_VERSION = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """A row. ``section`` is where the standard says so, ``sentence`` what is wrong."""

    id: str
    severity: str
    section: str
    sentence: str


_U, _E, _W, _I = "unsafe", "error", "warning", "information"

_ROWS = (
    # Unsafe
    Rule("executable-preamble", _U, "PS3.10 7.5", "The preamble starts as an executable does."),
    Rule("executable-document", _U, "PS3.3 C.24.2", "The document starts as an executable does."),
    # Unreadable
    Rule("not-a-dicom-file", _E, "PS3.10 7.1", "There is no DICM prefix after 128 bytes."),
    Rule("file-meta-unreadable", _E, "PS3.10 7.1", "File Meta Information cannot be read."),
    Rule("transfer-syntax-unknown", _E, "PS3.5 10", "The transfer syntax is unknown or private."),
    Rule("transfer-syntax-refused", _E, "PS3.10 7.1", "The transfer syntax is not for files."),
    Rule("truncated", _E, "PS3.5 7.1", "The bytes end before the data set does."),
    Rule("malformed-structure", _E, "PS3.5 7", "Lengths, items or delimiters contradict."),
    Rule("nested-too-deep", _E, "limit: nesting depth", "Sequences nest deeper than the limit."),
    Rule("too-many-elements", _E, "limit: element count", "It has more elements than the limit."),
    Rule("inflates-too-large", _E, "limit: inflated size", "It inflates beyond the limit."),
    # Misfiled
    Rule("uid-missing", _E, "PS3.3 C.12.1", "A UID that identifies the instance is missing."),
    Rule("uid-invalid", _E, "PS3.5 9.1", "A UID that identifies the instance is no UID."),
    Rule("uid-repeated", _E, "PS3.5 7.1", "An identifying element stands twice in the data set."),
    Rule("filed-under-another-uid", _E, "PS3.3 A.1.2", "It is filed under a UID it has not."),
    Rule("file-meta-another-class", _E, "PS3.10 7.1", "File Meta names another SOP Class."),
    Rule("file-meta-another-instance", _W, "PS3.10 7.1", "File Meta names another SOP Instance."),
    Rule("not-a-storage-class", _E, "PS3.4 B.5", "The SOP Class is no storage class of a patient."),
    # Undisplayable: the description of pixels
    Rule(
        "pixel-attribute-missing", _E, "PS3.3 C.7.6.3", "A type 1 attribute of pixels is missing."
    ),
    Rule("pixel-attribute-impossible", _E, "PS3.3 C.7.6.3", "Attributes of pixels contradict."),
    Rule("pixel-attribute-unusual", _W, "PS3.3 C.7.6.3", "An attribute of pixels breaks its rule."),
    Rule("photometric-unknown", _W, "PS3.3 C.7.6.3.1.2", "It is no defined term."),
    Rule("palette-missing", _E, "PS3.3 C.7.6.3", "PALETTE COLOR without its lookup tables."),
    Rule(
        "planar-configuration-missing", _W, "PS3.3 C.7.6.3.1.3", "Colour without the order of it."
    ),
    Rule(
        "number-of-frames-invalid", _W, "PS3.3 C.7.6.6", "Number of Frames is no positive number."
    ),
    Rule("pixel-data-missing", _E, "PS3.3 C.7.6.3", "Pixels are described, and there are none."),
    Rule("pixel-data-short", _E, "PS3.5 8.1.1", "Native pixel data end before the last pixel."),
    Rule("pixel-data-long", _W, "PS3.5 8.1.1", "Native pixel data go on after the last pixel."),
    Rule("pixel-data-vr", _W, "PS3.5 8.2", "Pixel data have a VR they must not have here."),
    Rule("native-pixel-data", _E, "PS3.5 A.4", "Pixel data are native, the syntax encapsulates."),
    Rule(
        "encapsulated-pixel-data", _E, "PS3.5 8.2", "Pixel data are fragments, the syntax native."
    ),
    # Undisplayable: fragments and offset tables
    Rule("fragments-missing", _E, "PS3.5 A.4", "There is no fragment."),
    Rule("fragments-too-few", _E, "PS3.5 A.4", "There are fewer fragments than frames."),
    Rule("fragments-per-frame", _E, "PS3.5 A.4", "This syntax takes one fragment a frame."),
    Rule("fragments-of-video", _W, "PS3.5 A.4", "This video syntax takes one fragment."),
    Rule("fragment-odd", _W, "PS3.5 A.4", "A fragment has an odd length."),
    Rule("frame-boundaries-unknown", _W, "PS3.5 A.4", "Nothing tells where each frame starts."),
    Rule("offset-table-count", _E, "PS3.5 A.4", "The offset table has not an entry per frame."),
    Rule("offset-table-target", _E, "PS3.5 A.4", "An offset points at no fragment of a new frame."),
    Rule("offset-tables-two", _W, "PS3.3 C.7.6.3.1.8", "Both kinds of offset table have values."),
    Rule("extended-offsets-misplaced", _W, "PS3.3 C.7.6.3.1.8", "Extended offsets have no place."),
    Rule(
        "extended-offsets-lengths",
        _E,
        "PS3.3 C.7.6.3.1.8",
        "Lengths of frames are missing or wrong.",
    ),
    # Undisplayable: codestreams
    Rule("codestream-unreadable", _E, "PS3.5 8.2", "A frame has no header of its codec."),
    Rule("codestream-not-reached", _I, "PS3.5 8.2", "A frame's header lies too far in to be read."),
    Rule("codestream-not-of-syntax", _E, "PS3.5 A.4", "A frame's process is not the syntax's."),
    Rule("codestream-size", _E, "PS3.5 8.2", "Rows or Columns are not those of a frame."),
    Rule("codestream-samples", _E, "PS3.5 8.2", "Samples per Pixel are not those of a frame."),
    Rule("codestream-precision", _E, "PS3.5 8.2", "A frame has more bits than are allocated."),
    Rule(
        "codestream-below-bits-stored", _W, "PS3.5 8.2", "A frame has fewer bits than are stored."
    ),
    Rule("codestream-above-bits-stored", _I, "PS3.5 8.2", "A frame has more bits than are stored."),
    Rule("codestream-sign", _W, "PS3.5 8.2.4", "Pixel Representation is not that of a frame."),
    Rule("codestream-colour", _W, "PS3.5 8.2", "Photometric Interpretation is not a frame's."),
    Rule("codestream-lossy", _W, "PS3.5 A.4", "A frame is lossy, the syntax is lossless only."),
    Rule("codestream-boxed", _W, "PS3.5 A.4.4", "A frame lies in boxes of a file format."),
    Rule("codestream-not-rpcl", _W, "PS3.5 10.18", "A frame has not what this syntax asks for."),
    Rule("rle-segments", _E, "PS3.5 G.2", "A frame's RLE segments do not fit its pixels."),
    Rule("exif-orientation", _W, "PS3.3 C.7.6.3", "A frame asks to be turned; viewers will not."),
    Rule("lossy-denied", _W, "PS3.3 C.7.6.1.1.5", "Lossy Image Compression denies what is seen."),
    Rule("lossy-undeclared", _I, "PS3.3 C.7.6.1.1.5", "Lossy Image Compression is not told."),
    # Values
    Rule("value-grammar", _W, "PS3.5 6.2", "A value breaks the grammar of its VR."),
    Rule("value-length", _W, "PS3.5 6.2", "A value is longer than its VR allows."),
    Rule("value-bytes", _W, "PS3.5 6.2", "The length is no multiple of a value's."),
    Rule("value-multiplicity", _W, "PS3.5 6.4", "It has more or fewer values than it may have."),
    Rule("value-padding", _I, "PS3.5 6.2", "A value is padded with another byte than its VR's."),
    Rule("person-name", _W, "PS3.5 6.2.1", "A name has too many components or groups."),
    Rule("control-character", _W, "PS3.5 6.1.3", "Text has a control character it must not have."),
    Rule("character-set-unknown", _W, "PS3.3 C.12.1.1.2", "A character set is no defined term."),
    Rule(
        "character-set-missing", _W, "PS3.3 C.12.1.1.2", "Text needs a character set; none is told."
    ),
    Rule("text-undecodable", _W, "PS3.5 6.1", "Text is not of the character sets declared."),
    Rule("values-not-read", _I, "limit: value size", "Values are too long to be judged."),
    Rule("document-not-of-type", _W, "PS3.3 C.24.2", "The document is not of its MIME type."),
    # Elements
    Rule("vr-unknown", _W, "PS3.5 7.1.2", "The VR is none of this edition."),
    Rule("vr-differs", _W, "PS3.6 6", "The VR is not that of the data dictionary."),
    Rule("vr-un", _I, "PS3.5 6.2.2", "The VR is UN, the data dictionary knows better."),
    Rule("element-unknown", _I, "PS3.6 6", "The data dictionary has no such element."),
    Rule("element-misplaced", _W, "PS3.5 7.1", "An element of this group has no place here."),
    Rule("element-repeated", _W, "PS3.5 7.1", "An element stands twice."),
    Rule("element-unordered", _W, "PS3.5 7.1", "Tags do not ascend."),
    Rule("element-odd", _W, "PS3.5 7.1.1", "A value has an odd length."),
    Rule("group-length", _I, "PS3.5 7.2", "A group length is present; they are retired."),
    Rule("private-without-creator", _W, "PS3.5 7.8.1", "A private element has no creator."),
    Rule("attribute-missing", _I, "PS3.5 7.4", "A type 1 or 2 attribute is missing."),
    Rule("attribute-empty", _I, "PS3.5 7.4.1", "A type 1 attribute has no value."),
    # The file
    Rule("preamble-unusual", _I, "PS3.10 7.5", "The preamble is neither zeros nor TIFF."),
    Rule("file-meta-incomplete", _I, "PS3.10 7.1", "A type 1 element of group 0002 is missing."),
    Rule("file-meta-length", _I, "PS3.10 7.1", "(0002,0000) is missing or wrong."),
    Rule("transfer-syntax-tolerated", _I, "PS3.18 8.7.3", "The syntax is not for web services."),
    Rule("trailing-zeros", _I, "PS3.10 7.2", "Zeros follow the last element."),
    # What only intake saw
    Rule("rewrapped", _I, "PS3.18 10.5.2", "It was sent again with equal content in other bytes."),
    Rule("octet-stream-part", _I, "PS3.18 8.6.1", "It came as application/octet-stream."),
    Rule("untyped-part", _I, "PS3.18 8.6.1", "It came in a part without Content-Type."),
    Rule("transfer-syntax-parameter", _W, "PS3.18 8.7.9", "Its part named another syntax."),
    Rule("metadata-file-meta", _W, "PS3.18 10.5.1.4", "Its metadata had elements of group 0002."),
    Rule("metadata-group-length", _I, "PS3.18 F.2.2", "Its metadata had group lengths."),
    Rule("metadata-lower-case-tag", _I, "PS3.18 F.2.2", "Its metadata had lower-case tags."),
    Rule("metadata-without-vr", _W, "PS3.18 F.2.2", "Its metadata left out a VR."),
    Rule("metadata-unknown-member", _W, "PS3.18 F.2.2", "Its metadata had unknown members."),
    Rule("metadata-rounded-decimal", _W, "PS3.5 6.2", "A number had too many digits for a DS."),
    Rule("metadata-private-without-creator", _W, "PS3.5 7.8.1", "Its metadata left out a creator."),
    Rule("metadata-block-in-tag", _I, "PS3.19 A.1.5", "Its XML had a block in a private tag."),
    Rule("metadata-keyword-conflict", _W, "PS3.6", "Its XML had a keyword of another attribute."),
    Rule("metadata-without-namespace", _I, "PS3.19 A.1.6", "Its XML had no namespace."),
    Rule("metadata-reference-as-value", _W, "PS3.18 8.6.1.2", "Its metadata had URLs as values."),
    Rule("metadata-extended-offsets", _I, "PS3.5 A.4", "Its metadata had an offset table."),
)

RULES: dict[str, Rule] = {row.id: row for row in _ROWS}

_OF_PARTS = ("rewrapped", "octet-stream-part", "untyped-part", "transfer-syntax-parameter")
SEEN_AT_INTAKE = frozenset(
    row.id for row in _ROWS if row.id in _OF_PARTS or row.id.startswith("metadata-")
)
"""Rules that no look at the bytes can raise; their ids are names of ``observations``."""
