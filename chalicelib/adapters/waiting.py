"""How adapters and indexers sleep between two attempts."""

from collections.abc import Callable

from chalicelib.origin.ports import Wait


def jittered(
    sleep: Callable[[float], None],
    random: Callable[[], float],
    base: float = 0.02,
    longest: float = 0.5,
) -> Wait:
    """Return a Wait of full jitter: up to ``base`` seconds, doubled with each repetition.

    Parameters
    ----------
    sleep : callable
        Such as `time.sleep`.
    random : callable
        Returns a number in [0, 1), such as `random.random`.
    base, longest : float
        Seconds: the most to wait before the first repetition, and before any.
    """

    def wait(repetition: int) -> None:
        sleep(random() * min(longest, base * 2 ** (repetition - 1)))

    return wait
