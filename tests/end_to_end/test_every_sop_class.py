"""An instance of every Storage SOP Class, in one request; and classes that are no storage."""

import pytest

from chalicelib.standard.sop_classes import NON_PATIENT, NOT_STORAGE
from infra.conformance.sop_classes import storage_sop_classes
from infra.local.stack import LocalStack
from tests.builders_dicom import Uids, make_file
from tests.end_to_end.conftest import Post
from tests.end_to_end.test_every_transfer_syntax import send

CLASSES = [row.uid for row in storage_sop_classes()]
PRIVATE_CLASS = "1.3.46.670589.11.0.0.12.1"


@pytest.mark.proves(*(f"sop-class:{uid}" for uid in CLASSES), "policy:any-storage-class")
def test_an_instance_of_every_storage_class_is_stored_as_it_came(
    local_stack: LocalStack, post: Post, partition: str
) -> None:
    files = {
        f"1.2.{number}": make_file(Uids(f"1.2.{number}", "1.3", "1.4", uid)).encode()
        for number, uid in enumerate((*CLASSES, PRIVATE_CLASS))
    }

    status, module = send(post, partition, *files.values())

    assert status == 200
    referenced = module["00081199"]["Value"]  # type: ignore[index]
    classes = [item["00081150"]["Value"][0] for item in referenced]
    assert classes == [*CLASSES, PRIVATE_CLASS]
    for uid, file in files.items():
        kept = local_stack.clients.s3.get_object(
            Bucket=local_stack.bucket, Key=f"{partition}/instances/{uid}.dcm"
        )
        assert kept["Body"].read() == file


@pytest.mark.proves("policy:no-other-class")
def test_other_classes_are_refused_by_their_own_reason(post: Post, partition: str) -> None:
    others = [*NON_PATIENT, *NOT_STORAGE]
    files = [
        make_file(Uids(f"1.2.{number}", "1.3", "1.4", uid)).encode()
        for number, uid in enumerate(others)
    ]

    status, module = send(post, partition, *files)

    assert status == 409
    failed = module["00081198"]["Value"]  # type: ignore[index]
    assert [item["00081150"]["Value"][0] for item in failed] == others
    assert {item["00081197"]["Value"][0] for item in failed} == {0x0122}
