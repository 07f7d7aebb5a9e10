"""Waits grow, have a limit, and are jittered."""

from chalicelib.adapters.waiting import jittered


def test_waits_double_up_to_the_longest() -> None:
    slept: list[float] = []
    wait = jittered(slept.append, lambda: 1.0, base=0.02, longest=0.1)
    for repetition in range(1, 6):
        wait(repetition)
    assert slept == [0.02, 0.04, 0.08, 0.1, 0.1]


def test_waits_are_jittered() -> None:
    slept: list[float] = []
    numbers = iter([0.0, 0.5])
    wait = jittered(slept.append, lambda: next(numbers), base=0.02)
    wait(1)
    wait(1)
    assert slept == [0.0, 0.01]
