"""UIDs that are the same on every run: of the content, the study and the options, never the time.

A UID is ``2.25.`` and a UUID as a decimal (PS3.5 B.2). The UUID is of version 8 (RFC 9562 5.8):
122 bits of a SHA-256 over what identifies the thing, each part preceded by its length.
"""

from collections.abc import Mapping
from hashlib import sha256

_VERSION_8, _VARIANT = 8 << 76, 2 << 62
_VERSION_MASK, _VARIANT_MASK = 15 << 76, 3 << 62
_NAMESPACE = b"stowage acquire 1"


def new_study_uid(patient_id: str, issuer: str, accession: str) -> str:
    """Return the Study Instance UID of a patient's study with that accession."""
    return _uid("study", patient_id, issuer, accession)


def series_uid(study: str, sop_class: str, shared: Mapping[int, str]) -> str:
    """Return the UID of the series of a study that instances of one kind and description form.

    Parameters
    ----------
    study, sop_class : str
    shared : mapping of int to str
        What the instances of the series have in common (PS3.3 A.1.2.3), by tag.
    """
    described = [f"{tag:08X}={value}" for tag, value in sorted(shared.items())]
    return _uid("series", study, sop_class, *described)


def instance_uid(content: bytes, study: str, sop_class: str, treatment: str) -> str:
    """Return the SOP Instance UID of a file in a study.

    Parameters
    ----------
    content : bytes
        The file as it was found.
    study, sop_class : str
    treatment : str
        What is done to its pixels on request, "" for nothing.
    """
    return _uid("instance", sha256(content).hexdigest(), study, sop_class, treatment)


def _uid(*parts: str) -> str:
    digest = sha256(_NAMESPACE)
    for part in parts:
        encoded = part.encode("utf-8")
        digest.update(len(encoded).to_bytes(8) + encoded)
    number = int.from_bytes(digest.digest()[:16])
    number = number & ~_VERSION_MASK | _VERSION_8
    return f"2.25.{number & ~_VARIANT_MASK | _VARIANT}"
