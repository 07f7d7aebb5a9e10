"""The DeliveryStore on DynamoDB: a record per instance and destination, and slots.

======================================  =============================================  ==========
pk                                      sk                                             item
======================================  =============================================  ==========
``{partition}/{study}``                 ``delivery/{destination}/{series}/{instance}``  delivery
``#forward/{destination}``              ``slot/{number}``                              slot
======================================  =============================================  ==========

No partition's name begins with ``#``. Every write names the version it replaces.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from chalicelib.adapters.dynamodb.table import Item, Key, Table, study_pk
from chalicelib.forwarding.model import Delivery, DeliveryState, Slot
from chalicelib.origin.model import InstanceKey
from chalicelib.origin.ports import Conflict


class DynamoDbDeliveryStore:
    """Implements `forwarding.ports.DeliveryStore`.

    Parameters
    ----------
    table : Table
        The table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, destination: str, keys: Iterable[InstanceKey]) -> dict[InstanceKey, Delivery]:
        """Return the records that exist. Raises Unavailable."""
        items = self._table.batch_get(delivery_key(destination, key) for key in keys)
        return {delivery.key: delivery for delivery in map(decode_delivery, items)}

    def write(self, delivery: Delivery) -> Delivery:
        """Write in place of the version it carries. Raises Conflict, Unavailable."""
        self._table.put_version(encode_delivery(delivery), delivery.version)
        return replace(delivery, version=delivery.version + 1)

    def of_study(self, partition: str, study: str) -> Iterator[Delivery]:
        """Yield all delivery records of a study. Raises Unavailable."""
        yield from map(decode_delivery, self._table.query(study_pk(partition, study), "delivery/"))

    def take_slot(self, destination: str, most: int, now: str, until: str) -> Slot | None:
        """Return a slot that is free, None when none is. Raises Unavailable."""
        for number in range(most):
            item = self._table.get(_slot_key(destination, number))
            if item is not None and item["until"]["S"] > now:
                continue
            version = int(item["version"]["N"]) if item is not None else 0
            try:
                self._put_slot(Slot(destination, number, version), until)
            except Conflict:
                continue
            return Slot(destination, number, version + 1)
        return None

    def release_slot(self, slot: Slot) -> None:
        """Give the slot back; what has lapsed meanwhile is another's. Raises Unavailable."""
        try:
            self._put_slot(slot, "-")  # sorts before every moment
        except Conflict:
            return

    def _put_slot(self, slot: Slot, until: str) -> None:
        pk, sk = _slot_key(slot.destination, slot.number)
        item: Item = {"pk": {"S": pk}, "sk": {"S": sk}, "until": {"S": until}}
        self._table.put_version(item, slot.version)


def delivery_key(destination: str, key: InstanceKey) -> Key:
    """Return where the delivery record of an instance is."""
    pk = study_pk(key.partition, key.study)
    return pk, f"delivery/{destination}/{key.series}/{key.sop_instance}"


def _slot_key(destination: str, number: int) -> Key:
    return f"#forward/{destination}", f"slot/{number}"


def encode_delivery(delivery: Delivery) -> Item:
    """Return the record as an item, without its version."""
    pk, sk = delivery_key(delivery.destination, delivery.key)
    item: Item = {
        "pk": {"S": pk},
        "sk": {"S": sk},
        "state": {"S": delivery.state.value},
        "at": {"S": delivery.at},
        "attempts": {"N": str(delivery.attempts)},
        "why": {"S": delivery.why},
        "lease_until": {"S": delivery.lease_until},
        "is_uncertain": {"BOOL": delivery.is_uncertain},
    }
    if delivery.status is not None:
        item["status"] = {"N": str(delivery.status)}
    if delivery.reason is not None:
        item["reason"] = {"N": str(delivery.reason)}
    return item


def decode_delivery(item: Item) -> Delivery:
    """Return the record of an item made by :func:`encode_delivery`."""
    partition, study = item["pk"]["S"].split("/")
    _, destination, series, sop_instance = item["sk"]["S"].split("/")
    return Delivery(
        key=InstanceKey(partition, study, series, sop_instance),
        destination=destination,
        state=DeliveryState(item["state"]["S"]),
        at=item["at"]["S"],
        attempts=int(item["attempts"]["N"]),
        status=int(item["status"]["N"]) if "status" in item else None,
        reason=int(item["reason"]["N"]) if "reason" in item else None,
        why=item["why"]["S"],
        lease_until=item["lease_until"]["S"],
        is_uncertain=item["is_uncertain"]["BOOL"],
        version=int(item["version"]["N"]),
    )
