"""Finding instances by content, and saying what is not one."""

import os
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from chalicelib.dicomweb.byte_source import MemorySource
from chalicelib.useragent.headers import read_identity
from chalicelib.useragent.scan import Found, Skipped, scan
from tests.builders_dicom import (
    BIG,
    DEFLATED,
    IMPLICIT,
    LITTLE,
    SERIES_INSTANCE_UID,
    UNDEFINED,
    Encoding,
    Uids,
    element,
    item,
    make_file,
    sequence,
)

UIDS = Uids.of("scan")


@pytest.mark.parametrize("encoding", [LITTLE, IMPLICIT, BIG, DEFLATED])
@pytest.mark.parametrize("length", [None, UNDEFINED])
def test_every_encoding_names_itself(encoding: Encoding, length: int | None) -> None:
    inner = LITTLE if encoding is DEFLATED else encoding
    nested = sequence(
        0x00081140,
        item(element(0x00080018, "UI", b"1.2", encoding=inner), length=length, encoding=inner),
        length=length,
        encoding=inner,
    )
    file = make_file(UIDS, encoding=encoding).with_elements(nested).encode()
    found = read_identity(MemorySource(file))
    assert (found.sop_class, found.sop_instance) == (UIDS.sop_class, UIDS.instance)
    assert (found.study, found.series) == (UIDS.study, UIDS.series)


def one_of(folder: Path, content: bytes, name: str = "x") -> Found | Skipped:
    (folder / name).write_bytes(content)
    [one] = scan([folder / name], can_acquire=False)
    return one


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"hello", "not a DICOM file"),
        (b"PK\3\4" + bytes(200), "archive"),
        (b"\xff\xd8\xff\xe0", "JPEG picture"),
        (b"%PDF-1.7", "PDF document"),
        (make_file(UIDS).data_set(), "without File Meta Information"),
        (make_file(UIDS).encode()[:140], "damaged"),
        (make_file(UIDS).with_elements(SERIES_INSTANCE_UID).encode(), "Series Instance UID"),
        (make_file(Uids(UIDS.instance, UIDS.study, UIDS.series, "1.2.840.10008.1.3.10")).encode(),
         "DICOMDIR"),
        (make_file(Uids(UIDS.instance, UIDS.study, UIDS.series,
                        "1.2.840.10008.5.1.4.38.1")).encode(), "no patient"),
    ],
)  # fmt: skip
def test_what_is_skipped_says_why(tmp_path: Path, content: bytes, reason: str) -> None:
    skipped = one_of(tmp_path, content)
    assert isinstance(skipped, Skipped)
    assert reason in skipped.reason


def test_folders_are_searched_by_content_and_links_to_folders_are_not(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "no-suffix").write_bytes(make_file(UIDS).encode())
    os.symlink(tmp_path / "a", inner / "loop")
    os.mkfifo(inner / "pipe")
    found = list(scan([tmp_path]))
    assert sum(isinstance(one, Found) for one in found) == 1
    assert {one.reason.split(";")[0] for one in found if isinstance(one, Skipped)} == {
        "a symbolic link to a folder",
        "not a regular file",
    }


def test_a_real_file_is_found() -> None:
    [one] = scan([str(get_testdata_file("CT_small.dcm"))])
    assert isinstance(one, Found)
    assert one.identity is not None
    assert one.identity.study.startswith("1.3.6.1.4.1.5962")


def test_garbage_is_found_or_skipped(tmp_path: Path) -> None:
    file = make_file(Uids.of(generate_uid(entropy_srcs=["x"]))).encode()
    for end in range(0, len(file), 7):
        assert isinstance(one_of(tmp_path, file[:end]), Found | Skipped)
