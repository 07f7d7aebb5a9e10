"""DynamoDB's condition, key condition and update expressions, evaluated as they are read.

Values are attribute values in wire form, such as ``{"S": "text"}``; a path that leads nowhere is
None. Reserved words are not refused.
"""

import base64
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from bench.stand_in.values import AwsError, Document

AttributeValue = dict[str, Any]

_TOKEN = re.compile(r"\s*([#:]?[A-Za-z_]\w*(?:\.#?\w+|\[\d+\])*|<>|<=|>=|[=<>(),+-])")
_PLACEHOLDER = re.compile(r"[#:]\w+")
_STEP = re.compile(r"#?\w+|\[\d+\]")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def comparable(value: AttributeValue) -> Any:
    """Return a Python value that orders as DynamoDB orders this type."""
    ((kind, content),) = value.items()
    if kind == "N":
        return Decimal(content)
    if kind == "S":
        return content.encode()
    if kind == "B":
        return base64.b64decode(content)
    if kind in ("SS", "NS", "BS"):
        return frozenset(content)
    return content


def check_placeholders(arguments: Document) -> None:
    """Refuse placeholders that are used but not given, or given but not used, as DynamoDB does."""
    expressions = [text for name, text in arguments.items() if name.endswith("Expression")]
    used = {match for text in expressions for match in _PLACEHOLDER.findall(text)}
    given = set(arguments.get("ExpressionAttributeNames", ()))
    given |= set(arguments.get("ExpressionAttributeValues", ()))
    if used != given:
        names = ", ".join(sorted(used ^ given))
        raise _invalid(f"placeholders used and given are not the same: {names}")


class Expression:
    """One expression read against one item.

    Parameters
    ----------
    text : str
        The expression.
    arguments : Document
        The call, for ExpressionAttributeNames and ExpressionAttributeValues.
    item : Document
        The item; an empty one stands for no item.
    """

    def __init__(self, text: str, arguments: Document, item: Document) -> None:
        self._tokens = _tokenize(text)
        self._at = 0
        self._names: Mapping[str, str] = arguments.get("ExpressionAttributeNames", {})
        self._values: Mapping[str, AttributeValue] = arguments.get("ExpressionAttributeValues", {})
        self._item = item

    def is_true(self) -> bool:
        """Return the truth of a condition."""
        result = self._either()
        if self._at < len(self._tokens):
            raise _invalid(f"unexpected {self._tokens[self._at]}")
        return result

    def updated(self) -> Document:
        """Return the item after an update expression of SET, REMOVE, ADD and DELETE clauses."""
        result = dict(self._item)
        clauses = {"SET": self._set, "REMOVE": self._remove, "ADD": self._add, "DELETE": self._drop}
        clause = None
        while self._at < len(self._tokens):
            clause = clauses.get(self._tokens[self._at].upper())
            if clause is None:
                raise _invalid(f"unexpected {self._tokens[self._at]}")
            self._at += 1
            clause(result)
            while self._skip(","):
                clause(result)
        return result

    # Conditions, loosest binding first. Every side is read: there is nothing to cut short.

    def _either(self) -> bool:
        result = self._both()
        while self._skip("OR"):
            result = self._both() or result
        return result

    def _both(self) -> bool:
        result = self._negated()
        while self._skip("AND"):
            result = self._negated() and result
        return result

    def _negated(self) -> bool:
        return not self._negated() if self._skip("NOT") else self._predicate()

    def _predicate(self) -> bool:
        if self._skip("("):
            result = self._either()
            self._expect(")")
            return result
        if self._peek(1) == "(" and self._peek(0) != "size":
            name, arguments = self._next(), self._arguments()
            return _call(name, arguments)
        left = self._operand()
        if self._skip("BETWEEN"):
            low = self._operand()
            self._expect("AND")
            return _compare(">=", left, low) & _compare("<=", left, self._operand())
        if self._skip("IN"):
            return any(_compare("=", left, choice) for choice in self._arguments())
        return _compare(self._next(), left, self._operand())

    def _operand(self) -> AttributeValue | None:
        token = self._next()
        if token == "size":
            (value,) = self._arguments()
            return None if value is None else {"N": str(len(next(iter(value.values()))))}
        return self._value(token)

    def _arguments(self) -> list[AttributeValue | None]:
        self._expect("(")
        values = [self._value(self._next())]
        while self._skip(","):
            values.append(self._value(self._next()))
        self._expect(")")
        return values

    def _value(self, token: str) -> AttributeValue | None:
        if token.startswith(":"):
            return self._values[token]
        found: Any = {"M": self._item}
        for step in _STEP.findall(token):
            if step.startswith("["):
                members = (found or {}).get("L", [])
                found = members[int(step[1:-1])] if int(step[1:-1]) < len(members) else None
            else:
                found = (found or {}).get("M", {}).get(self._names.get(step, step))
        return found  # type: ignore[no-any-return]

    # Updates, of top-level attributes only.

    def _set(self, result: Document) -> None:
        name = self._name()
        self._expect("=")
        value = self._set_operand()
        if (sign := self._peek(0)) in ("+", "-"):
            self._at += 1
            other = self._set_operand()
            amount = Decimal(other["N"]) if sign == "+" else -Decimal(other["N"])
            value = {"N": str(Decimal(value["N"]) + amount)}
        result[name] = value

    def _set_operand(self) -> AttributeValue:
        token = self._next()
        if token in ("if_not_exists", "list_append"):
            first, second = self._arguments()
            if token == "list_append" and first is not None and second is not None:
                return {"L": first["L"] + second["L"]}
            value = first if first is not None else second
        else:
            value = self._value(token)
        if value is None:
            raise _invalid("an operand refers to an attribute that is not there")
        return value

    def _remove(self, result: Document) -> None:
        result.pop(self._name(), None)

    def _add(self, result: Document) -> None:
        name, value = self._name(), self._set_operand()
        ((kind, content),) = value.items()
        if kind == "N":
            result[name] = {"N": str(Decimal(result.get(name, {"N": "0"})["N"]) + Decimal(content))}
        else:
            result[name] = {kind: sorted({*result.get(name, {kind: []})[kind], *content})}

    def _drop(self, result: Document) -> None:
        name, value = self._name(), self._set_operand()
        ((kind, content),) = value.items()
        left = sorted(set(result.get(name, {kind: []})[kind]) - set(content))
        result.pop(name, None)
        if left:
            result[name] = {kind: left}

    def _name(self) -> str:
        token = self._next()
        if "." in token or "[" in token:
            raise AwsError(501, "NotImplemented", "The stand-in updates top-level attributes only.")
        return self._names.get(token, token)

    # The tokens.

    def _peek(self, ahead: int) -> str:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek(0)
        if not token:
            raise _invalid("it ends too soon")
        self._at += 1
        return token

    def _skip(self, token: str) -> bool:
        found = self._peek(0).upper() == token
        self._at += found
        return found

    def _expect(self, token: str) -> None:
        if not self._skip(token):
            raise _invalid(f"{token} is missing")


def _tokenize(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _invalid(f"unreadable at character {at}")
        tokens.append(match[1])
        at = match.end()
    return tokens


def _compare(operator: str, left: AttributeValue | None, right: AttributeValue | None) -> bool:
    if operator not in _COMPARE:
        raise _invalid(f"no such comparator: {operator}")
    if left is None or right is None or left.keys() != right.keys():
        return operator == "<>" and left != right
    return _COMPARE[operator](comparable(left), comparable(right))


def _call(name: str, arguments: list[AttributeValue | None]) -> bool:
    first = arguments[0]
    if name in ("attribute_exists", "attribute_not_exists"):
        return (first is None) == (name == "attribute_not_exists")
    second = arguments[1] if len(arguments) > 1 else None
    if second is None or name not in ("begins_with", "contains", "attribute_type"):
        raise _invalid(f"no such function: {name}")
    if first is None:
        return False
    ((kind, content),), ((other_kind, other),) = first.items(), second.items()
    if name == "begins_with":
        return kind == other_kind and bool(comparable(first).startswith(comparable(second)))
    if name == "attribute_type":
        return bool(kind == other)
    return other in content if kind in ("S", "SS", "NS", "BS") else second in content


def _invalid(message: str) -> AwsError:
    return AwsError(400, "ValidationException", f"Invalid expression: {message}.")
