"""An HTTP request and response as values (RFC 9110), whatever carried them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


class Headers:
    """Header fields in the order received; names compare without case (RFC 9110 5.1)."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = tuple((name.lower(), value) for name, value in fields)

    def get(self, name: str) -> str | None:
        """Return the field's value, several lines joined by commas (RFC 9110 5.3), or None."""
        values = self.all(name)
        return ", ".join(values) if values else None

    def all(self, name: str) -> tuple[str, ...]:
        """Return the value of every line of this name, in order."""
        wanted = name.lower()
        return tuple(value for field_name, value in self._fields if field_name == wanted)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(self._fields)

    def __repr__(self) -> str:
        return f"Headers({[name for name, _ in self._fields]})"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as the origin server sees it.

    Attributes
    ----------
    method : str
        Upper case.
    path : str
        Path below the service's base URI, percent-decoded, starting with ``/``.
    query : tuple of (str, str)
        Decoded name and value pairs in order.
    body : bytes
        The payload after transfer-coding; a content-coding is still on.
    body_was_text : bool
        Whether what carried the request passed the body as text: bytes may have been replaced.
    request_id : str
        The gateway's id: in every answer and every log line.
    subject : str or None
        Who was authenticated, None when nobody had to be.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    body_was_text: bool = False
    request_id: str = ""
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer; ``body`` is text because every type we answer with is."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
