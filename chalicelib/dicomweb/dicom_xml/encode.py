"""Native DICOM Model (PS3.19 A.1): a data set to an XML document."""

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from chalicelib.dicomweb.dataset import Dataset, Element

NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
# XML 1.0 2.2: characters no document may hold, not even as references.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def encode_xml(dataset: Dataset) -> str:
    """Return the data set as a document.

    Private Creator elements are not sent: each private element names its creator, and the block
    in its tag is 00 (Table A.1.5-2). ``xml:space`` is on the root element, where it is
    well-formed, not in the declaration where the standard's examples have it.
    """
    body = "".join(_elements(dataset))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">{body}</NativeDicomModel>'
    )


def _elements(dataset: Dataset) -> Iterator[str]:
    for element in dataset:
        if _is_private_creator(element):
            continue
        attributes = f'tag="{_tag(element)}" vr="{element.vr}"'
        if element.keyword:
            attributes += f' keyword="{element.keyword}"'
        if element.creator:
            attributes += f" privateCreator={quoteattr(element.creator)}"
        content = "".join(_content(element))
        yield f"<DicomAttribute {attributes}>{content}</DicomAttribute>"


def _content(element: Element) -> Iterator[str]:
    for number, value in enumerate(element.values, start=1):
        if isinstance(value, Dataset):
            yield f'<Item number="{number}">{"".join(_elements(value))}</Item>'
        else:
            text = escape(_FORBIDDEN.sub("\ufffd", str(value)))
            yield f'<Value number="{number}">{text}</Value>'


def _is_private_creator(element: Element) -> bool:
    return bool(element.tag >> 16 & 1) and 0x10 <= element.tag & 0xFFFF <= 0xFF


def _tag(element: Element) -> str:
    tag = element.tag & 0xFFFF00FF if element.creator else element.tag
    return f"{tag:08X}"
