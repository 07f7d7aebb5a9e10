"""Answers that mean the destination as a whole: another instance would get the same."""

from chalicelib.useragent.receipts import said_by
from chalicelib.useragent.transport import Response

REFUSED_BY_DESTINATION = {
    401: "The server does not accept the credentials",
    403: "The credentials do not allow storing",
    404: "No STOW-RS service is at this URL",
    405: "The server does not store at this URL",
    406: "The server cannot answer in DICOM JSON or XML",
    407: "The proxy wants credentials",
    410: "The service is no longer at this URL",
    411: "The server wants Content-Length; leave out chunked transfer",
    415: "The server does not take this media type",
    501: "The server does not implement storing",
    505: "The server does not speak HTTP/1.1",
}


def destination_words(response: Response) -> str:
    """Return the refusal in words, with the server's own."""
    words = REFUSED_BY_DESTINATION.get(
        response.status, "The server redirects where nothing is stored"
    )
    said = said_by(response)
    return f"{words} (status {response.status}{': ' + said if said else ''})."
