"""Instances to be made of metadata and bulkdata, stored in both forms and looked at.

What is stored has to be what was sent, whatever the form; validation finds no error in it, and
sending it again changes nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO

from pydicom import FileDataset, dcmread

from infra.local.stack import LocalStack
from tests.builders_dicom import Uids, uid_of
from tests.end_to_end.conftest import Answer, Post
from tests.read_back import (
    INSTANCE,
    REFERENCED,
    differences,
    findings_of,
    fragments_of,
    harmful,
    stored_bytes,
    stored_uids,
    values_of,
)
from tests.representations import (
    FORMS,
    SECONDARY_CAPTURE,
    Attributes,
    Form,
    Message,
    Part,
    represent,
)

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"


@dataclass(frozen=True)
class Made:
    """An instance as it is sent, and as it has to be stored.

    ``due`` are its attributes without pixel data; ``frames`` its fragments, or where the syntax
    is native its one value of pixel data.
    """

    name: str
    uids: Uids
    metadata: Attributes
    due: Attributes
    parts: Sequence[Part] = ()
    frames: Sequence[bytes] = ()
    syntax: str = EXPLICIT_LITTLE
    has_offsets: bool = field(default=True)


def uids_for(partition: str, name: str, sop_class: str = SECONDARY_CAPTURE) -> Uids:
    """UIDs of the test's own, in the partition's one study."""
    return replace(Uids.of(partition, name, study=uid_of(partition)), sop_class=sop_class)


def send(post: Post, partition: str, sent: Message) -> Answer:
    return post(f"/partitions/{partition}/studies", sent.body, sent.headers)


def store(
    stack: LocalStack, post: Post, partition: str, build: Callable[[Form], Message], *uids: Uids
) -> list[FileDataset]:
    """Store in both forms, let validation judge, send again; return what both have made."""
    sent = {f"{partition}-{form}": build(form) for form in FORMS}
    names = [one.instance for one in uids]
    for place, built in sent.items():
        answer = send(post, place, built)
        assert answer.status == 200, answer.body.decode()
        assert values_of(answer.json(), REFERENCED, INSTANCE) == names
    stack.drain()
    kept = {place: [stored_bytes(stack, place, name) for name in names] for place in sent}
    first, second = kept.values()
    assert first == second
    for place, built in sent.items():
        for one in uids:
            assert harmful(findings_of(stack, place, one)) == []
        again = send(post, place, built)
        assert again.status == 200, again.body.decode()
        assert kept[place] == [stored_bytes(stack, place, name) for name in names]
        assert stored_uids(stack, place) == set(names)
    return [dcmread(BytesIO(content)) for content in first]


def store_all(
    stack: LocalStack, post: Post, partition: str, made: Sequence[Made]
) -> list[FileDataset]:
    """Store instances in one message of each form and compare each with what is due."""
    metadata = [one.metadata for one in made]
    parts = [part for one in made for part in one.parts]
    files = store(
        stack,
        post,
        partition,
        lambda form: represent(form, metadata, parts),
        *(one.uids for one in made),
    )
    for one, file in zip(made, files, strict=True):
        assert (one.name, differences(one.due, file)) == (one.name, [])
        assert (one.name, file.file_meta.TransferSyntaxUID) == (one.name, one.syntax)
        if one.frames:
            _compare_pixels(one, file)
    return files


def _compare_pixels(made: Made, file: FileDataset) -> None:
    due = [frame + b"\0" * (len(frame) % 2) for frame in made.frames]
    if made.syntax == EXPLICIT_LITTLE:
        assert (made.name, [file.PixelData]) == (made.name, due)
        return
    fragments, offsets = fragments_of(file)
    assert (made.name, fragments) == (made.name, due)
    assert file["PixelData"].VR == "OB"
    starts = [sum(8 + len(one) for one in due[:number]) for number in range(len(due))]
    expected = starts if made.has_offsets and len(due) > 1 else []
    assert (made.name, offsets) == (made.name, expected)
