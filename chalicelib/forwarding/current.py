"""The configuration in force: read again when its document may have changed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.forwarding.configuration import Configuration
from chalicelib.forwarding.document import read_document
from chalicelib.forwarding.nodes import ConfigurationError
from chalicelib.forwarding.ports import Document
from chalicelib.origin.ports import Clock, Unavailable

MAX_AGE = timedelta(seconds=30)


@dataclass(slots=True)
class CurrentConfiguration:
    """Implements ``ReadConfiguration``.

    Parameters
    ----------
    document : Document or None
        None configures nothing: no rules.
    is_local : bool
        See ``read_document``.
    """

    document: Document | None
    clock: Clock
    is_local: bool = False
    _known: Configuration | None = None
    _version: str = ""
    _looked: datetime | None = field(default=None)

    def __call__(self) -> Configuration:
        """Return the configuration, at most ``MAX_AGE`` old.

        Raises
        ------
        ConfigurationError
            The document is wrong, or not there.
        Unavailable
            It cannot be read, and none was read before.
        """
        now = self.clock()
        if self.document is None:
            return Configuration()
        if self._known is not None and self._looked is not None and now - self._looked < MAX_AGE:
            return self._known
        try:
            read = self.document.read(self._version if self._known is not None else "")
        except KeyError:
            raise ConfigurationError("The document is not there.") from None
        except Unavailable:
            if self._known is None:
                raise
            return self._known
        if read is not None:
            version, text = read
            self._known = None  # a document that is wrong does not leave the last one in force
            self._known, self._version = read_document(text, is_local=self.is_local), version
        self._looked = now
        return self._known or Configuration()
