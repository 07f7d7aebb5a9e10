"""Which bulkdata parts a reference of the metadata means (PS3.18 8.6.1.2).

A part says what it holds by Content-Location, metadata point there by BulkDataURI, ``uri`` or
``uuid``. Both are compared after resolution against the request's URL (RFC 3986 5 and 6.2.2).
Nothing is ever fetched: a reference that no part of the message answers is a failure.

The frames of one compressed image are parts of their own and the standard does not say how they
are labelled. Read are: consecutive parts with one Content-Location, in body order (what we emit),
and ``{uri}/frames/{n}``, ``{uri}/{n}``, ``{uri}#frame={n}``, counted from 1 without gaps.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urljoin

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.dataset import BulkdataReference, Dataset, Element
from chalicelib.dicomweb.dictionary import dictionary_vr
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.media_types import MediaType
from chalicelib.dicomweb.multipart import Part
from chalicelib.standard.reasons import FailureReason

_UUID = re.compile(r"(?:urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.I | re.A)
_FRAME = re.compile(r"(.+)(?:/|#frame=)([1-9][0-9]{0,5})", re.ASCII)
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@dataclass(frozen=True, slots=True)
class BulkdataPart:
    """A part that is no metadata, with the media type of its header."""

    part: Part
    media_type: MediaType


@dataclass(frozen=True, slots=True)
class Bulkdata:
    """What one reference means: a value, a document, a video, or the frames of an image.

    ``frames`` are the bodies in order, ``parts`` their 1-based numbers in the message.
    """

    media_type: MediaType
    frames: tuple[memoryview, ...]
    parts: tuple[int, ...]


@dataclass(slots=True)
class BulkdataParts:
    """The bulkdata parts of a message, found by reference.

    Parameters
    ----------
    base_url : str
        The URL of the target resource, against which relative references are resolved.
    """

    base_url: str
    _by_location: dict[str, list[BulkdataPart]] = field(default_factory=dict)
    _by_frame: dict[str, dict[int, list[BulkdataPart]]] = field(default_factory=dict)
    _parts: list[BulkdataPart] = field(default_factory=list)
    _named: set[int] = field(default_factory=set)

    def add(self, part: BulkdataPart) -> None:
        """Take a part in body order."""
        self._parts.append(part)
        location = location_of(part.part)
        if location is None:
            return
        self._by_location.setdefault(self._key(location), []).append(part)
        for base, number in _labels(location.strip()):
            self._by_frame.setdefault(self._key(base), {}).setdefault(number, []).append(part)

    def note(self, reference: BulkdataReference) -> None:
        """Take note that metadata mean these parts, whether or not they can be used."""
        key = self._key(reference.uri)
        labelled = self._by_frame.get(key, {})
        for group in (self._by_location.get(key, []), *labelled.values()):
            self._named.update(one.part.number for one in group)

    def find(self, reference: BulkdataReference) -> Bulkdata:
        """Return what a reference means.

        Raises
        ------
        InstanceError
            BULKDATA_MISSING when no part answers, BULKDATA_AMBIGUOUS when several do that cannot
            be the frames of one image.
        """
        key = self._key(reference.uri)
        whole = self._by_location.get(key, [])
        frames = self._by_frame.get(key, {})
        if whole and frames:
            raise _ambiguous("Parts answer the reference both as a whole and frame by frame.")
        found = whole or _in_order(frames)
        if not found:
            raise InstanceError(
                FailureReason.BULKDATA_MISSING,
                "No part of the message has the Content-Location that the metadata refer to; "
                "nothing is fetched from elsewhere.",
            )
        self.note(reference)
        _check_together(found)
        bodies = tuple(one.part.body for one in found)
        numbers = tuple(one.part.number for one in found)
        return Bulkdata(found[0].media_type, bodies, numbers)

    def has(self, uri: str) -> bool:
        """Return whether a part has this location."""
        return self._key(uri) in self._by_location

    def unnamed(self) -> Iterable[BulkdataPart]:
        """Yield the parts that no reference meant so far."""
        return (one for one in self._parts if one.part.number not in self._named)

    def _key(self, uri: str) -> str:
        """Return the form in which two references to one resource are equal."""
        uri = uri.strip()
        uuid = _UUID.fullmatch(uri)
        if uuid is not None:
            return f"urn:uuid:{uuid[1].lower()}"
        try:
            uri = urljoin(self.base_url, uri)
        except ValueError:  # no URL at all, but perhaps the same text on both sides
            return uri
        return _PERCENT.sub(_normalised_percent, quote(uri, safe="%/:?#[]@!$&'()*+,;=~"))


def with_references(dataset: Dataset, parts: BulkdataParts) -> Dataset:
    """Return the data set with references where a client wrote locations as values.

    Met: an element that is no URL by the dictionary, with VR UR and a part's location as its value.
    """
    return Dataset(_with_reference(element, parts) for element in dataset)


def _with_reference(element: Element, parts: BulkdataParts) -> Element:
    if element.vr == "SQ":
        items = (with_references(i, parts) for i in element.values if isinstance(i, Dataset))
        return replace(element, values=tuple(items))
    value = element.values[0] if len(element.values) == 1 else None
    if element.vr != "UR" or not isinstance(value, str) or not parts.has(value):
        return element
    vr = dictionary_vr(element.tag) or ("OB" if element.tag == tags.PIXEL_DATA else "UN")
    if vr == "UR":
        return element
    return replace(element, vr=vr, values=(), bulkdata=BulkdataReference(value))


def location_of(part: Part) -> str | None:
    """Return a part's Content-Location as text: header bytes are UTF-8 where they can be."""
    value = part.headers.get("Content-Location")
    if value is None:
        return None
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _labels(location: str) -> Iterator[tuple[str, int]]:
    """Yield what a location is a frame of: of ``x/frames/2`` that is ``x/frames`` and ``x``."""
    frame = _FRAME.fullmatch(location)
    if frame is not None:
        yield frame[1], int(frame[2])
        if frame[1].endswith("/frames") and location[len(frame[1])] == "/":
            yield frame[1].removesuffix("/frames"), int(frame[2])


def _in_order(frames: dict[int, list[BulkdataPart]]) -> list[BulkdataPart]:
    if not frames:
        return []
    if sorted(frames) != list(range(1, len(frames) + 1)):
        raise _ambiguous(f"{len(frames)} parts are labelled as frames, with gaps in their numbers.")
    if any(len(same) > 1 for same in frames.values()):
        raise _ambiguous("Two parts are labelled as the same frame.")
    return [frames[number][0] for number in sorted(frames)]


def _check_together(found: list[BulkdataPart]) -> None:
    """Refuse several parts that are not the frames of one compressed image (decision on R-208)."""
    if len(found) == 1:
        return
    names = {one.media_type.name for one in found}
    if len(names) > 1:
        raise _ambiguous(f"{len(found)} parts of different media types answer one reference.")
    if not names.pop().startswith("image/"):
        raise _ambiguous(
            f"{len(found)} parts answer one reference; only the frames of a compressed image may."
        )


def _normalised_percent(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _ambiguous(detail: str) -> InstanceError:
    return InstanceError(FailureReason.BULKDATA_AMBIGUOUS, detail)
