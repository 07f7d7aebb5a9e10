"""What a hostile case is: metadata of a patient nobody has, something wrong in them, its answer."""

import gzip
from dataclasses import dataclass
from typing import Any

from chalicelib.standard.reasons import FailureReason
from tests.builders_dicom import Uids
from tests.hostile.canary import PATIENT, TEXT
from tests.representations import (
    METADATA_TYPES,
    Attribute,
    Form,
    Message,
    Part,
    attributes_of,
    json_object,
    message,
    xml_metadata,
)

RAW_DATA = "1.2.840.10008.5.1.4.1.1.66"
CANARY = TEXT


@dataclass(frozen=True)
class Hostile:
    """A request and its answer: a reason where an instance fails, none where the request does."""

    name: str
    message: Message
    status: int
    reason: FailureReason | None = None

    @property
    def uids(self) -> Uids:
        return uids_of(self.name)


def uids_of(name: str) -> Uids:
    uids = Uids.of("hostile metadata", name)
    return Uids(uids.instance, uids.study, uids.series, RAW_DATA)


def good_attributes(name: str, **changes: Attribute) -> dict[int, Attribute]:
    """Metadata nothing is wrong with, of the canary."""
    return attributes_of(
        uids_of(name),
        t00100010=("PN", PATIENT.name.decode()),
        t00100020=("LO", PATIENT.patient_id.decode()),
        t00100030=("DA", PATIENT.birth_date.decode()),
        t00080050=("SH", PATIENT.accession.decode()),
        **changes,
    )


def good_json(name: str) -> dict[str, Any]:
    return json_object(good_attributes(name))


def good_xml(name: str) -> str:
    return xml_metadata(good_attributes(name)).decode()


def compressed(sent: Message) -> Message:
    """The same message, small enough for any front."""
    return Message(gzip.compress(sent.body, 1), {**sent.headers, "Content-Encoding": "gzip"})


def metadata_message(form: Form, body: bytes, *bulkdata: Part) -> Message:
    return message(Part(body, METADATA_TYPES[form]), *bulkdata, root_type=METADATA_TYPES[form])
