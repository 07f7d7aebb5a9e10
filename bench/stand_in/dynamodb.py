"""DynamoDB, JSON 1.0: items by key, conditional writes, batches and queries, with the limits.

Tables exist when they are first named and are keyed ``pk`` and ``sk`` unless CreateTable said
otherwise. Indexes are not here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bench.stand_in.expressions import Expression, check_placeholders, comparable
from bench.stand_in.faults import Faults
from bench.stand_in.values import AwsError, Document

BATCH_WRITE_LIMIT = 25
BATCH_GET_LIMIT = 100
BATCH_SIZE_LIMIT = 16 * 1024 * 1024
ITEM_LIMIT = 400 * 1024
PAGE_LIMIT = 1024 * 1024


@dataclass(slots=True)
class Table:
    """Items by partition and sort key, both as comparable values."""

    key_names: tuple[str, ...] = ("pk", "sk")
    partitions: dict[Any, dict[Any, Document]] = field(default_factory=dict)

    def address(self, source: Document) -> tuple[Any, Any]:
        """Return the key of an item or Key document.

        Raises
        ------
        AwsError
            A key attribute is missing or empty.
        """
        values = [source.get(name) for name in self.key_names]
        if not all(value and next(iter(value.values())) for value in values):
            raise _invalid("One or more parameter values were invalid: Missing the key")
        partition, *rest = [comparable(value) for value in values if value]
        return partition, rest[0] if rest else b""

    def get(self, source: Document) -> Document | None:
        """Return the item under the key in ``source``, or None."""
        partition, sort = self.address(source)
        return self.partitions.get(partition, {}).get(sort)

    def put(self, item: Document) -> None:
        """Store the item; refuse one that is too large."""
        partition, sort = self.address(item)
        if item_size(item) > ITEM_LIMIT:
            raise _invalid("Item size has exceeded the maximum allowed size")
        self.partitions.setdefault(partition, {})[sort] = item

    def delete(self, source: Document) -> None:
        """Remove the item under the key, if it is there."""
        partition, sort = self.address(source)
        self.partitions.get(partition, {}).pop(sort, None)


class DynamoDb:
    """The tables."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.tables: dict[str, Table] = {}
        self._operations = {
            "BatchGetItem": self._batch_get,
            "BatchWriteItem": self._batch_write,
            "CreateTable": self._create_table,
            "DeleteItem": self._delete,
            "GetItem": self._get,
            "PutItem": self._put,
            "Query": self._query,
            "UpdateItem": self._update,
        }

    def call(self, operation: str, arguments: Document) -> Document:
        """Carry the operation out.

        Raises
        ------
        AwsError
            DynamoDB would have refused the call, or the stand-in does not know it.
        """
        if operation not in self._operations:
            raise AwsError(400, "UnknownOperationException", f"The stand-in has no {operation}.")
        check_placeholders(arguments)
        return self._operations[operation](arguments)

    def _table(self, arguments: Document) -> Table:
        return self.tables.setdefault(arguments["TableName"], Table())

    def _create_table(self, arguments: Document) -> Document:
        names = tuple(element["AttributeName"] for element in arguments["KeySchema"])
        self.tables[arguments["TableName"]] = Table(names)
        return {"TableDescription": {"TableName": arguments["TableName"], "TableStatus": "ACTIVE"}}

    def _get(self, arguments: Document) -> Document:
        item = self._table(arguments).get(arguments["Key"])
        return {} if item is None else {"Item": _project(item, arguments)}

    def _put(self, arguments: Document) -> Document:
        table, item = self._table(arguments), arguments["Item"]
        before = table.get(item)
        _check_condition(arguments, before)
        table.put(item)
        return _returned(arguments, before, item)

    def _delete(self, arguments: Document) -> Document:
        table = self._table(arguments)
        before = table.get(arguments["Key"])
        _check_condition(arguments, before)
        table.delete(arguments["Key"])
        return _returned(arguments, before, None)

    def _update(self, arguments: Document) -> Document:
        table, key = self._table(arguments), arguments["Key"]
        before = table.get(key)
        _check_condition(arguments, before)
        after = before or dict(key)
        if "UpdateExpression" in arguments:
            after = Expression(arguments["UpdateExpression"], arguments, after).updated()
        table.put(after)
        return _returned(arguments, before, after)

    def _batch_write(self, arguments: Document) -> Document:
        requests = [
            (name, request)
            for name, entries in arguments["RequestItems"].items()
            for request in entries
        ]
        if not 1 <= len(requests) <= BATCH_WRITE_LIMIT:
            raise _invalid("Member must have length less than or equal to 25 and at least 1")
        written = [_written(request) for _, request in requests]
        sizes = [item_size(item) for item in written]
        if sum(sizes) > BATCH_SIZE_LIMIT or max(sizes) > ITEM_LIMIT:
            raise _invalid("Item or batch size has exceeded the maximum allowed size")
        tables = [self.tables.setdefault(name, Table()) for name, _ in requests]
        addresses = [
            (id(table), *table.address(item)) for table, item in zip(tables, written, strict=True)
        ]
        if len(set(addresses)) < len(addresses):
            raise _invalid("Provided list of item keys contains duplicates")
        unprocessed: dict[str, list[Document]] = {}
        for table, (name, request) in zip(tables, requests, strict=True):
            if self._faults.on_entry("dynamodb.BatchWriteItem"):
                unprocessed.setdefault(name, []).append(request)
            elif "PutRequest" in request:
                table.put(request["PutRequest"]["Item"])
            else:
                table.delete(request["DeleteRequest"]["Key"])
        return {"UnprocessedItems": unprocessed}

    def _batch_get(self, arguments: Document) -> Document:
        wanted = arguments["RequestItems"]
        if not 1 <= sum(len(entry["Keys"]) for entry in wanted.values()) <= BATCH_GET_LIMIT:
            raise _invalid("Member must have length less than or equal to 100 and at least 1")
        responses: dict[str, list[Document]] = {name: [] for name in wanted}
        unprocessed: dict[str, Document] = {}
        room = BATCH_SIZE_LIMIT
        for name, entry in wanted.items():
            check_placeholders(entry)
            for key in entry["Keys"]:
                item = self._table({"TableName": name}).get(key)
                room -= 0 if item is None else item_size(item)
                if room < 0 or self._faults.on_entry("dynamodb.BatchGetItem"):
                    unprocessed.setdefault(name, {**entry, "Keys": []})["Keys"].append(key)
                elif item is not None:
                    responses[name].append(_project(item, entry))
        return {"Responses": responses, "UnprocessedKeys": unprocessed}

    def _query(self, arguments: Document) -> Document:
        if "IndexName" in arguments or "KeyConditionExpression" not in arguments:
            raise AwsError(501, "NotImplemented", "The stand-in queries base tables by expression.")
        table = self._table(arguments)
        found = _ordered(table, arguments)
        counted, scanned, room, last = [], 0, PAGE_LIMIT, None
        limit = arguments.get("Limit", len(found) + 1)
        for position, item in enumerate(found):
            scanned, room = scanned + 1, room - item_size(item)
            keep = arguments.get("FilterExpression")
            if keep is None or Expression(keep, arguments, item).is_true():
                counted.append(item)
            if scanned == limit or (room < 0 and position + 1 < len(found)):
                last = {name: item[name] for name in table.key_names}
                break
        answer: Document = {"Count": len(counted), "ScannedCount": scanned}
        if arguments.get("Select") != "COUNT":
            answer["Items"] = [_project(item, arguments) for item in counted]
        if last is not None:
            answer["LastEvaluatedKey"] = last
        return answer


def _ordered(table: Table, arguments: Document) -> list[Document]:
    """Return the items that a Query has still to read, in its order."""
    text = arguments["KeyConditionExpression"]
    matching = [
        (sort, item)
        for partition in _partitions_named(table, arguments)
        for sort, item in partition.items()
        if Expression(text, arguments, item).is_true()
    ]
    forward = arguments.get("ScanIndexForward", True)
    matching.sort(key=lambda pair: pair[0], reverse=not forward)
    start = arguments.get("ExclusiveStartKey")
    if start is None:
        return [item for _, item in matching]
    after = table.address(start)[1]
    return [item for sort, item in matching if (sort > after if forward else sort < after)]


def _partitions_named(table: Table, arguments: Document) -> list[dict[Any, Document]]:
    """Return the partitions that any value of the call names: at most a handful."""
    values = arguments.get("ExpressionAttributeValues", {}).values()
    named = dict.fromkeys(comparable(value) for value in values if value.keys() & {"S", "N", "B"})
    return [table.partitions[name] for name in named if name in table.partitions]


def _written(request: Document) -> Document:
    if "PutRequest" in request:
        return dict(request["PutRequest"]["Item"])
    return dict(request["DeleteRequest"]["Key"])


def _check_condition(arguments: Document, before: Document | None) -> None:
    text = arguments.get("ConditionExpression")
    if text is None or Expression(text, arguments, before or {}).is_true():
        return
    wanted = arguments.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    raise AwsError(
        400,
        "ConditionalCheckFailedException",
        "The conditional request failed",
        {"Item": before} if wanted and before else None,
    )


def _returned(arguments: Document, before: Document | None, after: Document | None) -> Document:
    wanted = arguments.get("ReturnValues", "NONE")
    chosen = {"ALL_OLD": before, "ALL_NEW": after, "UPDATED_NEW": after}.get(wanted)
    return {"Attributes": chosen} if chosen else {}


def _project(item: Document, arguments: Document) -> Document:
    text = arguments.get("ProjectionExpression")
    if text is None:
        return item
    names = arguments.get("ExpressionAttributeNames", {})
    wanted = [names.get(name.strip(), name.strip()) for name in text.split(",")]
    return {name: item[name] for name in wanted if name in item}


def item_size(item: Document) -> int:
    """Return an item's size in bytes as DynamoDB counts it (numbers rounded up)."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Document) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return len(content) // 2 + 2
    if kind == "B":
        return len(content) * 3 // 4
    if kind in ("SS", "NS", "BS"):
        return sum(_value_size({kind[0]: member}) for member in content)
    if kind == "M":
        return 3 + item_size(content) + len(content)
    if kind == "L":
        return 3 + _members_size(content)
    return 1


def _members_size(members: Iterable[Document]) -> int:
    return sum(1 + _value_size(member) for member in members)


def _invalid(message: str) -> AwsError:
    return AwsError(400, "ValidationException", message)
