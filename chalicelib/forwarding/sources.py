"""A stored instance as the user agent's source: read from the store by ranges, never held whole."""

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.dicomweb.multipart_writer import Buffer
from chalicelib.origin.model import InstanceRecord
from chalicelib.origin.ports import InstanceStore, Unavailable
from chalicelib.useragent.errors import SourceError
from chalicelib.useragent.model import Instance

RANGE_BYTES = 4 * 1024 * 1024
NOT_NOW = "The object cannot be read now."
"""The one failure of a source that passes."""


@dataclass(frozen=True, slots=True)
class InstanceSource:
    """The bytes of one stored instance.

    ``label`` is its SOP Instance UID.
    """

    store: InstanceStore
    partition: str
    label: str
    size: int
    range_bytes: int = RANGE_BYTES

    def chunks(self) -> Iterator[Buffer]:
        """Yield all bytes, a range at a time."""
        for start in range(0, self.size, self.range_bytes):
            yield self.read(start, min(self.range_bytes, self.size - start))

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly these bytes. Raises SourceError."""
        try:
            found = self.store.read(self.partition, self.label, offset, length)
        except KeyError:
            raise SourceError(self.label, "The object is gone.") from None
        except Unavailable:
            raise SourceError(self.label, NOT_NOW) from None
        if len(found) != length:
            raise SourceError(self.label, "The object is shorter than its record says.")
        return found


def instance_of(record: InstanceRecord, store: InstanceStore, *, is_uncertain: bool) -> Instance:
    """Return a stored instance as one that can be sent."""
    key = record.key
    return Instance(
        sop_class=record.sop_class,
        sop_instance=key.sop_instance,
        study=key.study,
        series=key.series,
        transfer_syntax=record.transfer_syntax,
        source=InstanceSource(store, key.partition, key.sop_instance, record.size),
        is_uncertain=is_uncertain,
    )
