"""The one failure of making an instance from a file."""

from pathlib import Path

from chalicelib.dicomweb.tags import format_tag
from chalicelib.useragent.errors import UserAgentError


class AcquireError(UserAgentError):
    """No instance can be made of a file.

    The message names the file, the attribute and the reason, never a value of the data set. File
    names may name patients: the message is for the user's own terminal, ``detail`` for logs.

    Parameters
    ----------
    detail : str
        A sentence: what is wrong, and what would be right.
    tag : int, optional
        The attribute at fault.
    path : Path, optional
        The file at fault; whoever knows it adds it.
    """

    def __init__(self, detail: str, *, tag: int | None = None, path: Path | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.tag = tag
        self.path = path

    def __str__(self) -> str:
        subject = f"{self.path.name}: " if self.path is not None else ""
        return f"{subject}{self.detail}"


def attribute(keyword: str, tag: int) -> str:
    """Return how a message names an attribute."""
    return f"{keyword} {format_tag(tag)}"
