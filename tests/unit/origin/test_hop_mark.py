"""The hop mark: what stands for a service, and what is taken for one."""

import pytest

from chalicelib.origin.hop_mark import MAX_HOPS, mark_of, read_marks, write_marks

MARKS = tuple(mark_of(f"https://{number}.example") for number in range(MAX_HOPS + 1))


@pytest.mark.parametrize(
    "uri",
    ["https://Here.example/api/", "HTTPS://here.example:443/api", "https://here.example/api"],
)
def test_one_service_has_one_mark(uri: str) -> None:
    assert mark_of(uri) == mark_of("https://here.example/api")


@pytest.mark.parametrize(
    "uri",
    ["http://here.example/api", "https://here.example/API", "https://here.example:8443/api"],
)
def test_another_service_has_another(uri: str) -> None:
    assert mark_of(uri) != mark_of("https://here.example/api")


@pytest.mark.parametrize(
    ("value", "marks"),
    [
        (None, ()),
        ("", ()),
        (" , ", ()),
        (MARKS[0], MARKS[:1]),
        (f" {MARKS[0]} ,{MARKS[1]},", MARKS[:2]),
        (",".join(MARKS), MARKS[1:]),
        ("1.1 proxy", ()),
        (f"{MARKS[0]},x", ()),
        ("a" * 10_000, ()),
        (MARKS[0].upper(), ()),
    ],
)
def test_what_a_field_tells(value: str | None, marks: tuple[str, ...]) -> None:
    assert read_marks(value) == marks
    assert read_marks(write_marks(marks)) == marks
