"""The corpus: every hostile case by its name. A new case is one row of its table."""

from tests.hostile_metadata import bulkdata_cases, json_cases, xml_cases
from tests.hostile_metadata.hostile import Hostile

CASES: dict[str, Hostile] = {}

for _case in (*json_cases.cases(), *xml_cases.cases(), *bulkdata_cases.cases()):
    assert CASES.setdefault(_case.name, _case) is _case, f"two cases {_case.name!r}"
