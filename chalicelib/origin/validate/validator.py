"""Validation: what an InstancesStored event does to the verdicts of its instances.

What belongs here: which object is read, and what is written of it. What must not: any rule. It
judges, never deletes, and never changes a response that was given.
"""

from collections.abc import Callable
from enum import Enum
from functools import partial

from chalicelib.dicomweb.byte_source import RangeSource
from chalicelib.origin.events import InstancesStored
from chalicelib.origin.model import InstanceKey, StoredObject, Verdict
from chalicelib.origin.ports import InstanceStore, Unavailable, VerdictStore
from chalicelib.origin.validate.whole import validate_object
from chalicelib.standard.validation_rules import RULES_VERSION


class Outcome(Enum):
    """What became of one announced instance."""

    JUDGED = "judged"
    KNOWN = "judged before, by the same rules"
    ABSENT = "no object to judge"
    FAILED = "to be tried again"


Report = Callable[[InstanceKey, Outcome, Verdict | None], None]
"""Hears of every instance; the verdict is that of JUDGED and KNOWN."""


def _unheard(key: InstanceKey, outcome: Outcome, verdict: Verdict | None) -> None:
    """Report to nobody."""


class Validator:
    """Validates announced instances.

    Parameters
    ----------
    instances : InstanceStore
        Where the objects are.
    verdicts : VerdictStore
        Where verdicts and observations go.
    report : callable, optional
        Told of each instance once it is done, for logs and metrics.
    """

    def __init__(
        self, instances: InstanceStore, verdicts: VerdictStore, report: Report = _unheard
    ) -> None:
        self._instances = instances
        self._verdicts = verdicts
        self._report = report

    def validate(self, event: InstancesStored) -> tuple[InstanceKey, ...]:
        """Judge every instance of an event, one by one.

        An instance whose object is gone is done: there is nothing to judge. A verdict by the same
        rules on the same bytes is not made again; observations are added whatever was known.

        Returns
        -------
        tuple of InstanceKey
            Those to be tried again.
        """
        failed = []
        for instance in event.instances:
            key = event.key_of(instance)
            try:
                outcome, verdict = self._validate(key, frozenset(instance.observations))
            except Unavailable:
                outcome, verdict = Outcome.FAILED, None
                failed.append(key)
            self._report(key, outcome, verdict)
        return tuple(failed)

    def _validate(
        self, key: InstanceKey, observations: frozenset[str]
    ) -> tuple[Outcome, Verdict | None]:
        stored = self._instances.find(key.partition, key.sop_instance)
        if stored is None:
            return Outcome.ABSENT, None
        if observations:
            self._verdicts.observe(key, observations)
        known = self._verdicts.read(key)
        wanted = (stored.facts.sha256, RULES_VERSION)
        if known is not None and (known.sha256, known.rules_version) == wanted:
            return Outcome.KNOWN, known
        try:
            verdict = self._judge(key, stored)
        except KeyError:
            return Outcome.ABSENT, None
        self._verdicts.write(verdict)
        return Outcome.JUDGED, verdict

    def _judge(self, key: InstanceKey, stored: StoredObject) -> Verdict:
        source = RangeSource(stored.size, partial(self._read, key))
        return validate_object(source, key, stored.facts.sha256)

    def _read(self, key: InstanceKey, start: int, length: int) -> bytes:
        """Read one range. Raises Unavailable when less comes back than there is."""
        content = self._instances.read(key.partition, key.sop_instance, start, length)
        if len(content) != length:
            raise Unavailable("the object store gave back fewer bytes than the object has")
        return content
