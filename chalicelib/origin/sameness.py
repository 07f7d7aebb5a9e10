"""What an object that is already there means for an instance that arrives.

A SOP Instance UID names one content for ever (PS3.5 9). Equal bytes are a re-send, equal content
in other bytes a rewrap: both succeed and change nothing. Other content is refused.
"""

from dataclasses import dataclass
from enum import Enum

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.byte_source import ByteSource, RangeSource
from chalicelib.dicomweb.content import differing_tags
from chalicelib.dicomweb.dicom_file import DicomFile, DicomFileLimits, read_dicom_file
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.file_meta import read_file_meta
from chalicelib.origin.intake import Arrival
from chalicelib.origin.model import StoredObject
from chalicelib.origin.ports import InstanceStore
from chalicelib.standard.reasons import FailureReason

_MOST_TAGS_NAMED = 8


class Sameness(Enum):
    """How an arrival relates to what is stored under its UID."""

    IDENTICAL = "the same bytes"
    REWRAPPED = "the same content in other bytes"


@dataclass(frozen=True, slots=True)
class Match:
    """The arrival is stored already; ``file`` is what the *stored* bytes say."""

    sameness: Sameness
    file: DicomFile


def match_stored(
    arrival: Arrival,
    partition: str,
    stored: StoredObject,
    instances: InstanceStore,
    limits: DicomFileLimits,
) -> Match:
    """Return how the stored object matches the arrival.

    Raises
    ------
    InstanceError
        DUPLICATE_SOP_INSTANCE, naming the tags that differ; the stored one is untouched.
    Unavailable
        When the stored object cannot be read now.
    """
    if stored.facts.sha256 == arrival.sha256:
        return Match(Sameness.IDENTICAL, arrival.file)
    uid = arrival.file.sop_instance
    source = RangeSource(
        stored.size, lambda start, length: instances.read(partition, uid, start, length)
    )
    refuse_if_different(arrival, source, limits, "stored")
    return Match(Sameness.REWRAPPED, read_dicom_file(source, read_file_meta(source), limits=limits))


def match_sibling(arrival: Arrival, earlier: Arrival, limits: DicomFileLimits) -> Sameness:
    """Return how an arrival matches an earlier one of the same request with the same UID.

    Raises
    ------
    InstanceError
        DUPLICATE_SOP_INSTANCE: the earlier part wins.
    """
    if earlier.sha256 == arrival.sha256:
        return Sameness.IDENTICAL
    where = f"in part {earlier.part}"
    refuse_if_different(arrival, earlier.source, limits, where)
    return Sameness.REWRAPPED


def refuse_if_different(
    arrival: Arrival, other: ByteSource, limits: DicomFileLimits, where: str
) -> None:
    """Raise DUPLICATE_SOP_INSTANCE unless the other file has the arrival's content."""
    uid = arrival.file.sop_instance
    try:
        differing = differing_tags(
            arrival.source, arrival.file.meta, other, read_file_meta(other), limits
        )
    except InstanceError:
        # The arrival was walked before: it is the other that cannot be read.
        raise InstanceError(
            FailureReason.DUPLICATE_SOP_INSTANCE,
            f"SOP Instance UID {uid} is {where} as an object that cannot be compared.",
        ) from None
    if not differing:
        return
    named = ", ".join(tags.format_tag(tag) for tag in differing[:_MOST_TAGS_NAMED])
    more = len(differing) - _MOST_TAGS_NAMED
    raise InstanceError(
        FailureReason.DUPLICATE_SOP_INSTANCE,
        f"SOP Instance UID {uid} is {where} with other content: "
        f"{named}{f' and {more} more' if more > 0 else ''} differ.",
        tag_path=tags.format_tag(differing[0]),
    )
