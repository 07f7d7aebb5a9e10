"""The one table: its calls, its key layout, its partial failures.

What belongs here: requests in DynamoDB's low-level form. What must not: what an item means
(`records`, `verdicts`, `index`).

======================================  ===================================  =====================
pk                                      sk                                   item
======================================  ===================================  =====================
``{partition}/{study}``                 ``instance/{series}/{instance}``     record
``{partition}/{study}``                 ``verdict/{series}/{instance}``      verdict
``{partition}/{study}``                 ``observed/{series}/{instance}``     intake's observations
``{partition}/{study}``                 ``series/{series}``                  series aggregate
``{partition}/{study}``                 ``study``                            study aggregate
``{partition}#series/{series}``         ``{study}``                          claim
``{partition}#session/{id}``            ``session``                          store session
======================================  ===================================  =====================

The name of a partition holds neither ``/`` nor ``#`` and a UID is digits and dots (PS3.5 9.1), so
what stands before the first ``/`` of a claim's pk (``{partition}#series``) is never the name of a
partition: claims cannot collide with studies.

Index ``by-arrival``: ``arrival_day`` (``{partition}/{YYYY-MM-DD}``) and ``last_arrival``, which
only study aggregates have.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

from chalicelib.adapters.errors import port_errors
from chalicelib.origin.ports import Unavailable, Wait

Item = dict[str, dict[str, Any]]
"""An item in DynamoDB's low-level form, such as ``{"pk": {"S": "default/1.2"}}``."""

Key = tuple[str, str]
"""A ``pk`` and a ``sk``."""

BY_ARRIVAL = "by-arrival"
WRITE_BATCH = 25
"""Most items of one BatchWriteItem."""
READ_BATCH = 100
"""Most keys of one BatchGetItem."""
BATCH_ATTEMPTS = 5
"""Calls made for one batch while DynamoDB keeps leaving some of it undone."""


class DynamoDbClient(Protocol):
    """What is used of boto3's low-level client, which threads may share."""

    def batch_get_item(self, **request: Any) -> dict[str, Any]: ...
    def batch_write_item(self, **request: Any) -> dict[str, Any]: ...
    def get_item(self, **request: Any) -> dict[str, Any]: ...
    def put_item(self, **request: Any) -> dict[str, Any]: ...
    def query(self, **request: Any) -> dict[str, Any]: ...
    def update_item(self, **request: Any) -> dict[str, Any]: ...


def study_pk(partition: str, study: str) -> str:
    """Return the pk of all that is of one study but claims on its series."""
    return f"{partition}/{study}"


def key_of(item: Item) -> Key:
    """Return the key of an item."""
    return item["pk"]["S"], item["sk"]["S"]


class Table:
    """A DynamoDB table with string keys ``pk`` and ``sk``; every read is strongly consistent.

    Parameters
    ----------
    client : DynamoDbClient
        ``boto3.client("dynamodb")``.
    name : str
        The table.
    wait : Wait
        Sleeps before what DynamoDB left undone is asked for again.
    """

    def __init__(self, client: DynamoDbClient, name: str, wait: Wait) -> None:
        self._client = client
        self._name = name
        self._wait = wait

    def get(self, key: Key) -> Item | None:
        """Return the item, None when there is none. Raises Unavailable."""
        with port_errors():
            answer = self._client.get_item(
                TableName=self._name, Key=_encode_key(key), ConsistentRead=True
            )
        return answer.get("Item")

    def put(self, item: Item) -> None:
        """Write the item whatever is there. Raises Unavailable."""
        with port_errors():
            self._client.put_item(TableName=self._name, Item=item)

    def put_version(self, item: Item, version: int) -> None:
        """Write the item as the version after this one; 0 is that of no item.

        Raises
        ------
        Conflict
            When another version is there.
        Unavailable
            When nobody knows: it may be written.
        """
        condition: dict[str, Any] = {
            "ConditionExpression": "#version = :version",
            "ExpressionAttributeValues": {":version": {"N": str(version)}},
        }
        if not version:
            condition = {"ConditionExpression": "attribute_not_exists(#version)"}
        with port_errors():
            self._client.put_item(
                TableName=self._name,
                Item={**item, "version": {"N": str(version + 1)}},
                ExpressionAttributeNames={"#version": "version"},
                **condition,
            )

    def add_to_set(self, key: Key, name: str, values: Sequence[str]) -> None:
        """Add values to a set of strings of an item. Raises Unavailable."""
        with port_errors():
            self._client.update_item(
                TableName=self._name,
                Key=_encode_key(key),
                UpdateExpression="ADD #name :values",
                ExpressionAttributeNames={"#name": name},
                ExpressionAttributeValues={":values": {"SS": list(values)}},
            )

    def query(self, pk: str, prefix: str = "", only: str = "") -> Iterator[Item]:
        """Yield the items of a pk whose sk has the prefix, whole or with one attribute only."""
        request = self._query(pk, prefix)
        if only:
            request["ProjectionExpression"] = "pk, sk, #only"
            request["ExpressionAttributeNames"] = {"#only": only}
        for page in self._pages(request):
            yield from page["Items"]

    def count(self, pk: str, prefix: str) -> int:
        """Return the number of items of a pk whose sk has the prefix. Raises Unavailable.

        The pages are not one snapshot: an item written meanwhile may or may not be counted, one
        written before the call is.
        """
        request = self._query(pk, prefix) | {"Select": "COUNT"}
        return sum(int(page["Count"]) for page in self._pages(request))

    def keys_by_arrival(self, arrival_day: str) -> Iterator[Key]:
        """Yield the keys of what arrived on a day, latest first; eventually consistent."""
        request = {
            "TableName": self._name,
            "IndexName": BY_ARRIVAL,
            "KeyConditionExpression": "arrival_day = :day",
            "ExpressionAttributeValues": {":day": {"S": arrival_day}},
            "ScanIndexForward": False,
        }
        for page in self._pages(request):
            yield from map(key_of, page["Items"])

    def batch_get(self, keys: Iterable[Key]) -> list[Item]:
        """Return the items there are, in no order. Raises Unavailable unless all were read."""
        items: list[Item] = []
        for chunk in _chunks(dict.fromkeys(keys), READ_BATCH):
            pending = [_encode_key(key) for key in chunk]
            for attempt in range(1, BATCH_ATTEMPTS + 1):
                with port_errors():
                    answer = self._client.batch_get_item(
                        RequestItems={self._name: {"Keys": pending, "ConsistentRead": True}}
                    )
                items += answer["Responses"].get(self._name, [])
                pending = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
                if not pending:
                    break
                if attempt == BATCH_ATTEMPTS:
                    raise Unavailable("BatchGetItem: UnprocessedKeys")
                self._wait(attempt)
        return items

    def batch_put(self, items: Iterable[Item]) -> frozenset[Key]:
        """Write the items whatever is there; return the keys of those DynamoDB accepted.

        Of items with one key the last is written (DynamoDB refuses a batch with both). A call
        that failed may have written its items all the same: they are not in the answer.
        """
        accepted: set[Key] = set()
        by_key = {key_of(item): item for item in items}
        for chunk in _chunks(by_key, WRITE_BATCH):
            accepted |= self._put_chunk({key: by_key[key] for key in chunk})
        return frozenset(accepted)

    def _put_chunk(self, items: dict[Key, Item]) -> set[Key]:
        pending = dict(items)
        for attempt in range(1, BATCH_ATTEMPTS + 1):
            requests = [{"PutRequest": {"Item": item}} for item in pending.values()]
            try:
                with port_errors():
                    answer = self._client.batch_write_item(RequestItems={self._name: requests})
            except Unavailable:
                break
            undone = answer.get("UnprocessedItems", {}).get(self._name, [])
            keys = {key_of(request["PutRequest"]["Item"]) for request in undone}
            pending = {key: item for key, item in pending.items() if key in keys}
            if not pending:
                break
            if attempt < BATCH_ATTEMPTS:
                self._wait(attempt)
        return items.keys() - pending.keys()

    def _query(self, pk: str, prefix: str) -> dict[str, Any]:
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if prefix:
            condition, values = (
                f"{condition} AND begins_with(sk, :sk)",
                values | {":sk": {"S": prefix}},
            )
        return {
            "TableName": self._name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ConsistentRead": True,
        }

    def _pages(self, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        while True:
            with port_errors():
                page = self._client.query(**request)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request = request | {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _encode_key(key: Key) -> Item:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _chunks(keys: Iterable[Key], size: int) -> Iterator[list[Key]]:
    remaining = iter(keys)
    while chunk := list(islice(remaining, size)):
        yield chunk
