"""XML to the steps of a Native DICOM Model document, for documents that mean harm.

expat reads; what it would do for a friend is refused: a document type with its entities, other
encodings than the four it knows itself, names that are not the model's, text where none belongs.
Nothing is ever fetched or expanded. Nesting is bounded by who receives the steps.
"""

from collections.abc import Callable
from typing import NoReturn
from xml.parsers import expat

from chalicelib.dicomweb.dicom_xml.names import NAMES, NAMESPACE
from chalicelib.dicomweb.metadata_elements import Refusal

_CHUNK = 1 << 18
_ENCODINGS = frozenset({"", "UTF-8", "UTF-16", "ISO-8859-1", "US-ASCII"})
_SPACE = " \t\r\n"


class ModelReader:
    """Reads one document and calls ``opened`` and ``closed`` for each element.

    Parameters
    ----------
    opened : callable
        ``opened(name, attributes)``.
    closed : callable
        ``closed(name, text)``; ``text`` is "" for elements that hold none.
    max_text : int
        Characters of one text.
    """

    def __init__(
        self,
        opened: Callable[[str, dict[str, str]], None],
        closed: Callable[[str, str], None],
        max_text: int,
    ) -> None:
        self._opened = opened
        self._closed = closed
        self._max_text = max_text
        self._open = [""]
        self._text: list[str] = []
        self._length = 0
        self.has_namespace = True

    def read(self, body: bytes | memoryview) -> None:
        """Read the document whole.

        Raises
        ------
        Refusal
            When it is not well-formed, or no Native DICOM Model; or from the callables.
        """
        parser = self._parser()
        view = memoryview(body)
        try:
            for start in range(0, len(view), _CHUNK):
                parser.Parse(view[start : start + _CHUNK], False)
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise Refusal(
                f"is no well-formed XML document at line {error.lineno}, column {error.offset}"
            ) from None

    def _parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = _document_type
        parser.EntityDeclHandler = _document_type
        parser.ExternalEntityRefHandler = _document_type
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        return parser

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if (encoding or "").upper() not in _ENCODINGS:
            raise Refusal("is an XML document in an encoding other than UTF-8 and UTF-16")

    def _start(self, qualified: str, attributes: dict[str, str]) -> None:
        namespace, _, name = qualified.rpartition(" ")
        around = self._open[-1]
        if name not in NAMES[around].children:
            raise Refusal(f"is an XML document with an unknown element in {around or 'its root'}")
        if namespace != NAMESPACE:
            if namespace:
                raise Refusal("is an XML document of another namespace")
            self.has_namespace = False
        if not attributes.keys() <= NAMES[name].attributes:
            # Of another namespace are xml:space, xsi:schemaLocation and the like.
            attributes = {key: value for key, value in attributes.items() if " " not in key}
            if not attributes.keys() <= NAMES[name].attributes:
                raise Refusal(f"is an XML document with an unknown attribute of {name}")
        self._open.append(name)
        self._text.clear()
        self._length = 0
        self._opened(name, attributes)

    def _characters(self, text: str) -> None:
        name = self._open[-1]
        if not NAMES[name].text:
            if text.strip(_SPACE):
                raise Refusal(f"is an XML document with text in {name}")
            return
        self._length += len(text)
        if self._length > self._max_text:
            raise Refusal(f"has a value of more than {self._max_text} characters")
        self._text.append(text)

    def _end(self, _qualified: str) -> None:
        name = self._open.pop()
        text = "".join(self._text) if NAMES[name].text else ""
        self._text.clear()
        self._closed(name, text)


def _document_type(*_declared: object) -> NoReturn:
    raise Refusal("is an XML document with a document type or entities, which are refused")
