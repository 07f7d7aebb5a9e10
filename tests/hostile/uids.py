"""UIDs that are none: as names of files and keys they would lead elsewhere."""

from urllib.parse import quote

from chalicelib.standard.reasons import FailureReason as Reason
from tests.builders_dicom import (
    MEDIA_STORAGE_SOP_CLASS_UID,
    MEDIA_STORAGE_SOP_INSTANCE_UID,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    TRANSFER_SYNTAX_UID,
    element,
    pad,
)
from tests.hostile.canary import TEXT
from tests.hostile.cases import (
    STORED,
    Case,
    FileCase,
    Request,
    failed,
    good_file,
    join_parts,
    refused,
)

NO_UIDS: dict[str, bytes] = {
    "path upwards": b"../../../etc/passwd",
    "path from the root": b"/etc/passwd",
    "backslashes": b"..\\..\\windows",
    "NUL inside": b"1.2\x003.4",
    "NUL and a path": b"1.2.3\0/../../x",
    "CRLF": b"1.2\r\nX-Injected: 1",
    "line feed at the end": b"1.2.3\n",
    "leading zero": b"1.02.3",
    "65 characters": b"1.2." + b"3" * 61,
    "a thousand characters": b"1." + b"2" * 998,
    "dot at the end": b"1.2.3.",
    "dot at the start": b".1.2.3",
    "two dots": b"1..2.3",
    "root 3": b"3.1.2",
    "space at the start": b" 1.2.3",
    "space inside": b"1.2 .3",
    "letters": b"1.2.a3",
    "superscript digits": b"1.2.\xb2\xb3",
    "the canary": TEXT.encode(),
    "a UID and the canary": b"1.2.3." + TEXT.encode(),
    "wildcard": b"*",
    "markup": b"<script>1.2.3</script>",
    "template": b"{1.2.3}%s${x}",
}

_TAGS = {
    "(0008,0016)": SOP_CLASS_UID,
    "(0008,0018)": SOP_INSTANCE_UID,
    "(0020,000D)": STUDY_INSTANCE_UID,
    "(0020,000E)": SERIES_INSTANCE_UID,
}

IN_DATA_SET = tuple(
    FileCase(
        f"{tag} {name}",
        lambda file, _, number=number, value=value: file.with_elements(  # type: ignore[misc]
            element(number, "UI", pad(value))
        ),
        failed(Reason.INVALID_SOP_INSTANCE, tag),
    )
    for tag, number in _TAGS.items()
    for name, value in {**NO_UIDS, "two values": b"1.2.3\\1.2.4", "one component": b"1"}.items()
) + tuple(
    FileCase(
        f"{tag} {name}",
        lambda file, _, number=number, value=value: file.with_elements(  # type: ignore[misc]
            element(number, "UI", value)
        ),
        failed(Reason.MISSING_ATTRIBUTE, tag),
    )
    for tag, number in _TAGS.items()
    for name, value in {"empty": b"", "only padding": b"\0\0 \0"}.items()
)

IN_FILE_META = tuple(
    FileCase(
        f"{tag} {name}",
        lambda file, _, number=number, value=value: file.with_meta(  # type: ignore[misc]
            element(number, "UI", pad(value))
        ),
        outcome,
    )
    for tag, number, outcome in (
        # The data set names the instance; anonymisers leave all sorts of things here.
        ("(0002,0002)", MEDIA_STORAGE_SOP_CLASS_UID, STORED),
        ("(0002,0003)", MEDIA_STORAGE_SOP_INSTANCE_UID, STORED),
        (
            "(0002,0010)",
            TRANSFER_SYNTAX_UID,
            failed(Reason.FILE_META_UNREADABLE, "(0002,0010)"),
        ),
    )
    for name, value in NO_UIDS.items()
    if outcome != STORED or name in ("path upwards", "NUL and a path", "CRLF", "the canary")
)

GROUPS: dict[str, tuple[FileCase, ...]] = {
    **{
        f"UIDs in {tag}": tuple(case for case in IN_DATA_SET if case.name.startswith(tag))
        for tag in _TAGS
    },
    "UIDs in File Meta Information": IN_FILE_META,
}


def _in_path(name: str, target: str, status: int) -> Case:
    return refused(f"path {name}", status, Request(join_parts(good_file(name)), target))


_LONG = "1.2." + "3" * 61

IN_PATH: tuple[Case, ...] = tuple(
    _in_path(name, f"/studies/{quote(value, safe='')}", 400)
    for name, value in NO_UIDS.items()
    if b"/" not in value and b"\xb2" not in value
) + tuple(
    _in_path(name, target, status)
    for name, target, status in (
        # An encoded slash makes more segments: no resource has that path.
        ("path upwards", "/studies/..%2F..%2Fetc%2Fpasswd", 404),
        ("a series below", "/studies/1.2.3%2Fseries%2F1.2.4", 404),
        ("a slash alone", "/studies/%2F", 400),
        ("twice encoded", "/studies/%252e%252e%252f1.2.3", 400),
        ("overlong UTF-8", "/studies/%c0%ae%c0%ae", 400),
        ("superscript digits", "/studies/1.2.%C2%B2", 400),
        ("Arabic digits", "/studies/1.2.%D9%A3", 400),
        ("only digits", "/studies/12345", 400),
        ("a parameter", "/studies/1.2.3;x=1", 400),
    )
)
