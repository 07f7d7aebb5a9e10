"""Where a run is, as outcomes come in."""

from chalicelib.useragent.model import Cause, Outcome, State
from chalicelib.useragent.progress import Progress
from tests.unit.useragent.fakes import make_instance


def test_outcomes_are_counted_with_their_bytes() -> None:
    progress = Progress()
    states = (State.REFERENCED, State.WARNED, State.FAILED, State.UNVERIFIED, State.FAILED)
    outcomes = [Outcome(make_instance(n), state) for n, state in enumerate(states)]
    progress.count(outcomes[:2])
    progress.count(outcomes[2:])
    assert (progress.settled, progress.stored, progress.failed, progress.unverified) == (5, 2, 2, 1)
    assert progress.settled_bytes == sum(one.instance.source.size for one in outcomes)


def test_what_has_arrived_counts_as_moved_before_it_is_settled() -> None:
    progress = Progress(waiting="a moment")
    progress.moved(500)
    progress.count([Outcome(make_instance(), State.REFERENCED)])
    assert progress.moved_bytes == 500 + make_instance().source.size
    assert progress.waiting == ""


def test_servers_words_are_kept_of_a_thousand() -> None:
    progress = Progress()
    instance = make_instance()
    progress.count(
        [
            Outcome(instance._replace(key=key), State.FAILED, Cause.REASON, said=f"no {key}")
            for key in range(1500)
        ]
    )
    progress.count([Outcome(instance._replace(key=2000), State.FAILED, Cause.REASON)])
    assert len(progress.said) == 1000
    assert (progress.said[0], progress.said[999]) == ("no 0", "no 999")
