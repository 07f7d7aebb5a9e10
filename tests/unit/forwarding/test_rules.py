"""Which records meet which conditions."""

from dataclasses import replace

import pytest

from chalicelib.forwarding.matching import MATCHABLE, Condition, Operator, values_of
from chalicelib.origin.model import InstanceRecord
from tests.builders import make_record

RECORD: InstanceRecord = replace(
    make_record(
        attributes={
            "Modality": "CT",
            "StudyDescription": "CT Abdomen [native]",
            "StationName": "SCANNER-7",
            "BitsAllocated": "16",
            "SeriesDescription": "",
            "ReferringPhysicianName": "Ä^B\\C^D",
        },
        undecoded={"PatientName": b"\xff"},
        subject="ward-3",
    ),
    sop_class="1.2.840.10008.5.1.4.1.1.2",
)
EQUALS, IN, GLOB = Operator.EQUALS, Operator.IN, Operator.GLOB


@pytest.mark.parametrize(
    ("name", "operator", "operands", "is_met"),
    [
        ("Modality", EQUALS, ("CT",), True),
        ("Modality", EQUALS, ("ct",), False),
        ("Modality", EQUALS, ("C",), False),
        ("Modality", IN, ("MR", "CT"), True),
        ("Modality", IN, ("MR", "US"), False),
        ("Modality", GLOB, ("?t",), True),
        ("StudyDescription", GLOB, ("*abdomen*",), True),
        ("StudyDescription", GLOB, ("abdomen",), False),
        ("StudyDescription", GLOB, ("*[[]native]",), True),
        ("StationName", GLOB, ("scanner-[0-9]",), True),
        ("SOPClassUID", EQUALS, ("1.2.840.10008.5.1.4.1.1.2",), True),
        ("SOPClassUID", GLOB, ("1.2.840.10008.5.1.4.1.1.2.*",), False),
        ("TransferSyntaxUID", EQUALS, ("1.2.840.10008.1.2.1",), True),
        ("partition", EQUALS, ("default",), True),
        ("partition", EQUALS, ("research",), False),
        ("source", GLOB, ("ward-*",), True),
        ("BitsAllocated", EQUALS, ("16",), True),
        # of several values one suffices
        ("ReferringPhysicianName", EQUALS, ("C^D",), True),
        ("ReferringPhysicianName", GLOB, ("ä*",), True),
        # empty is a value, absent and undecoded are none
        ("SeriesDescription", EQUALS, ("",), True),
        ("SeriesDescription", GLOB, ("*",), True),
        ("AccessionNumber", EQUALS, ("",), False),
        ("AccessionNumber", GLOB, ("*",), False),
        ("PatientName", GLOB, ("*",), False),
    ],
)
def test_conditions(name: str, operator: Operator, operands: tuple[str, ...], is_met: bool) -> None:
    assert Condition(name, operator, operands).is_met(RECORD) is is_met


def test_every_name_that_may_be_matched_has_values_or_none() -> None:
    for name in MATCHABLE:
        assert all(isinstance(value, str) for value in values_of(RECORD, name))


def test_the_station_is_in_the_record() -> None:
    assert "StationName" in MATCHABLE
