"""The corpus: every hostile case with the answer that is due to it.

A new case is one row: a file in ``files`` or ``uids``, or a request in ``requests``.
"""

from tests.hostile import files, requests, uids
from tests.hostile.cases import Case, send_group

CASES: dict[str, Case] = {}

for _case in (
    *(case for name, group in files.GROUPS.items() for case in send_group(name, group)),
    *(case for name, group in uids.GROUPS.items() for case in send_group(name, group, alone=False)),
    *uids.IN_PATH,
    *requests.REQUESTS,
):
    assert CASES.setdefault(_case.name, _case) is _case, f"two cases {_case.name!r}"
