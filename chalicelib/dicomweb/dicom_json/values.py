"""Values of JSON metadata by VR (PS3.18 Table F.2.3-1): from plain JSON values to ours."""

from collections.abc import Callable, Sequence
from typing import Any

from chalicelib.dicomweb.dataset import Value
from chalicelib.dicomweb.dicom_json.syntax import Number
from chalicelib.dicomweb.metadata_elements import Refusal
from chalicelib.dicomweb.metadata_values import (
    BINARY_VRS,
    FLOAT_VRS,
    INTEGER_VRS,
    NAME_GROUPS,
    NAMED_FLOATS,
    check_texts,
    decimal_string_of,
    float_of,
    in_range,
    integer_of,
    refused,
    tag_of,
)
from chalicelib.standard.vrs import VRS

_SHORT = 1024  # no limit on a text is below: most texts need not be measured


class Values:
    """Decodes the array of a ``Value``.

    Parameters
    ----------
    max_length : int
        Characters of one text.
    observations : set of str
        What is tolerated is added here.
    """

    def __init__(self, max_length: int, observations: set[str]) -> None:
        self._max_length = max_length
        self._observations = observations
        self._decoders = {vr: self._decoder_of(vr) for vr in VRS}

    def of(self, vr: str, values: Sequence[Any]) -> tuple[Value, ...]:
        """Return the values of any VR but SQ; no value where the only one is null (F.2.5).

        Raises
        ------
        Refusal
            When one has the wrong type, or cannot be a value of the VR.
        """
        return self._decoders[vr](vr, values)

    def check_length(self, text: str) -> None:
        """Refuse a text that is longer than the limit."""
        if len(text) > self._max_length:
            raise Refusal(f"has a value of {len(text)} characters; {self._max_length} are allowed")

    def _decoder_of(self, vr: str) -> Callable[[str, Sequence[Any]], tuple[Value, ...]]:
        if vr == "PN":
            return self._names
        if vr in BINARY_VRS:
            return _no_value
        if vr in INTEGER_VRS:
            return _integers
        if vr in FLOAT_VRS:
            return _floats
        if vr == "AT":
            return self._tags
        return self._number_strings if vr in ("DS", "IS") else self._texts

    def _texts(self, vr: str, values: Sequence[Any]) -> tuple[Value, ...]:
        """Strings; null is an empty one among several (F.2.5)."""
        texts = []
        for number, value in enumerate(values, 1):
            if type(value) is str:
                if len(value) > _SHORT:
                    self.check_length(value)
                texts.append(value)
            elif value is None:
                texts.append("")
            else:
                raise refused(f"has VR {vr} and value {number} is no string")
        return check_texts(vr, texts)

    def _number_strings(self, vr: str, values: Sequence[Any]) -> tuple[Value, ...]:
        """Numbers or strings."""
        texts = [self._number_string(vr, value, number) for number, value in enumerate(values, 1)]
        return self._texts(vr, texts)

    def _number_string(self, vr: str, value: Any, number: int) -> Any:
        if type(value) is not int and type(value) is not Number:
            return value
        if vr == "IS":
            return str(_integer(vr, value, number))
        text, rounded = decimal_string_of(str(value), number)
        if rounded:
            self._observations.add("metadata-rounded-decimal")
        return text

    def _tags(self, vr: str, values: Sequence[Any]) -> tuple[Value, ...]:
        if _is_empty(values):
            return ()
        for number, value in enumerate(values, 1):
            if type(value) is not str:
                raise refused(f"has VR {vr} and value {number} is no string")
            if value != value.upper():
                self._observations.add("metadata-lower-case-tag")
        return tuple(tag_of(value, number) for number, value in enumerate(values, 1))

    def _names(self, vr: str, values: Sequence[Any]) -> tuple[Value, ...]:
        """Objects of component groups; an empty name is null or ``{}`` (R-722)."""
        return self._texts(vr, [_name(value, number) for number, value in enumerate(values, 1)])


def _is_empty(values: Sequence[Any]) -> bool:
    return len(values) == 1 and values[0] is None


def _name(value: Any, number: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, dict) or value.keys() - NAME_GROUPS:
        raise refused(f"has VR PN and value {number} is no object of component groups")
    groups = ["" if group is None else group for group in map(value.get, NAME_GROUPS)]
    if any(type(group) is not str or "=" in group for group in groups):
        raise refused(f"has VR PN and in value {number} a component group that is none")
    return "=".join(groups).rstrip("=")


def _integers(vr: str, values: Sequence[Any]) -> tuple[Value, ...]:
    if _is_empty(values):
        return ()
    return tuple(_integer(vr, value, number) for number, value in enumerate(values, 1))


def _integer(vr: str, value: Any, number: int) -> int:
    if type(value) is int:
        return in_range(vr, value, number)
    if type(value) is Number or (type(value) is str and vr in ("SV", "UV")):
        return integer_of(vr, value, number)
    raise refused(f"has VR {vr} and value {number} is no number")


def _floats(vr: str, values: Sequence[Any]) -> tuple[Value, ...]:
    if _is_empty(values):
        return ()
    return tuple(_float(vr, value, number) for number, value in enumerate(values, 1))


def _float(vr: str, value: Any, number: int) -> float:
    if type(value) is int or type(value) is Number:
        return float_of(vr, value, number)
    if type(value) is str and value in NAMED_FLOATS:
        return NAMED_FLOATS[value]
    raise refused(f"has VR {vr} and value {number} is no number")


def _no_value(vr: str, _values: Sequence[Any]) -> tuple[Value, ...]:
    raise Refusal(f"has VR {vr} and a Value; it needs InlineBinary or BulkDataURI")
