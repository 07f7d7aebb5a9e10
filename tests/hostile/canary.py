"""The canary: a patient nobody has, in every hostile request, and where it must never be seen.

Only the table may hold it. It is looked for as text in any case, as hexadecimal
and as base64 at every alignment.
"""

import re
from base64 import b64encode

from tests.builders_dicom import Patient

SURNAME = b"Zzyzxquill"
GIVEN_NAME = b"Canarywing"
PATIENT = Patient(
    name=SURNAME + b"^" + GIVEN_NAME,
    patient_id=b"CNRYPID-90210",
    birth_date=b"18991231",
    accession=b"CNRYACC-77",
)
TEXT = PATIENT.name.decode()
WORDS = (SURNAME, GIVEN_NAME, b"CNRYPID", b"CNRYACC", PATIENT.birth_date)


def _spellings(word: bytes) -> set[bytes]:
    return {word, word.hex().encode(), *(_base64(word, before) for before in range(3))}


def _base64(word: bytes, before: int) -> bytes:
    """The characters that the word alone decides when bytes stand before it and behind it."""
    encoded = b64encode(bytes(before) + word)
    return encoded[-(-before * 8 // 6) : (before + len(word)) * 8 // 6]


_SPELLINGS = re.compile(
    b"|".join(re.escape(s) for word in WORDS for s in sorted(_spellings(word))), re.IGNORECASE
)


def find_canary(seen: bytes | str) -> str | None:
    """Return what surrounds the canary where it sits, None when it is not there."""
    content = seen.encode("utf-8", "surrogateescape") if isinstance(seen, str) else seen
    found = _SPELLINGS.search(content)
    if found is None:
        return None
    around = content[max(found.start() - 120, 0) : found.end() + 120]
    return around.decode("utf-8", "replace")
