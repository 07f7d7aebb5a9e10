"""Instances made of photographs, videos and documents, stored, and read by another implementation.

What is stored has the attributes of its IOD's rows and no others: the statement prints the rows.
"""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from chalicelib.standard.created_iods import (
    CREATED_IODS,
    ENCAPSULATED_PDF,
    SECONDARY_CAPTURE,
    VIDEO_PHOTOGRAPHIC,
    VL_PHOTOGRAPHIC,
)
from chalicelib.standard.created_modules import ValueSource
from chalicelib.useragent.acquire.kinds import Kind
from infra.conformance.created import MADE_FROM
from infra.local.stack import LocalStack
from tests.end_to_end.test_stowage_send import stored_in
from tests.end_to_end.test_user_agent_requests import run
from tests.unit.useragent.acquire.making import STATED, jpeg, pdf, png, sample

FILES: dict[Kind, Callable[[], bytes]] = {
    Kind.JPEG: jpeg,
    Kind.PNG: png,
    Kind.MP4: lambda: sample("h264_hp41.mp4").read_bytes(),
    Kind.MPEG2: lambda: sample("mpeg2_mpml.mpg").read_bytes(),
    Kind.PDF: pdf,
}
COMPRESSED = {
    Kind.JPEG: pydicom.uid.JPEGBaseline8Bit,
    Kind.MP4: pydicom.uid.MPEG4HP41,
    Kind.MPEG2: pydicom.uid.MPEG2MPML,
}
ALWAYS_EMPTY = ["AcquisitionContextSequence", "PatientOrientation", "ConceptNameCodeSequence"]


def every_one() -> list[object]:
    return [
        pytest.param(
            sop_class,
            kind,
            id=f"{CREATED_IODS[sop_class].name} of {kind.name}",
            marks=pytest.mark.proves(f"created:{sop_class}:{kind.name.lower()}"),
        )
        for sop_class, kinds in MADE_FROM.items()
        for kind in kinds
    ]


@pytest.mark.proves("ua-policy:deterministic")
@pytest.mark.parametrize(("sop_class", "kind"), every_one())
def test_what_is_made_is_stored_and_has_the_attributes_of_its_iod(
    local_stack: LocalStack, partition: str, tmp_path: Path, sop_class: str, kind: Kind
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "made").write_bytes(FILES[kind]())
    stated = tmp_path / "stated.json"
    stated.write_text(json.dumps(STATED), encoding="utf-8")
    options = ["--metadata", str(stated)]
    options += ["--secondary-capture"] if sop_class == SECONDARY_CAPTURE else []

    made: list[bytes] = []
    for again in ((), ("--again",)):
        url = f"{local_stack.url}/partitions/{partition}"
        report, written = run(folder, url, *options, *again)
        assert (report["exit_code"], report["stored"]) == (0, 1), written
        made += stored_in(local_stack, partition).values()

    assert made[0] == made[1]
    assert len(made) == 2
    dataset = pydicom.dcmread(io.BytesIO(made[0]))
    assert dataset.SOPClassUID == sop_class
    assert dataset.file_meta.TransferSyntaxUID == COMPRESSED.get(
        kind, pydicom.uid.ExplicitVRLittleEndian
    )
    assert_rows(dataset, sop_class)


def assert_rows(dataset: pydicom.Dataset, sop_class: str) -> None:
    rows = {row.tag: row for row in CREATED_IODS[sop_class].rows()}
    assert {int(element.tag) for element in dataset} <= set(rows)
    for row in rows.values():
        is_there = row.keyword in dataset
        assert is_there or row.type not in ("1", "2"), row.keyword
        assert not row.is_due or is_there, row.keyword
        if row.type == "1":
            assert not dataset[row.tag].is_empty, row.keyword
        if is_there and row.fixed:
            values = dataset[row.tag].value
            found = list(values) if dataset[row.tag].VM > 1 else [values]
            assert tuple(map(str, found)) == row.fixed
        elif is_there and row.source is ValueSource.FIXED:
            assert row.keyword in ALWAYS_EMPTY
            assert dataset[row.tag].is_empty


def test_every_iod_has_something_that_it_is_made_from() -> None:
    assert set(MADE_FROM) == set(CREATED_IODS)
    assert set(MADE_FROM) == {
        VL_PHOTOGRAPHIC,
        SECONDARY_CAPTURE,
        VIDEO_PHOTOGRAPHIC,
        ENCAPSULATED_PDF,
    }
