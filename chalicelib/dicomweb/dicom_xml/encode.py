"""Native DICOM Model (PS3.19 A.1): a data set to an XML document."""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.dataset import Dataset, Element
from chalicelib.dicomweb.dicom_xml.names import NAME_COMPONENTS, NAMESPACE
from chalicelib.dicomweb.errors import InstanceError
from chalicelib.dicomweb.keywords import keyword_of
from chalicelib.dicomweb.metadata_elements import is_private_creator
from chalicelib.dicomweb.metadata_values import NAME_GROUPS, float_text
from chalicelib.standard.reasons import FailureReason

# XML 1.0 2.2: characters no document may hold, not even as references.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A reader makes LF of a CR that stands as such (XML 1.0 2.11); DICOM ends lines with CR LF.
_REFERENCES = {"\r": "&#13;"}


def encode_xml(dataset: Dataset, *, replace: bool = True) -> str:
    """Return the data set as a document.

    Private Creator elements are not sent: each private element names its creator, and the block
    in its tag is 00 (Table A.1.5-2). ``xml:space`` is on the root element, where it is
    well-formed, not in the declaration where the standard's examples have it.

    Parameters
    ----------
    dataset : Dataset
    replace : bool
        Whether characters that XML cannot hold, such as form feed, become U+FFFD (R-816). Text
        of a patient's should rather travel in another form.

    Raises
    ------
    InstanceError
        METADATA_VALUE, without ``replace`` only.
    """
    return f"{_HEAD}{''.join(_elements(dataset, replace))}{_TAIL}"


_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">'
)
_TAIL = "</NativeDicomModel>"


def encode_xml_stream(
    dataset: Dataset, sequences: Iterable[tuple[Element, Iterable[Dataset]]]
) -> Iterator[str]:
    """Yield the document that :func:`encode_xml` returns, without holding all of it.

    Parameters
    ----------
    dataset : Dataset
        The elements before the sequences.
    sequences : iterable of (Element, iterable of Dataset)
        Public sequences in ascending order, each with its items; one without items is left out.
    """
    yield _HEAD + "".join(_elements(dataset, True))
    for sequence, items in sequences:
        empty = f'tag="{sequence.tag:08X}" vr="SQ" keyword="{sequence.keyword}"'
        head, tail = f"<DicomAttribute {empty}>", ""
        for number, item in enumerate(items, start=1):
            yield f'{head}<Item number="{number}">{"".join(_elements(item, True))}</Item>'
            head, tail = "", "</DicomAttribute>"
        yield tail
    yield _TAIL


def _elements(dataset: Dataset, replace: bool) -> Iterator[str]:
    creators = _creators(dataset)
    for element in dataset:
        if creators.get(element.tag >> 16 << 8 | element.tag & 0xFF) and is_private_creator(
            element.tag
        ):
            continue
        creator = element.creator or creators.get(element.tag >> 8, "")
        tag = element.tag & 0xFFFF00FF if creator else element.tag
        attributes = f'tag="{tag:08X}" vr="{element.vr}"'
        keyword = element.keyword or ("" if tag & 0x10000 else keyword_of(tag))
        if keyword:
            attributes += f' keyword="{keyword}"'
        if creator:
            attributes += f" privateCreator={quoteattr(_FORBIDDEN.sub(chr(0xFFFD), creator))}"
        content = "".join(_content(element, replace))
        yield f"<DicomAttribute {attributes}>{content}</DicomAttribute>"


def _creators(dataset: Iterable[Element]) -> dict[int, str]:
    """Return the creators that the data set names, by the first six digits of their tags."""
    return {
        element.tag >> 16 << 8 | element.tag & 0xFF: element.values[0]
        for element in dataset
        if is_private_creator(element.tag) and element.values and isinstance(element.values[0], str)
    }


def _content(element: Element, replace: bool) -> Iterator[str]:
    if element.bulkdata is not None:
        yield f"<BulkData uri={quoteattr(_FORBIDDEN.sub(chr(0xFFFD), element.bulkdata.uri))}/>"
        return
    if element.values == ("",):  # one empty value is a value of zero length
        return
    for number, value in enumerate(element.values, start=1):
        if isinstance(value, Dataset):
            yield f'<Item number="{number}">{"".join(_elements(value, replace))}</Item>'
        elif isinstance(value, bytes):
            yield f"<InlineBinary>{b64encode(value).decode('ascii')}</InlineBinary>"
        elif element.vr == "PN":
            name = _text(element, value, replace)
            yield f'<PersonName number="{number}">{"".join(_groups(name))}</PersonName>'
        else:
            yield f'<Value number="{number}">{_text(element, value, replace)}</Value>'


def _text(element: Element, value: str | float, replace: bool) -> str:
    if element.vr == "AT" and isinstance(value, int):
        return f"{value:08X}"
    text = float_text(value) if isinstance(value, float) else str(value)
    if not replace and _FORBIDDEN.search(text):
        raise InstanceError(
            FailureReason.METADATA_VALUE,
            f"{tags.format_tag(element.tag)} holds a character that XML cannot (XML 1.0 2.2).",
            tag_path=tags.format_tag(element.tag),
        )
    return escape(_FORBIDDEN.sub("\ufffd", text), _REFERENCES)


def _groups(name: str) -> Iterator[str]:
    """Yield the component groups of a name that is escaped already (PS3.5 6.2.1)."""
    for group, text in zip(NAME_GROUPS, name.split("=", 2), strict=False):
        components = "".join(
            f"<{component}>{part}</{component}>"
            for component, part in zip(NAME_COMPONENTS, text.split("^", 4), strict=False)
            if part
        )
        if components:
            yield f"<{group}>{components}</{group}>"
