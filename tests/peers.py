"""Software of others that tests run against: there, skipped, or missed where it must be there."""

import os
from pathlib import Path

import pydicom
import pytest

ORTHANC_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def require(is_there: object, peer: str) -> None:
    """Skip the test when a peer is not there; fail it where STOWAGE_REQUIRE_PEERS=1."""
    if is_there:
        return
    if os.environ.get("STOWAGE_REQUIRE_PEERS") == "1":
        pytest.fail(f"{peer} is not installed, and STOWAGE_REQUIRE_PEERS=1")
    pytest.skip(f"{peer} is not installed")


def uid_of(path: Path) -> str:
    """Return the SOP Instance UID of a file, as pydicom reads it."""
    return str(pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)
