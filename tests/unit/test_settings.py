"""Settings come from the environment, and a wrong one says which."""

import pytest

from chalicelib.settings import Settings, SettingsError, load

NEEDED = {"BUCKET": "b", "TABLE": "t", "EVENT_BUS": "e", "BASE_URI": "https://h"}


def test_what_is_not_set_has_a_default() -> None:
    assert load(NEEDED) == Settings("b", "t", "e", "https://h")


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_needed_is_named_when_missing(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load({**NEEDED, name: " "})


@pytest.mark.parametrize(
    ("text", "value"), [("on", True), ("1", True), ("TRUE", True), ("off", False), ("", False)]
)
def test_switches(text: str, value: bool) -> None:
    assert load({**NEEDED, "STRICT": text}).strict is value
    assert load({**NEEDED, "EXPLAIN": text}).explain is value


@pytest.mark.parametrize(
    ("name", "text"),
    [("STRICT", "perhaps"), ("MAX_PARTS", "-1"), ("MAX_PARTS", "0"), ("MAX_ELEMENTS", "ten")],
)
def test_nonsense_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load({**NEEDED, name: text})


@pytest.mark.parametrize(
    "name",
    [
        "MAX_PARTS",
        "MAX_PART_HEADER_BYTES",
        "MAX_PART_HEADER_FIELDS",
        "MAX_INFLATED_BYTES",
        "MAX_NESTING_DEPTH",
        "MAX_ELEMENTS",
        "CONCURRENCY",
    ],
)
def test_every_limit_can_be_set(name: str) -> None:
    assert load({**NEEDED, name: "7"}) != load(NEEDED)
