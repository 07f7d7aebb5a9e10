"""Target resources and URLs."""

import pytest

from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.resources import Studies, Study, parse_target, study_url
from chalicelib.dicomweb.uids import is_uid


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/studies", Studies("default")),
        ("/studies/", Studies("default")),
        ("/studies/1.2.3", Study("default", "1.2.3")),
        ("/partitions/north/studies", Studies("north")),
        ("/partitions/north/studies/2.25.1", Study("north", "2.25.1")),
    ],
)
def test_a_path_names_a_resource(path: str, target: object) -> None:
    assert parse_target(path) == target


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/series", 404),
        ("/studies/1.2/series", 404),
        ("/studies/1.2/series/1.3", 404),
        ("/partitions/north", 404),
        ("/partitions/north/series", 404),
        ("/studies/1.02", 400),
        ("/studies/abc", 400),
        ("/studies/1.2\n", 400),
        ("/studies/" + "1." * 32 + "1", 400),
        ("/partitions/no.dots/studies", 400),
        ("/partitions/-x/studies", 400),
        ("/partitions/../studies", 400),
        ("/partitions//studies", 400),
        ("/partitions/" + "x" * 65 + "/studies", 400),
    ],
)
def test_other_paths_are_refused(path: str, status: int) -> None:
    with pytest.raises(RequestError) as caught:
        parse_target(path)
    assert caught.value.status == status


def test_a_study_resource_admits_its_study_alone() -> None:
    assert Studies("default").admits("1.2")
    assert Study("default", "1.2").admits("1.2")
    assert not Study("default", "1.2").admits("1.2.3")


@pytest.mark.parametrize("base", ["https://host/dicom-web", "https://host/dicom-web/"])
def test_urls_start_with_the_base_uri(base: str) -> None:
    assert study_url(base, "default", "1.2") == "https://host/dicom-web/studies/1.2"
    assert study_url(base, "north", "1.2") == "https://host/dicom-web/partitions/north/studies/1.2"


@pytest.mark.parametrize("uid", ["0.0", "1.2.840.10008.1.2", "2.25." + "9" * 39, "1." + "2" * 62])
def test_these_are_uids(uid: str) -> None:
    assert is_uid(uid)


@pytest.mark.parametrize(
    "uid", ["", "1", "3.1", "1.", "1..2", "1.02", "1.2 ", "1." + "2" * 63, "1.٢"]
)
def test_these_are_not(uid: str) -> None:
    assert not is_uid(uid)
