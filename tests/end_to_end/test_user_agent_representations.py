"""Metadata with bulkdata from the user agent: the parts on the wire, and what is stored of them."""

from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from chalicelib.standard.bulkdata_media_types import bulkdata_media_type
from chalicelib.standard.codestream_syntaxes import VIDEO
from chalicelib.standard.transfer_syntaxes import TRANSFER_SYNTAXES, Acceptance
from infra.local.stack import LocalStack
from tests.builders_dicom import Uids, make_file
from tests.end_to_end.test_every_transfer_syntax import (
    CODESTREAMS,
    SECONDARY_CAPTURE,
    VIDEO_ENDOSCOPIC,
    make_instance,
)
from tests.end_to_end.test_stowage_send import stored_in
from tests.end_to_end.test_user_agent_requests import run
from tests.end_to_end.wire import lists, wired
from tests.representations import fragments_of

FORMS = ("json", "xml")


def compressed() -> Iterator[tuple[str, str]]:
    """Yield media type and syntax of what is a compressed stream with a type of bulkdata."""
    for uid, row in TRANSFER_SYNTAXES.items():
        if row.acceptance is Acceptance.REFUSED or not row.encapsulated or not row.media_type:
            continue
        known = bulkdata_media_type(row.media_type)
        if known is not None and uid in known.transfer_syntaxes:
            yield row.media_type, uid


def every_one() -> list[object]:
    return [
        pytest.param(
            form,
            media_type,
            uid,
            id=f"{uid}-{form}",
            marks=pytest.mark.proves(f"ua-bulkdata:{media_type.lower()}:{uid}:{form}"),
        )
        for media_type, uid in compressed()
        for form in FORMS
    ]


@pytest.mark.parametrize(("form", "media_type", "uid"), every_one())
def test_a_compressed_stream_is_a_part_of_its_media_type(
    local_stack: LocalStack, partition: str, tmp_path: Path, form: str, media_type: str, uid: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    sop_class = VIDEO_ENDOSCOPIC if uid in VIDEO else SECONDARY_CAPTURE
    uids = Uids(f"{uid}.1", f"{uid}.2", f"{uid}.3", sop_class)
    (folder / "one").write_bytes(make_instance(uid, uids))
    with wired(lists(uids.instance)) as wire:
        run(folder, wire.url, "--as", form, "--no-capabilities")
    (tmp_path / "journal").unlink()
    report, written = run(
        folder, f"{local_stack.url}/partitions/{partition}", "--as", form, "--journal",
        str(tmp_path / "other journal"),
    )  # fmt: skip

    parts = wire.posts[0].parts
    types = [part.headers.get("Content-Type") for part in parts]
    assert types == [f"application/dicom+{form}", f"{media_type}; transfer-syntax={uid}"]
    assert report["stored"] == 1, written
    [content] = stored_in(local_stack, partition).values()
    after = pydicom.dcmread(pydicom.filebase.DicomBytesIO(content))
    before = pydicom.dcmread(folder / "one")
    assert after.file_meta.TransferSyntaxUID == uid
    joined = [b"".join(fragments_of(one)[0]).rstrip(b"\0") for one in (before, after)]
    assert joined[0] == joined[1] == bytes(parts[1].body).rstrip(b"\0")


@pytest.mark.parametrize(
    "form",
    [pytest.param(form, marks=pytest.mark.proves(f"ua-metadata:{form}")) for form in FORMS],
)
def test_an_instance_without_bulkdata_is_metadata_alone(
    local_stack: LocalStack, partition: str, tmp_path: Path, form: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    uids = Uids.of("alone", form)
    (folder / "one").write_bytes(make_file(uids).encode())
    report, written = run(folder, f"{local_stack.url}/partitions/{partition}", "--as", form)

    assert report["stored"] == 1, written
    [content] = stored_in(local_stack, partition).values()
    assert pydicom.dcmread(pydicom.filebase.DicomBytesIO(content)).SOPInstanceUID == uids.instance


def test_every_codestream_of_the_samples_is_asked_for() -> None:
    asked = {uid.rpartition(".")[2] for _, uid in compressed()}
    assert len(asked & set(CODESTREAMS)) > 15
