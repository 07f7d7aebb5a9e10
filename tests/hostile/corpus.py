"""The corpus: every hostile case with the answer that is due to it.

A new case is one row: a file in ``files`` or ``uids``, or a request in ``requests``.
"""

from tests.hostile import files, requests, uids
from tests.hostile.cases import Case, expand

CASES: dict[str, Case] = {}

for _case in (
    *(made for file in (*files.FILES, *uids.FILES) for made in expand(file)),
    *uids.IN_PATH,
    *requests.REQUESTS,
):
    assert CASES.setdefault(_case.name, _case) is _case, f"two cases {_case.name!r}"
