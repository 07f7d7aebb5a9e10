"""Windows of a week, over midnight, over a change of clocks."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from chalicelib.forwarding.hours import ALWAYS, Hours, Window

DAY = Window(time(9), time(17))
NIGHT = Window(time(20), time(6))
FRIDAY_NIGHT = Window(time(20), time(6), frozenset({4}))
WHOLE_SUNDAY = Window(time(0), time(0), frozenset({6}))


@pytest.mark.parametrize(
    ("window", "now", "seconds"),
    [
        (DAY, "2026-05-04T09:00", 0),
        (DAY, "2026-05-04T16:59", 0),
        (DAY, "2026-05-04T17:00", 16 * 3600 + 1),
        (DAY, "2026-05-04T08:59", 61),
        (NIGHT, "2026-05-04T20:00", 0),
        (NIGHT, "2026-05-05T05:59", 0),
        (NIGHT, "2026-05-05T06:00", 14 * 3600 + 1),
        (FRIDAY_NIGHT, "2026-05-09T05:00", 0),
        (FRIDAY_NIGHT, "2026-05-08T05:00", 15 * 3600 + 1),
        (FRIDAY_NIGHT, "2026-05-09T06:00", (6 * 24 + 14) * 3600 + 1),
        (WHOLE_SUNDAY, "2026-05-10T23:59", 0),
        (WHOLE_SUNDAY, "2026-05-11T00:00", 6 * 24 * 3600 + 1),
    ],
)
def test_when_a_destination_opens(window: Window, now: str, seconds: int) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert Hours((window,)).seconds_until_open(moment) == seconds


def test_no_windows_are_always() -> None:
    assert ALWAYS.seconds_until_open(datetime(2026, 5, 4, tzinfo=UTC)) == 0


def test_windows_are_in_the_destinations_own_time() -> None:
    try:
        zone = ZoneInfo("Europe/Berlin")
    except KeyError:
        pytest.skip("no time zones here")
    hours = Hours((DAY,), zone)
    assert hours.seconds_until_open(datetime(2026, 1, 5, 7, 30, tzinfo=UTC)) == 1801
    assert hours.seconds_until_open(datetime(2026, 7, 6, 7, 30, tzinfo=UTC)) == 0


def test_a_night_in_which_clocks_change_is_one_night() -> None:
    try:
        zone = ZoneInfo("Europe/Berlin")
    except KeyError:
        pytest.skip("no time zones here")
    hours = Hours((Window(time(22), time(6)),), zone)
    assert hours.seconds_until_open(datetime(2026, 3, 29, 3, 59, tzinfo=UTC)) == 0
    assert hours.seconds_until_open(datetime(2026, 3, 29, 4, 0, tzinfo=UTC)) > 0
