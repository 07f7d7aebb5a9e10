"""PDF: a document that goes in as it is (PS3.3 A.45.1). Its properties are not read.

The title in a PDF, like its file name, is whatever its author's program put there, often a
patient's name: Document Title comes from the user alone.
"""

from chalicelib.useragent.acquire.errors import AcquireError
from chalicelib.useragent.acquire.kinds import PDF_START

_END, _END_WITHIN = b"%%EOF", 2048
_ENCRYPTED = b"/Encrypt"


def check_pdf(content: bytes) -> tuple[str, ...]:
    """Return notes on a document.

    Raises
    ------
    AcquireError
        When it has no end: the copy is cut short.
    """
    if _END not in content[-_END_WITHIN:]:
        raise AcquireError("The PDF is cut short: it has no end-of-file marker.")
    notes = []
    if not content.startswith(PDF_START):
        notes.append("Bytes stand before the PDF header; they are kept.")
    if _ENCRYPTED in content:
        notes.append("The PDF is encrypted: whoever opens it needs what it asks for.")
    return tuple(notes)
