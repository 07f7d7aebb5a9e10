"""Asking a server whether it holds an instance (QIDO-RS, PS3.18 10.6), where it offers that."""

import json
from dataclasses import dataclass
from enum import Enum, auto

from chalicelib.useragent.clock import Clock
from chalicelib.useragent.errors import DestinationError, TransportError
from chalicelib.useragent.exchange import Exchange
from chalicelib.useragent.model import Instance
from chalicelib.useragent.transport import OutgoingRequest, Response

_LOOKS = 3
_SECONDS_BETWEEN = 1.0
_SOP_INSTANCE = "00080018"


class Sought(Enum):
    """What a search came to."""

    FOUND = auto()
    ABSENT = auto()
    NOT_OFFERED = auto()


@dataclass(frozen=True, slots=True)
class Search:
    """Searches at one destination.

    An index may lag behind the store, so absence is believed only after several looks.
    """

    exchange: Exchange
    base_url: str
    clock: Clock

    def look_for(self, instance: Instance) -> Sought:
        """Return whether the server holds the instance."""
        base = self.base_url.rstrip("/")
        url = (
            f"{base}/studies/{instance.study}/series/{instance.series}/instances"
            f"?SOPInstanceUID={instance.sop_instance}&limit=1"
        )
        request = OutgoingRequest("GET", url, (("Accept", "application/dicom+json"),))
        sought = Sought.NOT_OFFERED
        for look in range(_LOOKS):
            if look:
                self.clock.sleep(_SECONDS_BETWEEN)
            try:
                sought = _read(self.exchange.send(request), instance.sop_instance)
            except (TransportError, DestinationError):
                sought = Sought.NOT_OFFERED
            if sought is not Sought.ABSENT:
                break
        return sought


def _read(response: Response, sop_instance: str) -> Sought:
    """Return what an answer means; a server that ignores the key must not make a match."""
    if response.status == 204:
        return Sought.ABSENT
    if response.status != 200:
        return Sought.NOT_OFFERED
    try:
        matches = json.loads(response.body or b"[]")
        found = [match[_SOP_INSTANCE]["Value"][0] for match in matches]
    except (ValueError, KeyError, IndexError, TypeError):
        return Sought.NOT_OFFERED
    return Sought.FOUND if sop_instance in found else Sought.ABSENT
