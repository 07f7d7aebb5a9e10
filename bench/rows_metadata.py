"""Rows of the bench for metadata with bulkdata: what it costs to make instances of them.

Intake alone, from the body to files that may be stored, with no AWS in it. Seconds are of the CPU.
"""

import io
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from json import dumps, loads
from pathlib import Path
from typing import Any

from pydicom import dcmread

from bench.ct import FULL, SMALL, ct_instances
from bench.events import BOUNDARY
from bench.rows import Plan, Row
from chalicelib.dicomweb.codestreams import HEADER_BYTES, read_header
from chalicelib.dicomweb.dicom_json import decode_json
from chalicelib.dicomweb.dicom_xml import encode_xml
from chalicelib.dicomweb.media_types import request_media_type
from chalicelib.dicomweb.multipart import split_parts
from chalicelib.dicomweb.resources import Studies
from chalicelib.origin.intake import Arrival, IncomingPart, IntakePolicy, take_in
from chalicelib.origin.metadata_intake import take_in_metadata
from chalicelib.standard.media_types import DICOM, DICOM_JSON, DICOM_XML

SAMPLES = Path(__file__).parent.parent / "tests" / "samples" / "codestreams"
MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".jls": "image/jls",
    ".j2k": "image/jp2",
    ".jp2": "image/jp2",
    ".jhc": "image/jphc",
    ".jxl": "image/jxl",
    ".rle": "image/dicom-rle",
    ".mpg": "video/mpeg",
    ".mp4": "video/mp4",
}
FRAMES = 2000
ARRAY = 500
_PIXEL_DATA = "7FE00010"
_URL = "https://bench.invalid/api/studies"
_TARGET = Studies("default")
_NOW = datetime(2026, 1, 5, tzinfo=UTC)

Instance = dict[str, Any]
Piece = tuple[str, str, bytes]
"""Media type, Content-Location and body of a part."""


def metadata_rows(plan: Plan) -> Iterator[Row]:
    """Measure everyday instances, a long array, a long object, and headers of codestreams."""
    yield from _everyday_rows(plan)
    yield _array_row(plan)
    yield _frames_row(plan)
    yield _header_row(plan)


def _everyday_rows(plan: Plan) -> Iterator[Row]:
    """Measure eight CT images in three representations."""
    files = list(ct_instances(8, side=FULL))
    instances, bulkdata = _taken_apart(files)
    as_files = _cost(plan, lambda: _take_in_files(content for _, content in files)) / 8
    for form, pieces in (
        (DICOM_JSON, [_json_piece(instances)]),
        (DICOM_XML, _xml_pieces(instances)),
    ):
        cost = _cost(plan, _intake_of([*pieces, *bulkdata], form))
        name = f"CPU of intake per 0.5 MB CT, {form.rpartition('+')[2].upper()}"
        yield Row(name, cost / 8, "ms", as_files, "the same as PS3.10 files")


def _array_row(plan: Plan) -> Row:
    """Measure an array of the most instances that one request may have."""
    instances, bulkdata = _taken_apart(ct_instances(ARRAY, side=SMALL))
    piece = _json_piece(instances)
    cost = _cost(plan, _intake_of([piece, *bulkdata], DICOM_JSON))
    reading = _cost(plan, lambda: loads(piece[2]))
    note = f"{cost / ARRAY:.2f} ms an instance; {len(piece[2]) / 1e6:.1f} MB of JSON"
    return Row(f"CPU of intake, {ARRAY} in one array", cost, "ms", reading, "json.loads", note=note)


def _frames_row(plan: Plan) -> Row:
    """Measure an enhanced object, each frame with functional groups and a part of its own."""
    [(_, file)] = ct_instances(1, side=SMALL)
    [instance], _ = _taken_apart([("", file)])
    frame = (SAMPLES / "jpeg_baseline_mono8.jpg").read_bytes()
    described = {name: one for name, one in instance.items() if not name.startswith("0028")}
    groups = {"vr": "SQ", "Value": [_functional_groups(n) for n in range(1, FRAMES + 1)]}
    described |= {
        "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2.1"]},
        "00280008": {"vr": "IS", "Value": [FRAMES]},
        "52009230": groups,
        _PIXEL_DATA: {"vr": "OB", "BulkDataURI": "frames"},
    }
    piece = _json_piece([described])
    parts = [piece, *[("image/jpeg", "frames", frame)] * FRAMES]
    cost = _cost(plan, _intake_of(parts, DICOM_JSON))
    reading = _cost(plan, lambda: loads(piece[2]))
    note = f"{cost * 1000 / FRAMES:.0f} µs a frame; {len(piece[2]) / 1e6:.1f} MB of JSON"
    return Row(f"CPU of intake, {FRAMES} JPEG frames", cost, "ms", reading, "json.loads", note=note)


def _functional_groups(number: int) -> Instance:
    def sequence(**members: Any) -> Instance:
        return {"vr": "SQ", "Value": [{name[1:]: one for name, one in members.items()}]}

    return {
        "00189074": {"vr": "DT", "Value": ["20260105101530.123"]},
        "00209111": sequence(
            _00209057={"vr": "UL", "Value": [number]},
            _00209157={"vr": "UL", "Value": [1, number]},
        ),
        "00209113": sequence(_00200032={"vr": "DS", "Value": [-250, -250, number * 0.6]}),
        "00209116": sequence(_00200037={"vr": "DS", "Value": [1, 0, 0, 0, 1, 0]}),
        "00289110": sequence(_00280030={"vr": "DS", "Value": [0.97, 0.97]}),
    }


def _header_row(plan: Plan) -> Row:
    """Measure the header of each sample."""
    costs = {}
    for path in sorted(SAMPLES.iterdir()):
        media_type = MEDIA_TYPES.get(path.suffix)
        if media_type is not None:
            media_type = "video/h265" if path.name.startswith("hevc") else media_type
            costs[path.name] = _header_cost(plan, media_type, path.read_bytes())
    slowest = max(costs, key=costs.__getitem__)
    note = f"median of {len(costs)} samples; the slowest, {slowest}, takes {costs[slowest]:.0f} µs"
    return Row(
        "CPU to read a codestream's header",
        statistics.median(costs.values()),
        "µs",
        aim="<= 50 µs",
        note=note,
    )


def _header_cost(plan: Plan, media_type: str, stream: bytes) -> float:
    first, times = stream[:HEADER_BYTES], 100 * plan.requests

    def read() -> None:
        for _ in range(times):
            read_header(media_type, first)

    return _cost(plan, read) * 1000 / times


# ---------------------------------------------------------------- what is measured


def _cost(plan: Plan, measured: Callable[[], object]) -> float:
    """Return the least milliseconds of CPU of several runs."""
    found = []
    for _ in range(max(plan.requests // 2, 2)):
        start = time.process_time()
        measured()
        found.append(time.process_time() - start)
    return min(found) * 1000


def _intake_of(pieces: Iterable[Piece], form: str) -> Callable[[], None]:
    """Return the intake of a message, from its body on."""
    body = b"".join(
        b"--%s\r\nContent-Type: %s\r\nContent-Location: %s\r\n\r\n%s\r\n"
        % (BOUNDARY.encode(), media_type.encode(), location.encode(), content)
        for media_type, location, content in pieces
    )
    body += f"--{BOUNDARY}--\r\n".encode()
    payload = request_media_type(f'multipart/related; type="{form}"; boundary={BOUNDARY}')

    def take_in_message() -> None:
        parts = split_parts(body, BOUNDARY, max_parts=10_000)
        _require_arrivals(
            take_in_metadata(
                parts, payload, _TARGET, _URL, IntakePolicy(), _NOW, has_time=lambda: True
            )
        )

    return take_in_message


def _take_in_files(contents: Iterable[bytes]) -> None:
    policy = IntakePolicy()
    _require_arrivals(
        take_in(part, _TARGET, policy) for part in (_file_part(one) for one in contents)
    )


def _file_part(content: bytes) -> IncomingPart:
    body = b"--b\r\nContent-Type: %s\r\n\r\n%s\r\n--b--" % (DICOM.encode(), content)
    [part] = split_parts(body, "b")
    return IncomingPart(part.number, part.headers, part.body)


def _require_arrivals(taken: Iterable[object]) -> None:
    for one in taken:
        if not isinstance(one, Arrival):
            raise RuntimeError(f"not taken in: {one}")


def _taken_apart(files: Iterable[tuple[str, bytes]]) -> tuple[list[Instance], list[Piece]]:
    """Return PS3.10 files as metadata that refer to bulkdata."""
    instances, bulkdata = [], []
    for number, (_, content) in enumerate(files):
        dataset = dcmread(io.BytesIO(content))
        pixels = dataset.PixelData
        del dataset.PixelData
        members = dataset.to_json_dict()
        members[_PIXEL_DATA] = {"vr": "OW", "BulkDataURI": f"bulk/{number}"}
        instances.append(members)
        bulkdata.append(("application/octet-stream", f"bulk/{number}", pixels))
    return instances, bulkdata


def _json_piece(instances: list[Instance]) -> Piece:
    return DICOM_JSON, "metadata", dumps(instances, ensure_ascii=False).encode()


def _xml_pieces(instances: list[Instance]) -> list[Piece]:
    decoded = decode_json(_json_piece(instances)[2])
    return [
        (DICOM_XML, "metadata", encode_xml(one.dataset).encode())
        for one in decoded
        if one.dataset is not None
    ]
