"""Storage SOP Classes by name (PS3.6 Table A-1, as pydicom 3.0.2 prints it, without unnamed ones).

The product asks no such list: it stores any composite class. The statement needs names.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).resolve().parent / "storage_sop_classes.tsv"


@dataclass(frozen=True, slots=True)
class SopClass:
    """A row; ``status`` is "retired", or the standard other than DICOM that defines the class."""

    uid: str
    name: str
    status: str


@cache
def storage_sop_classes() -> tuple[SopClass, ...]:
    """Return the rows in ascending order of their UIDs."""
    with _TABLE.open(encoding="utf-8", newline="") as table:
        return tuple(SopClass(**row) for row in csv.DictReader(table, delimiter="\t"))
