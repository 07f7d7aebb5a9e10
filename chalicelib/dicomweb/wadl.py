"""WADL documents, as XML and in the JSON form of PS3.18 Annex G.

What belongs here: how a document is written. What must not: what this service says in it
(``capabilities``).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

NAMESPACE = "http://wadl.dev.java.net/2009/02"

# Annex G.2.2: objects; all others are arrays, whatever their number. Annex H has one "resources".
_UNIQUE = frozenset({"application", "grammars", "resources", "request"})


@dataclass(frozen=True, slots=True)
class Node:
    """An element: its attributes in order, then its children or its text."""

    name: str
    attributes: tuple[tuple[str, str], ...] = ()
    children: tuple["Node", ...] = ()
    text: str = ""


def node(name: str, /, *children: Node, **attributes: str) -> Node:
    """Return an element; an attribute whose value is "" is left out."""
    given = tuple((key, value) for key, value in attributes.items() if value)
    return Node(name, given, children)


def doc(title: str, text: str) -> Node:
    """Return a ``doc`` element in English."""
    return Node("doc", (("xml:lang", "en"), ("title", title)), (), text)


def encode_wadl_xml(application: Node) -> str:
    """Return the document whose root is ``application``, which needs no namespace of its own."""
    root = Node(
        application.name,
        (("xmlns", NAMESPACE), *application.attributes),
        application.children,
        application.text,
    )
    return "\n".join(('<?xml version="1.0" encoding="UTF-8"?>', *_lines(root, 0), ""))


def encode_wadl_json(application: Node) -> str:
    """Return the document as one JSON object with the member ``application`` (Annex G)."""
    return json.dumps({application.name: _object(application)})


def _lines(element: Node, depth: int) -> Iterator[str]:
    margin = "  " * depth
    attributes = "".join(f" {name}={quoteattr(value)}" for name, value in element.attributes)
    if element.children:
        yield f"{margin}<{element.name}{attributes}>"
        for child in element.children:
            yield from _lines(child, depth + 1)
        yield f"{margin}</{element.name}>"
    elif element.text:
        yield f"{margin}<{element.name}{attributes}>{escape(element.text)}</{element.name}>"
    else:
        yield f"{margin}<{element.name}{attributes}/>"


def _object(element: Node) -> dict[str, object]:
    members: dict[str, object] = {f"@{name}": value for name, value in element.attributes}
    if element.text:
        members["value"] = element.text
    repeatable: dict[str, list[dict[str, object]]] = {}
    for child in element.children:
        if child.name in _UNIQUE:
            members[child.name] = _object(child)
        else:
            repeatable.setdefault(child.name, []).append(_object(child))
    return members | repeatable
