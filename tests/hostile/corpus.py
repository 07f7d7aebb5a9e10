"""The corpus: every hostile case with the answer that is due to it.

A new case is one row: a file in ``files`` or ``uids``, or a request in ``requests``. Every file is
sent alone, and once more in one request with the others of its group; UIDs in the latter only.
"""

from tests.hostile import files, requests, uids
from tests.hostile.cases import Case, send_alone, send_together

CASES: dict[str, Case] = {}

for _case in (
    *(send_alone(file) for group in files.GROUPS.values() for file in group),
    *(send_together(name, group) for name, group in (files.GROUPS | uids.GROUPS).items()),
    *uids.IN_PATH,
    *requests.REQUESTS,
):
    assert CASES.setdefault(_case.name, _case) is _case, f"two cases {_case.name!r}"
