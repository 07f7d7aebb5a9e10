"""What events do to verdicts."""

from dataclasses import replace
from hashlib import sha256

from chalicelib.origin.events import AnnouncedInstance, Cause, InstancesStored
from chalicelib.origin.model import InstanceKey, ObjectFacts, Verdict
from chalicelib.origin.ports import Unavailable
from chalicelib.origin.validate import Outcome, Validator
from chalicelib.standard.validation_rules import RULES_VERSION
from tests.builders_dicom import CT_IMAGE_STORAGE
from tests.fakes.instances import MemoryInstanceStore
from tests.fakes.verdicts import MemoryVerdictStore
from tests.unit.origin.validate.samples import KEY, UIDS, good

CONTENT = good().encode()
OTHER = "1.2.3.4"


def facts_of(content: bytes) -> ObjectFacts:
    digest = sha256(content).hexdigest()
    return ObjectFacts(digest, UIDS.study, UIDS.series, "2026-05-01T00:00:00.000Z", "r1")


def event_of(*instances: str, observations: tuple[str, ...] = ()) -> InstancesStored:
    announced = tuple(
        AnnouncedInstance(UIDS.series, instance, CT_IMAGE_STORAGE, observations)
        for instance in instances
    )
    return InstancesStored("default", UIDS.study, "r1", Cause.STORED, announced)


class World:
    """Stores with one instance, and what was reported."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.broken: set[tuple[str, str]] = set()
        self.reads = 0
        self.reports: list[tuple[str, Outcome, bool]] = []
        self.instances = MemoryInstanceStore(self._before)
        self.verdicts = MemoryVerdictStore()
        self.instances.create("default", UIDS.instance, content, facts_of(content))
        self.validator = Validator(self.instances, self.verdicts, self._hear)

    def _before(self, method: str, sop_instance: str) -> None:
        self.reads += method == "read"
        if (method, sop_instance) in self.broken:
            raise Unavailable

    def _hear(self, key: InstanceKey, outcome: Outcome, verdict: Verdict | None) -> None:
        self.reports.append((key.sop_instance, outcome, verdict is not None))


def test_an_announced_instance_gets_a_verdict() -> None:
    world = World()
    assert world.validator.validate(event_of(UIDS.instance)) == ()
    verdict = world.verdicts.verdicts[KEY]
    assert verdict == Verdict(KEY, facts_of(CONTENT).sha256, RULES_VERSION)
    assert world.reports == [(UIDS.instance, Outcome.JUDGED, True)]


def test_observations_are_kept_beside_the_verdict_and_not_in_it() -> None:
    world = World()
    world.validator.validate(event_of(UIDS.instance, observations=("rewrapped",)))
    assert world.verdicts.observed[KEY] == {"rewrapped"}
    assert world.verdicts.verdicts[KEY].findings == ()


def test_a_verdict_on_the_same_bytes_is_not_made_again_but_observations_are_added() -> None:
    world = World()
    world.validator.validate(event_of(UIDS.instance))
    reads = world.reads
    world.validator.validate(event_of(UIDS.instance, observations=("untyped-part",)))
    assert world.reads == reads
    assert world.verdicts.observed[KEY] == {"untyped-part"}
    assert world.reports[-1] == (UIDS.instance, Outcome.KNOWN, True)


def test_a_verdict_by_older_rules_is_made_again() -> None:
    world = World()
    older = Verdict(KEY, facts_of(CONTENT).sha256, RULES_VERSION - 1)
    world.verdicts.write(older)
    world.validator.validate(event_of(UIDS.instance))
    assert world.verdicts.verdicts[KEY].rules_version == RULES_VERSION


def test_a_verdict_on_other_bytes_is_made_again() -> None:
    world = World()
    world.verdicts.write(Verdict(KEY, "other", RULES_VERSION))
    world.validator.validate(event_of(UIDS.instance))
    assert world.verdicts.verdicts[KEY].sha256 == facts_of(CONTENT).sha256


def test_an_absent_object_is_nothing_to_judge() -> None:
    world = World()
    assert world.validator.validate(event_of(OTHER)) == ()
    assert world.verdicts.verdicts == {}
    assert world.reports == [(OTHER, Outcome.ABSENT, False)]


def test_an_object_that_goes_while_it_is_read_is_nothing_to_judge() -> None:
    world = World()
    stored = world.instances.find("default", UIDS.instance)
    assert stored is not None
    world.instances.find = lambda partition, sop_instance: stored  # type: ignore[method-assign]
    world.instances.objects.clear()
    assert world.validator.validate(event_of(UIDS.instance)) == ()
    assert world.reports == [(UIDS.instance, Outcome.ABSENT, False)]


def test_only_what_failed_is_tried_again() -> None:
    world = World()
    for method in ("find", "read"):
        world.broken = {(method, UIDS.instance)}
        failed = world.validator.validate(event_of(OTHER, UIDS.instance))
        assert failed == (KEY,)
        assert world.reports[-1] == (UIDS.instance, Outcome.FAILED, False)
    world.broken = set()
    assert world.validator.validate(event_of(UIDS.instance)) == ()


def test_a_verdict_that_cannot_be_written_is_tried_again() -> None:
    world = World()
    world.verdicts.unavailable = True
    assert world.validator.validate(event_of(UIDS.instance)) == (KEY,)


def test_an_object_shorter_than_the_store_says_is_tried_again() -> None:
    world = World()
    content, facts = world.instances.objects["default", UIDS.instance]
    stored = world.instances.find("default", UIDS.instance)
    assert stored is not None
    longer = replace(stored, size=len(content) + 1)
    world.instances.find = lambda partition, sop_instance: longer  # type: ignore[method-assign]
    assert world.validator.validate(event_of(UIDS.instance)) == (KEY,)
    assert facts.sha256
