"""Hostile files: structures that lie, bombs, floods, and files that are not what they say."""

from struct import pack

from chalicelib.dicomweb.file_meta import MAX_FILE_META_BYTES
from chalicelib.settings import Settings
from chalicelib.standard.reasons import FailureReason as Reason
from tests.builders_dicom import (
    ACCESSION_NUMBER,
    BIG,
    DEFLATED,
    FILE_META_GROUP_LENGTH,
    IMPLICIT,
    ITEM_DELIMITATION,
    JPEG_BASELINE,
    LITTLE,
    MODALITY,
    PATIENT_ID,
    PATIENT_NAME,
    PIXEL_DATA,
    REFERENCED_IMAGE_SEQUENCE,
    REFERENCED_SOP_INSTANCE_UID,
    REQUEST_ATTRIBUTES_SEQUENCE,
    SEQUENCE_DELIMITATION,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
    STUDY_INSTANCE_UID,
    TRANSFER_SYNTAX_UID,
    UNDEFINED,
    FileParts,
    Uids,
    element,
    fragments,
    item,
    make_meta,
    marker,
    nested,
    pad,
    sequence,
)
from tests.hostile.canary import PATIENT
from tests.hostile.cases import MAX_ELEMENTS, STORED, Build, FileCase, failed, unnamed

PRIVATE_CREATOR = element(0x00090010, "LO", b"CANARY")
PRIVATE = element(0x00091001, "LO", pad(PATIENT.name, b" "))
JPEG = {"transfer_syntax": JPEG_BASELINE, "pixels": fragments(b"\xff\xd8\xff\xd9")}
NAME = element(PATIENT_NAME, "PN", pad(PATIENT.name, b" "))
SEQUENCE = "(0008,1140)"
PIXELS = "(7FE0,0010)"
TOO_DEEP = failed(Reason.TOO_DEEP, SEQUENCE)
EMPTY_ELEMENT = element(0x00091010, "UN", b"")


def add(*elements: bytes) -> Build:
    """Put elements in place in a good file."""
    return lambda file, _: file.with_elements(*elements)


def tail(content: bytes) -> Build:
    """Let bytes follow a good data set."""
    return lambda file, _: file.with_tail(content)


def _chain(depth: int, **how: object) -> Build:
    return lambda file, _: file.with_elements(
        nested(depth, encoding=file.encoding, **how)  # type: ignore[arg-type]
    )


NESTING = (
    *(
        FileCase(
            f"10,000 deep {encoding.name} {'un' if undefined else ''}defined",
            _chain(10_000, undefined=undefined),
            TOO_DEEP,
            {"encoding": encoding},
        )
        for encoding in (LITTLE, DEFLATED, IMPLICIT, BIG)
        for undefined in (True, False)
    ),
    FileCase("10,000 deep in UN", _chain(10_000, undefined=True, vr="UN"), TOO_DEEP),
    FileCase("as deep as the limit", _chain(Settings.max_depth, undefined=True), STORED),
    FileCase(
        "one deeper than the limit", _chain(Settings.max_depth + 1, undefined=False), TOO_DEEP
    ),
    FileCase(
        # Opaque to the door, a trap for a reader behind it that looks into UN.
        "10,000 deep inside a value of UN",
        add(element(0x00091002, "UN", nested(10_000, undefined=True, encoding=IMPLICIT))),
        STORED,
    ),
)


def _referenced(length: int | None = None) -> bytes:
    """An item that names an instance, and the canary; its element's length may lie."""
    return element(REFERENCED_SOP_INSTANCE_UID, "UI", b"2.25.99\0", length=length) + NAME


LENGTHS = (
    FileCase(
        "element longer than the file",
        tail(element(0x7FE10010, "OB", PATIENT.name, length=0xFFFFFFFE)),
        failed(Reason.TRUNCATED, "(7FE1,0010)"),
    ),
    FileCase(
        "element longer than the file IMPLICIT",
        tail(element(0x7FE10010, "OB", PATIENT.name, length=0xFFFFFFFE, encoding=IMPLICIT)),
        failed(Reason.TRUNCATED, "(7FE1,0010)"),
        {"encoding": IMPLICIT},
    ),
    FileCase(
        "element longer than its item",
        add(sequence(REFERENCED_IMAGE_SEQUENCE, item(_referenced(length=600)))),
        failed(Reason.MALFORMED_STRUCTURE, f"{SEQUENCE}[1].(0008,1155)"),
    ),
    FileCase(
        "element longer than the data set in an open item",
        tail(
            sequence(
                0x7FE11001, item(_referenced(length=60_000), length=UNDEFINED), length=UNDEFINED
            )
        ),
        failed(Reason.TRUNCATED, "(7FE1,1001)[1].(0008,1155)"),
    ),
    FileCase(
        "item longer than its sequence",
        add(sequence(REFERENCED_IMAGE_SEQUENCE, item(_referenced(), length=600))),
        failed(Reason.MALFORMED_STRUCTURE, f"{SEQUENCE}[1]"),
    ),
    FileCase(
        "item shorter than its elements",
        add(sequence(REFERENCED_IMAGE_SEQUENCE, item(_referenced(), length=10))),
        failed(Reason.MALFORMED_STRUCTURE, f"{SEQUENCE}[1].(0008,1155)"),
    ),
    FileCase(
        "sequence longer than the file",
        tail(sequence(0x7FE11001, item(_referenced()), length=60_000)),
        failed(Reason.TRUNCATED, "(7FE1,1001)"),
    ),
    FileCase(
        "sequence shorter than its item",
        add(sequence(REFERENCED_IMAGE_SEQUENCE, item(_referenced()), length=20)),
        failed(Reason.MALFORMED_STRUCTURE, f"{SEQUENCE}[1]"),
    ),
    FileCase(
        "sequence that ends inside an item's header",
        add(sequence(REFERENCED_IMAGE_SEQUENCE, item(_referenced()), length=4)),
        failed(Reason.MALFORMED_STRUCTURE, SEQUENCE),
    ),
    FileCase(
        "fragment longer than the file",
        lambda file, _: file.with_elements(PIXEL_DATA).with_tail(
            sequence(
                PIXEL_DATA,
                item() + item(PATIENT.name, length=0xFFFFFFFE),
                vr="OB",
                length=UNDEFINED,
            )
        ),
        failed(Reason.TRUNCATED, PIXELS),
        JPEG,
    ),
    FileCase(
        "fragment of undefined length",
        lambda file, _: file.with_elements(
            sequence(
                PIXEL_DATA, item() + item(PATIENT.name, length=UNDEFINED), vr="OB", length=UNDEFINED
            )
        ),
        failed(Reason.MALFORMED_STRUCTURE, PIXELS),
        JPEG,
    ),
    FileCase(
        "group length that lies",
        add(element(0x00100000, "UL", pack("<I", 0xFFFFFFF0))),
        STORED,
    ),
    FileCase("odd length", add(element(PATIENT_ID, "LO", b"CNRYPID")), STORED),
    FileCase("trailing zeros", tail(bytes(300)), STORED),
    FileCase("trailing padding element", tail(element(0xFFFCFFFC, "OB", bytes(64))), STORED),
    FileCase(
        "text behind the data set",
        tail(b"\0\0" + PATIENT.name + b"\xff" * 20),
        failed(Reason.MALFORMED_STRUCTURE, "(0000,7A5A)"),
    ),
)

DELIMITERS = (
    FileCase(
        "no sequence delimiter",
        tail(sequence(0x7FE11001, item(_referenced()), length=UNDEFINED, delimited=False)),
        failed(Reason.TRUNCATED, "(7FE1,1001)[1]"),
    ),
    FileCase(
        "no item delimiter",
        tail(
            sequence(
                0x7FE11001, item(_referenced(), length=UNDEFINED, delimited=False), length=UNDEFINED
            )
        ),
        failed(Reason.MALFORMED_STRUCTURE, "(7FE1,1001)[1].(FFFE,E0DD)"),
    ),
    FileCase(
        "no sequence delimiter behind fragments",
        lambda file, _: file.with_elements(fragments(PATIENT.name * 2, delimited=False)),
        failed(Reason.TRUNCATED),
        JPEG,
    ),
    FileCase(
        "delimiter with a length",
        tail(
            sequence(
                0x7FE11001,
                marker(0xFFFEE000, UNDEFINED) + NAME + marker(ITEM_DELIMITATION, 8),
                length=UNDEFINED,
            )
        ),
        failed(Reason.MALFORMED_STRUCTURE, "(7FE1,1001)[1].(FFFE,E00D)"),
    ),
    *(
        FileCase(
            f"{name} at the top level",
            add(marker(tag) + NAME),
            failed(Reason.MALFORMED_STRUCTURE, f"(FFFE,{tag & 0xFFFF:04X})"),
        )
        for name, tag in (
            ("item", 0xFFFEE000),
            ("item delimiter", ITEM_DELIMITATION),
            ("sequence delimiter", SEQUENCE_DELIMITATION),
        )
    ),
    FileCase(
        "item delimiter in an item of defined length",
        add(sequence(REFERENCED_IMAGE_SEQUENCE, item(_referenced() + marker(ITEM_DELIMITATION)))),
        failed(Reason.MALFORMED_STRUCTURE, f"{SEQUENCE}[1].(FFFE,E00D)"),
    ),
    FileCase(
        "sequence delimiter in a sequence of defined length",
        add(
            sequence(REFERENCED_IMAGE_SEQUENCE, item(_referenced()) + marker(SEQUENCE_DELIMITATION))
        ),
        failed(Reason.MALFORMED_STRUCTURE, f"{SEQUENCE}[1]"),
    ),
    FileCase(
        "elements where items are due",
        add(sequence(REFERENCED_IMAGE_SEQUENCE, NAME)),
        failed(Reason.MALFORMED_STRUCTURE, SEQUENCE),
    ),
    FileCase(
        "fragments in native pixel data",
        lambda file, _: file.with_elements(fragments(PATIENT.name)),
        failed(Reason.MALFORMED_STRUCTURE, PIXELS),
    ),
    FileCase(
        "fragments in native pixel data IMPLICIT",
        lambda file, _: file.with_elements(
            sequence(PIXEL_DATA, item() + item(NAME), length=UNDEFINED, encoding=IMPLICIT)
        ),
        failed(Reason.MALFORMED_STRUCTURE, PIXELS),
        {"encoding": IMPLICIT},
    ),
    FileCase(
        "undefined length of a name",
        add(sequence(PATIENT_NAME, item(PATIENT.name), vr="UT", length=UNDEFINED)),
        failed(Reason.MALFORMED_STRUCTURE, "(0010,0010)"),
    ),
    FileCase(
        "undefined length of a name IMPLICIT",
        add(
            sequence(
                PATIENT_NAME,
                item(
                    element(PATIENT_ID, "LO", PATIENT.patient_id, encoding=IMPLICIT),
                    encoding=IMPLICIT,
                ),
                length=UNDEFINED,
                encoding=IMPLICIT,
            )
        ),
        failed(Reason.MALFORMED_STRUCTURE, "(0010,0010)"),
        {"encoding": IMPLICIT},
    ),
)


def _deflated(content: bytes) -> Build:
    return lambda file, _: file.head() + content


def _flood(of: bytes, count: int) -> Build:
    return lambda file, _: file.with_tail(of * count)


BOMBS = (
    FileCase(
        "deflate bomb",
        tail(element(0x7FE11010, "OB", bytes(Settings.max_inflated_bytes))),
        failed(Reason.INFLATES_TOO_LARGE),
        {"encoding": DEFLATED},
        is_heavy=True,
    ),
    FileCase(
        "deflated data cut short",
        lambda file, _: file.encode()[:-40],
        failed(Reason.TRUNCATED),
        {"encoding": DEFLATED},
    ),
    FileCase(
        "no deflated data",
        _deflated(b""),
        failed(Reason.TRUNCATED),
        {"encoding": DEFLATED},
    ),
    FileCase(
        "text instead of deflated data",
        _deflated(b"\7" + PATIENT.name * 9),
        failed(Reason.MALFORMED_STRUCTURE),
        {"encoding": DEFLATED},
    ),
    FileCase("deflated", lambda file, _: file, STORED, {"encoding": DEFLATED}),
    FileCase(
        "element flood",
        _flood(EMPTY_ELEMENT, MAX_ELEMENTS),
        failed(Reason.TOO_MANY_ELEMENTS, "(0009,1010)"),
        {"encoding": DEFLATED},
        is_heavy=True,
    ),
    FileCase(
        "empty-item flood",
        lambda file, _: file.with_tail(
            sequence(0x7FE11001, item() * MAX_ELEMENTS, length=UNDEFINED)
        ),
        failed(Reason.TOO_MANY_ELEMENTS, f"(7FE1,1001)[{MAX_ELEMENTS - 20}]"),
        {"encoding": DEFLATED},
        is_heavy=True,
    ),
    FileCase(
        "a value of three megabytes",
        add(element(0x00104000, "UT", PATIENT.name * 150_000)),
        STORED,
        is_heavy=True,
    ),
    FileCase(
        "a name of 65,534 characters", add(element(PATIENT_NAME, "PN", b"A^" * 32_767)), STORED
    ),
    FileCase(
        "a name of 65,534 delimiters", add(element(PATIENT_NAME, "PN", b"\\=" * 32_767)), STORED
    ),
    FileCase(
        "65,535 character sets and 21,844 escapes",
        add(
            element(SPECIFIC_CHARACTER_SET, "CS", pad(b"\\" * 65_519 + b"ISO 2022 IR 100", b" ")),
            element(PATIENT_NAME, "PN", pad(b"\x1b-A" * 21_844, b" ")),
            element(0x00081030, "LO", pad(b"\x1b-A" * 21_844, b" ")),
        ),
        STORED,
    ),
    FileCase(
        "10,000 request attributes",
        add(
            sequence(
                REQUEST_ATTRIBUTES_SEQUENCE,
                item(element(0x00401001, "SH", b"CNRYACC ")) * 10_000,
            )
        ),
        STORED,
    ),
)

CONTENT = (
    *(
        FileCase(
            f"two of {tag}",
            lambda file, _, tag=number: file.with_tail(file.elements[tag]),  # type: ignore[misc]
            failed(Reason.AMBIGUOUS_ELEMENT, tag),
        )
        for tag, number in (
            ("(0008,0005)", SPECIFIC_CHARACTER_SET),
            ("(0008,0016)", SOP_CLASS_UID),
            ("(0008,0018)", SOP_INSTANCE_UID),
            ("(0020,000D)", STUDY_INSTANCE_UID),
            ("(0020,000E)", SERIES_INSTANCE_UID),
            ("(0010,0010)", PATIENT_NAME),
            ("(0010,0020)", PATIENT_ID),
            ("(0008,0050)", ACCESSION_NUMBER),
            ("(0008,0060)", MODALITY),
        )
    ),
    FileCase(
        "two of (0040,0275)",
        add(sequence(REQUEST_ATTRIBUTES_SEQUENCE, item(NAME)) * 2),
        failed(Reason.AMBIGUOUS_ELEMENT, "(0040,0275)"),
    ),
    *(
        FileCase(
            f"none of {tag}",
            lambda file, _, tag=number: file.with_elements(tag),  # type: ignore[misc]
            failed(Reason.MISSING_ATTRIBUTE, tag),
        )
        for tag, number in (
            ("(0008,0016)", SOP_CLASS_UID),
            ("(0008,0018)", SOP_INSTANCE_UID),
            ("(0020,000D)", STUDY_INSTANCE_UID),
            ("(0020,000E)", SERIES_INSTANCE_UID),
        )
    ),
    FileCase(
        "File Meta Information of another class",
        lambda file, uids: file.with_meta(
            element(0x00020002, "UI", b"1.2.840.10008.5.1.4.1.1.4\0")
        ),
        failed(Reason.CLASS_INSTANCE_CONFLICT, "(0008,0016)"),
    ),
    FileCase(
        "group 0002 inside the data set",
        add(element(0x00080008, "CS", b"ORIGINAL") + element(TRANSFER_SYNTAX_UID, "UI", b"1.2\0")),
        STORED,
    ),
    FileCase("private elements", add(PRIVATE_CREATOR, PRIVATE), STORED),
    FileCase("a private element nobody owns", add(PRIVATE), STORED),
    FileCase(
        "no VR",
        add(element(0x00104000, "LT", b"").replace(b"LT", b"\x01\x02")),
        failed(Reason.MALFORMED_STRUCTURE, "(0010,4000)"),
    ),
    FileCase(
        "a VR of the future",
        add(element(0x00104000, "UT", PATIENT.name).replace(b"UT", b"ZZ")),
        STORED,
    ),
    FileCase(
        "implicit where explicit is promised",
        lambda file, uids: FileParts(file.elements, make_meta(uids, "1.2.840.10008.1.2.1")),
        failed(Reason.MALFORMED_STRUCTURE, "(0008,0005)"),
        {"encoding": IMPLICIT},
    ),
    FileCase(
        "explicit where implicit is promised",
        lambda file, _: file,
        failed(Reason.TRUNCATED, "(0008,0005)"),
        {"transfer_syntax": "1.2.840.10008.1.2"},
    ),
)


def _dicomdir(file: FileParts, uids: Uids) -> FileParts:
    """As on media: no SOP Class UID and no SOP Instance UID in the data set."""
    return FileParts(
        {0x00041130: element(0x00041130, "CS", b"CNRYPID ")},
        make_meta(uids, "1.2.840.10008.1.2.1"),
    ).with_meta(element(0x00020002, "UI", b"1.2.840.10008.1.3.10"))


def _of_class(sop_class: str) -> Build:
    return lambda file, _: file.with_meta(element(0x00020002, "UI", pad(sop_class))).with_elements(
        element(SOP_CLASS_UID, "UI", pad(sop_class))
    )


CLASSES = (
    FileCase("DICOMDIR", _dicomdir, failed(Reason.SOP_CLASS_NOT_SUPPORTED, "(0002,0002)")),
    *(
        FileCase(name, _of_class(sop_class), failed(Reason.SOP_CLASS_NOT_SUPPORTED, "(0002,0002)"))
        for name, sop_class in (
            ("Verification", "1.2.840.10008.1.1"),
            ("Modality Performed Procedure Step", "1.2.840.10008.3.1.2.3.3"),
            ("Basic Film Session", "1.2.840.10008.5.1.1.1"),
            ("Study Root FIND", "1.2.840.10008.5.1.4.1.2.2.1"),
            ("Modality Worklist", "1.2.840.10008.5.1.4.31"),
            ("Hanging Protocol", "1.2.840.10008.5.1.4.38.1"),
            ("Color Palette", "1.2.840.10008.5.1.4.39.1"),
            ("Implant Template", "1.2.840.10008.5.1.4.43.1"),
            ("Defined Procedure Protocol", "1.2.840.10008.5.1.4.1.1.200.1"),
            ("Inventory", "1.2.840.10008.5.1.4.1.1.201.1"),
        )
    ),
    FileCase(
        "Verification in the data set alone",
        lambda file, _: file.with_meta(0x00020002).with_elements(
            element(SOP_CLASS_UID, "UI", pad("1.2.840.10008.1.1"))
        ),
        failed(Reason.SOP_CLASS_NOT_SUPPORTED, "(0008,0016)"),
    ),
    FileCase("a private class", _of_class("1.3.12.2.1107.5.9.1"), STORED),
    FileCase("a class of the future", _of_class("1.2.840.10008.5.1.4.1.1.999.1"), STORED),
)

SYNTAXES = (
    *(
        FileCase(
            name,
            lambda file, _: file,
            failed(Reason.TRANSFER_SYNTAX_NOT_SUPPORTED, "(0002,0010)"),
            {"transfer_syntax": uid},
        )
        for name, uid in (
            ("an unknown syntax", "1.2.840.10008.1.2.4.999"),
            ("a private syntax", "1.2.840.113619.5.2"),
            ("progressive JPEG", "1.2.840.10008.1.2.4.55"),
            ("JPIP Referenced", "1.2.840.10008.1.2.4.94"),
            ("JPIP Referenced Deflate", "1.2.840.10008.1.2.4.95"),
            ("JPIP HTJ2K", "1.2.840.10008.1.2.4.204"),
            ("SMPTE ST 2110", "1.2.840.10008.1.2.7.1"),
            ("a SOP class as syntax", "1.2.840.10008.5.1.4.1.1.2"),
        )
    ),
    FileCase(
        "no syntax",
        lambda file, _: file.with_meta(TRANSFER_SYNTAX_UID),
        failed(Reason.FILE_META_UNREADABLE, "(0002,0010)"),
    ),
    FileCase(
        "an empty syntax",
        lambda file, _: file,
        failed(Reason.FILE_META_UNREADABLE, "(0002,0010)"),
        {"transfer_syntax": ""},
    ),
    FileCase("encapsulated", lambda file, _: file, STORED, JPEG),
    FileCase("implicit", lambda file, _: file, STORED, {"encoding": IMPLICIT}),
    FileCase("big endian", lambda file, _: file, STORED, {"encoding": BIG}),
)


def _meta(group_length: int) -> Build:
    return lambda file, _: FileParts(file.elements, file.meta, group_length=group_length)


FILE_META = (
    *(
        FileCase(f"group length of File Meta Information {length:#x}", _meta(length), STORED)
        for length in (0, 1, 100_000, UNDEFINED)
    ),
    FileCase("File Meta Information without group length", _meta(-1), STORED),
    FileCase(
        "group length of File Meta Information in two bytes",
        lambda file, _: FileParts(
            file.elements,
            {**file.meta, FILE_META_GROUP_LENGTH: element(FILE_META_GROUP_LENGTH, "UL", b"\1\0")},
            group_length=-1,
        ),
        STORED,
    ),
    FileCase(
        "an element of File Meta Information longer than the file",
        lambda file, _: file.head() + element(0x00020016, "AE", PATIENT.name, length=65_000),
        unnamed(Reason.TRUNCATED),
    ),
    FileCase(
        "an element of File Meta Information longer than 4 GB",
        lambda file, _: file.head() + element(0x00020102, "OB", PATIENT.name, length=0xFFFFFFFE),
        unnamed(Reason.TRUNCATED),
    ),
    FileCase(
        "File Meta Information over the limit",
        lambda file, _: (
            file.head()
            + element(0x00020102, "OB", PATIENT.name * (MAX_FILE_META_BYTES // 20))
            + file.data_set()
        ),
        unnamed(Reason.FILE_META_UNREADABLE),
    ),
    FileCase(
        "a flood of empty elements in File Meta Information",
        lambda file, _: file.head() + element(0x00020016, "AE") * 9_000 + file.data_set(),
        unnamed(Reason.FILE_META_UNREADABLE),
    ),
    FileCase(
        "implicit File Meta Information",
        lambda file, _: (
            file.head() + element(TRANSFER_SYNTAX_UID, "UI", b"1.2\0", encoding=IMPLICIT)
        ),
        unnamed(Reason.FILE_META_UNREADABLE, "(0002,0010)"),
    ),
    *(
        FileCase(
            f"two of (0002,{tag & 0xFFFF:04X})",
            lambda file, _, tag=tag: FileParts(  # type: ignore[misc]
                file.elements, file.meta, extra_meta=file.meta[tag]
            ),
            unnamed(Reason.FILE_META_UNREADABLE, f"(0002,{tag & 0xFFFF:04X})"),
        )
        for tag in (0x00020002, 0x00020003, TRANSFER_SYNTAX_UID)
    ),
)

NO_FILES = (
    *(
        FileCase(name, lambda *_, content=content: content, unnamed(Reason.NOT_DICOM_FILE))
        for name, content in (
            ("nothing", b""),
            ("a word", PATIENT.name),
            ("only DICM", b"DICM"),
            ("131 bytes", bytes(128) + b"DIC"),
            ("DICM one byte late", bytes(129) + b"DICM" + PATIENT.name),
            ("PDF", b"%PDF-1.7\n" + PATIENT.name * 20),
            ("HTML", b"<html><script>" + PATIENT.name * 20),
            ("JSON metadata", b'[{"00100010":{"vr":"PN"}}]' + PATIENT.name * 20),
        )
    ),
    FileCase(
        "a data set without File Meta Information",
        lambda file, _: file.data_set(),
        unnamed(Reason.NOT_DICOM_FILE),
    ),
    FileCase(
        "a command set",
        lambda file, _: element(0, "UL", bytes(4), encoding=IMPLICIT) * 30,
        unnamed(Reason.NOT_DICOM_FILE),
    ),
    FileCase(
        "preamble and DICM alone",
        lambda *_: bytes(128) + b"DICM",
        unnamed(Reason.FILE_META_UNREADABLE),
    ),
    FileCase(
        "File Meta Information alone",
        lambda file, _: file.head(),
        failed(Reason.MISSING_ATTRIBUTE, "(0008,0016)"),
    ),
    FileCase(
        "no group 0002",
        lambda file, _: bytes(128) + b"DICM" + file.data_set(),
        unnamed(Reason.FILE_META_UNREADABLE),
    ),
)

EXECUTABLES = {
    "Windows": b"MZ\x90\0",
    "ELF": b"\x7fELF\2\1\1",
    "script": b"#!/bin/sh\n# ",
    "Mach-O 32": b"\xfe\xed\xfa\xce",
    "Mach-O 64": b"\xfe\xed\xfa\xcf",
    "Mach-O 32 swapped": b"\xce\xfa\xed\xfe",
    "Mach-O 64 swapped": b"\xcf\xfa\xed\xfe",
    "Mach-O universal": b"\xca\xfe\xba\xbe\0\0\0\2",
    "Mach-O universal 64": b"\xca\xfe\xba\xbf\0\0\0\2",
}
ACCEPTED_PREAMBLES = {
    "TIFF little": b"II*\0\x08\0\0\0",
    "TIFF big": b"MM\0*\0\0\0\x08",
    "BigTIFF little": b"II+\0\x08\0\0\0",
    "BigTIFF big": b"MM\0+\0\x08\0\0",
    "PDF": b"%PDF-1.7\n%",
    "zip": b"PK\3\4",
    "JPEG": b"\xff\xd8\xff\xe0",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "HTML": b"<html><script>",
    "PHP": b"<?php ",
    "gzip": b"\x1f\x8b\x08\0",
    "text": b"note: ",
}


def _preamble(start: bytes) -> Build:
    whole = (start + PATIENT.name).ljust(128, b"\0")
    return lambda file, _: FileParts(file.elements, file.meta, preamble=whole)


POLYGLOTS = (
    *(
        FileCase(f"{name} preamble", _preamble(start), failed(Reason.EXECUTABLE_PREAMBLE))
        for name, start in EXECUTABLES.items()
    ),
    *(
        FileCase(f"{name} preamble", _preamble(start), STORED)
        for name, start in ACCEPTED_PREAMBLES.items()
    ),
)

GROUPS: dict[str, tuple[FileCase, ...]] = {
    "nesting": NESTING,
    "lengths": LENGTHS,
    "delimiters": DELIMITERS,
    "bombs": BOMBS,
    "content": CONTENT,
    "classes": CLASSES,
    "transfer syntaxes": SYNTAXES,
    "File Meta Information": FILE_META,
    "what is no file": NO_FILES,
    "polyglots": POLYGLOTS,
}
