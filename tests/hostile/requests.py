"""Hostile requests: framing, media types, codings, floods, and bodies that are not there."""

import gzip
import zlib

from chalicelib.dicomweb.media_types import MAX_BOUNDARY_LENGTH
from chalicelib.settings import Settings
from chalicelib.standard.reasons import FailureReason as Reason
from tests.builders_dicom import Uids, element, make_file
from tests.hostile.canary import PATIENT, TEXT
from tests.hostile.cases import (
    BOUNDARY,
    DICOM_PART,
    MULTIPART,
    STORED,
    Case,
    Part,
    Request,
    failed,
    good_file,
    join_parts,
    refused,
    store_case,
    unnamed,
)

DASHES = f"--{BOUNDARY}".encode()
FIELD = b"Content-Type: application/dicom\r\n"


def _typed(boundary: str, *, quoted: bool = True) -> str:
    value = f'"{boundary}"' if quoted else boundary
    return f'multipart/related; type="application/dicom"; boundary={value}'


def _containing(name: str, content: bytes) -> Part:
    """A good file that holds these bytes in a value."""
    uids = Uids.of(name)
    file = make_file(uids, PATIENT).with_elements(element(0x00104000, "UT", content))
    return Part(file.encode(), uids.instance)


def _bounded(name: str, boundary: str, *, quoted: bool = True) -> Case:
    part = good_file(name)
    request = Request(
        join_parts(part, boundary=boundary), content_type=_typed(boundary, quoted=quoted)
    )
    return store_case(name, (part, STORED), request=request)


BOUNDARIES = (
    _bounded("boundary of 1 character", "x"),
    _bounded("boundary of 70 characters", "b" * 70),
    _bounded("boundary of 73 characters", "b" * 73),
    _bounded("boundary of all legal characters", "0Az'()+_,-./:=?", quoted=True),
    _bounded("boundary of special characters, not quoted", "a=b:c?d/e", quoted=False),
    _bounded("boundary with a space inside", "a b"),
    _bounded("boundary of hyphens", "--------"),
    refused(
        "boundary of 101 characters",
        400,
        Request(
            join_parts(good_file("101"), boundary="b" * (MAX_BOUNDARY_LENGTH + 1)),
            content_type=_typed("b" * (MAX_BOUNDARY_LENGTH + 1)),
        ),
    ),
    *(
        refused(
            f"boundary {name}",
            400,
            Request(join_parts(good_file(name), boundary=boundary), content_type=_typed(boundary)),
        )
        for name, boundary in (
            ("with a space at the end", "ab "),
            ("of nothing", ""),
            ("of a space", " "),
            ("with a star", "a*b"),
            ("with the canary and an illegal character", TEXT),
        )
    ),
    refused(
        "no boundary",
        400,
        Request(
            join_parts(good_file("no boundary")),
            content_type='multipart/related; type="application/dicom"',
        ),
    ),
    refused(
        "two boundaries",
        400,
        Request(join_parts(good_file("two boundaries")), content_type=f"{MULTIPART}; boundary=x"),
    ),
    refused(
        "two Content-Type fields",
        400,
        Request(
            join_parts(good_file("two types")),
            headers=(("Content-Type", "multipart/related; boundary=x"),),
        ),
    ),
    store_case(
        "boundary inside a line of a body",
        (_containing("inside a line", PATIENT.name + DASHES + b"\r\n" + FIELD), STORED),
    ),
    store_case(
        "boundary as the start of a longer line of a body",
        (_containing("longer line", b"\r\n" + DASHES + b"x\r\n" + FIELD + b"\r\n"), STORED),
    ),
    store_case(
        "boundary behind a bare line feed in a body",
        (_containing("bare LF", b"\n" + DASHES + b"\r\n" + FIELD + b"\r\n" + PATIENT.name), STORED),
    ),
    store_case(
        "boundary behind a bare carriage return in a body",
        (_containing("bare CR", b"\r" + DASHES + b"--\r\n" + PATIENT.name), STORED),
    ),
    store_case(
        "thousands of almost boundaries in a body",
        (_containing("almost", (b"\r\n" + DASHES + b"-x") * 20_000), STORED),
    ),
)


def _raw(*pieces: bytes) -> Request:
    return Request(b"".join(pieces))


def _framed(head: bytes, name: str) -> Request:
    """A first part with this header block, then a good one."""
    file = good_file(name).body
    return _raw(
        DASHES, b"\r\n", head, b"\r\n\r\n", file, b"\r\n", join_parts(good_file(name, "next"))
    )


_CUT_INSIDE = good_file("real delimiter inside a body")
_SMUGGLED = good_file("smuggled in the epilogue")
_GOOD_BEFORE = good_file("before the epilogue")

FRAMING = (
    refused("no delimiter", 400, _raw(good_file("no delimiter").body)),
    refused("closing delimiter alone", 400, _raw(DASHES, b"--\r\n")),
    refused(
        "no closing delimiter",
        400,
        _raw(join_parts(good_file("no closing delimiter"))[: -len(DASHES) - 6]),
        part=1,
    ),
    refused(
        "closing delimiter cut by one byte",
        400,
        _raw(join_parts(good_file("closing delimiter cut"))[:-3]),
        part=1,
    ),
    refused(
        "lines that end with line feeds",
        400,
        _raw(
            DASHES,
            b"\n",
            FIELD.replace(b"\r", b""),
            b"\n",
            good_file("LF").body,
            b"\n",
            DASHES,
            b"--\n",
        ),
    ),
    refused("end inside a part's header", 400, _raw(DASHES, b"\r\nContent-Ty"), part=1),
    store_case(
        "parts behind the closing delimiter",
        (_GOOD_BEFORE, STORED),
        request=_raw(join_parts(_GOOD_BEFORE), join_parts(_SMUGGLED)),
    ),
    store_case(
        "a delimiter inside a file cuts it there",
        (Part(_CUT_INSIDE.body[:500]), failed(Reason.TRUNCATED, "(0020,000D)")),
        (Part(PATIENT.name, headers=()), unnamed(Reason.NOT_DICOM_FILE)),
        request=_raw(
            join_parts(Part(_CUT_INSIDE.body[:500] + b"\r\n" + DASHES + b"\r\n\r\n" + PATIENT.name))
        ),
    ),
    *(
        refused(f"part header with {name}", 400, _framed(head, name), part=1)
        for name, head in (
            ("no colon", b"Content-Type application/dicom " + PATIENT.name),
            ("a space before the colon", b"Content-Type : application/dicom"),
            ("NUL", b"Content-Type: application/dicom\0" + PATIENT.name),
            ("a bare carriage return", b"X-Name: a\rX-Injected: 1"),
            ("a bare line feed", b"X-Name: a\nX-Injected: 1"),
            ("a fold before any field", b" folded: " + PATIENT.name),
            ("two types", b"Content-Type: application/dicom\r\nContent-Type: text/html"),
            ("two lengths", b"Content-Length: 1\r\nContent-Length: 2"),
            ("a length that lies", b"Content-Type: application/dicom\r\nContent-Length: 5"),
            ("a length that is text", b"Content-Length: " + PATIENT.name),
            ("a length of twenty digits", b"Content-Length: " + b"9" * 20),
            ("a negative length", b"Content-Length: -1"),
        )
    ),
    refused(
        "part header of 17 kB",
        400,
        _framed(b"X-Name: " + PATIENT.name * 900, "17 kB"),
        part=1,
        limit=("max_part_header_bytes", Settings.max_part_header_bytes),
    ),
    refused(
        "part header of 33 fields",
        400,
        _framed(b"\r\n".join([b"X-Name: " + PATIENT.name] * 33), "33 fields"),
        part=1,
        limit=("max_part_header_fields", Settings.max_part_header_fields),
    ),
    refused(
        "part header without end",
        400,
        _raw(DASHES, b"\r\nX-Name: " + PATIENT.name * 50_000),
        part=1,
        limit=("max_part_header_bytes", Settings.max_part_header_bytes),
    ),
)


def _part_typed(name: str, *headers: tuple[str, str]) -> tuple[Part, ...]:
    good = good_file(name, "typed")
    return good_file(name, "before"), Part(good.body, good.instance, headers)


_UNSUPPORTED = unnamed(Reason.UNSUPPORTED_PART)


def _beside(name: str, part: Part) -> Case:
    """A part whose header promises something else, behind a good one."""
    return store_case(f"part {name}", (good_file(name, "before"), STORED), (part, _UNSUPPORTED))


def _retyped(name: str, *headers: tuple[str, str]) -> Part:
    good = good_file(name, "typed")
    return Part(good.body, good.instance, headers)


PART_TYPES = (
    *(
        _beside(f"typed {content_type}", _retyped(content_type, ("Content-Type", content_type)))
        for content_type in (
            "text/html",
            "text/plain; charset=utf-8",
            "image/jpeg",
            "application/dicom+json",
            "application/dicom+xml",
            'multipart/mixed; boundary="x"',
            "application/x-msdownload",
            f"{TEXT}",
            f"application/{TEXT}",
        )
    ),
    _beside(
        "sent as base64",
        _retyped("base64", *DICOM_PART, ("Content-Transfer-Encoding", "base64")),
    ),
    _beside(
        "sent as quoted-printable",
        _retyped("qp", *DICOM_PART, ("Content-Transfer-Encoding", "quoted-printable")),
    ),
    _beside(
        "compressed",
        Part(
            gzip.compress(good_file("compressed").body, mtime=0),
            headers=(*DICOM_PART, ("Content-Encoding", "gzip")),
        ),
    ),
    _beside(
        "of octets that are no DICOM file",
        Part(PATIENT.name * 20, headers=(("Content-Type", "application/octet-stream"),)),
    ),
    *(
        store_case(f"part {name}", (part, STORED))
        for name, part in (
            ("of octets", _retyped("octets", ("Content-Type", "application/octet-stream"))),
            ("without type", _retyped("without type")),
            (
                "with a transfer syntax it does not have",
                _retyped(
                    "ts",
                    ("Content-Type", "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50"),
                ),
            ),
            (
                "with parameters",
                _retyped("parameters", ("content-TYPE", f'Application/DICOM; name="{TEXT}"')),
            ),
            (
                "sent as binary",
                _retyped("8bit", *DICOM_PART, ("Content-Transfer-Encoding", "BINARY")),
            ),
        )
    ),
    store_case(
        "all parts bad",
        (Part(b""), unnamed(Reason.NOT_DICOM_FILE)),
        (_retyped("all bad", ("Content-Type", "text/html")), _UNSUPPORTED),
        (Part(PATIENT.name), unnamed(Reason.NOT_DICOM_FILE)),
    ),
)

_REPEATED = good_file("repeated")

FLOODS = (
    store_case("500 parts of one instance", *[(_REPEATED, STORED)] * Settings.max_parts),
    store_case(
        "500 empty parts",
        *[(Part(b"", headers=()), unnamed(Reason.NOT_DICOM_FILE))] * Settings.max_parts,
    ),
    refused(
        "501 parts",
        413,
        Request(join_parts(*[_REPEATED] * (Settings.max_parts + 1))),
        limit=("max_parts", Settings.max_parts),
    ),
    refused(
        "100,000 empty parts",
        413,
        _raw((DASHES + b"\r\n\r\n\r\n") * 100_000, DASHES, b"--"),
        limit=("max_parts", Settings.max_parts),
    ),
)


def _coded(body: bytes, coding: str = "gzip") -> Request:
    return Request(body, headers=(("Content-Encoding", coding),))


_ZIPPED = good_file("gzip")
_MANY_MEMBERS = b"".join(gzip.compress(b"", mtime=0) for _ in range(1025))
_BOMB = gzip.compress(PATIENT.name + bytes(Settings.max_inflated_bytes), mtime=0)

CODINGS = (
    store_case(
        "gzip",
        (_ZIPPED, STORED),
        request=_coded(gzip.compress(join_parts(_ZIPPED), mtime=0)),
    ),
    refused(
        "gzip bomb", 413, _coded(_BOMB), limit=("max_inflated_bytes", Settings.max_inflated_bytes)
    ),
    refused("gzip bomb inside gzip", 400, _coded(gzip.compress(_BOMB, mtime=0))),
    refused(
        "gzip bomb nobody announces",
        413,
        Request(_BOMB),
        limit=("max_inflated_bytes", Settings.max_inflated_bytes),
    ),
    refused("gzip of 1,025 members", 400, _coded(_MANY_MEMBERS), limit=("max_gzip_members", 1024)),
    refused("gzip cut short", 400, _coded(gzip.compress(join_parts(_ZIPPED), mtime=0)[:-9])),
    refused("gzip of nothing", 400, _coded(gzip.compress(b"", mtime=0))),
    refused(
        "gzip with a wrong checksum",
        400,
        _coded(gzip.compress(join_parts(_ZIPPED), mtime=0)[:-8] + b"\0" * 8),
    ),
    refused(
        "gzip and the canary behind it",
        400,
        _coded(gzip.compress(join_parts(_ZIPPED), mtime=0) + PATIENT.name),
    ),
    refused("deflate", 415, _coded(zlib.compress(join_parts(_ZIPPED)), "deflate")),
    refused("gzip twice", 415, _coded(_BOMB, "gzip, gzip")),
    refused("an unknown coding", 415, _coded(_BOMB, TEXT)),
)

_STUDY = "2.25.424242"
_HERE = good_file("here", study=_STUDY)
_ELSEWHERE = good_file("elsewhere")
_MISMATCH = failed(Reason.STUDY_MISMATCH, "(0020,000D)")
_OTHERWISE = good_file("otherwise")

MESSAGES = (
    refused("no body", 400, Request(b"")),
    refused("no body typed application/dicom", 400, Request(b"", content_type="application/dicom")),
    refused("no Content-Type", 415, Request(join_parts(_OTHERWISE), content_type=None)),
    *(
        refused(
            f"message typed {content_type}",
            status,
            Request(join_parts(_OTHERWISE), content_type=content_type),
        )
        for content_type, status in (
            ("text/html", 415),
            ("application/zip", 415),
            ("application/octet-stream", 415),
            (f'multipart/related; type="{TEXT}"; boundary={BOUNDARY}', 400),
            (f'multipart/related; type="text/html"; boundary={BOUNDARY}', 415),
            (f"multipart/related; boundary={BOUNDARY}", 400),
            (f'multipart/form-data; name="{TEXT}"; boundary={BOUNDARY}', 415),
            (f"{TEXT}", 400),
            ('multipart/related; type="application/dicom', 400),
        )
    ),
    store_case(
        "canary in every header",
        (_OTHERWISE, STORED),
        request=Request(
            join_parts(_OTHERWISE),
            target=f"/studies?PatientName={TEXT.replace('^', '%5E')}&x={TEXT.replace('^', '%5E')}",
            content_type=f'{MULTIPART}; name="{TEXT}"; start="<{TEXT}>"',
            headers=(
                ("User-Agent", TEXT),
                ("Referer", f"https://pacs.example/{TEXT}"),
                ("Authorization", f"Bearer {TEXT}"),
                ("Cookie", f"patient={TEXT}"),
                ("X-Request-Id", TEXT),
                ("Content-Location", f"/{TEXT}"),
                ("Accept-Language", TEXT),
            ),
        ),
    ),
    refused(
        "canary asked for",
        406,
        Request(join_parts(_OTHERWISE), headers=(("Accept", f"application/{TEXT}"),)),
    ),
    refused(
        "canary asked for in the query",
        400,
        Request(join_parts(_OTHERWISE), target=f"/studies?accept={TEXT.replace('^', '%5E')}"),
    ),
    refused("GET with the canary", 405, Request(PATIENT.name, method="GET")),
    store_case(
        "one of two of another study",
        (_HERE, STORED),
        (_ELSEWHERE, _MISMATCH),
        request=Request(join_parts(_HERE, _ELSEWHERE), target=f"/studies/{_STUDY}"),
    ),
    store_case(
        "a study and an encoded slash",
        (_ELSEWHERE, _MISMATCH),
        request=Request(join_parts(_ELSEWHERE), target=f"/studies/{_STUDY}%2F"),
    ),
    store_case(
        "all of another study",
        (_ELSEWHERE, _MISMATCH),
        request=Request(join_parts(_ELSEWHERE), target=f"/studies/{_STUDY}"),
    ),
)

REQUESTS: tuple[Case, ...] = (
    *BOUNDARIES,
    *FRAMING,
    *PART_TYPES,
    *FLOODS,
    *CODINGS,
    *MESSAGES,
)
