"""Values of XML metadata by VR: from the text of ``Value`` and ``PersonName`` to ours (R-808)."""

from chalicelib.dicomweb.dataset import Value
from chalicelib.dicomweb.metadata_values import (
    FLOAT_VRS,
    INTEGER_VRS,
    NAMED_FLOATS,
    check_texts,
    float_of,
    integer_of,
    tag_of,
)

_NAMED_FLOATS = NAMED_FLOATS | {"INF": float("inf"), "-INF": float("-inf")}  # XML Schema's names
_SPACE = " \t\r\n"


def values_of(vr: str, texts: list[str], observations: set[str]) -> tuple[Value, ...]:
    """Return the values of a text or number VR; white space around numbers has no meaning.

    Raises
    ------
    Refusal
        When one cannot be a value of the VR.
    """
    if vr not in INTEGER_VRS and vr not in FLOAT_VRS and vr != "AT":
        return check_texts(vr, texts)
    texts = [text.strip(_SPACE) for text in texts]
    if texts == [""]:
        return ()
    if vr in INTEGER_VRS:
        return tuple(integer_of(vr, text, number) for number, text in enumerate(texts, 1))
    if vr in FLOAT_VRS:
        return tuple(_float(vr, text, number) for number, text in enumerate(texts, 1))
    if any(text != text.upper() for text in texts):
        observations.add("metadata-lower-case-tag")
    return tuple(tag_of(text, number) for number, text in enumerate(texts, 1))


def _float(vr: str, text: str, number: int) -> float:
    named = _NAMED_FLOATS.get(text)
    return float_of(vr, text, number) if named is None else named
