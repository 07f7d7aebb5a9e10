"""What packaging decides, without building anything; the zip itself is in tests/deployed."""

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from infra.package import bundle, dependencies
from infra.package.__main__ import ROOT, main
from infra.package.template import complete, encode


def document() -> dict[str, Any]:
    """A template as Chalice might write it."""
    guarded = {"security": [{"authorize": []}], "x-amazon-apigateway-integration": {}}
    return {
        "Resources": {
            "APIHandler": {
                "Type": "AWS::Serverless::Function",
                "Properties": {"Timeout": 29, "CodeUri": "./deployment.zip"},
            },
            "RestAPI": {
                "Type": "AWS::Serverless::Api",
                "Properties": {
                    "DefinitionBody": {
                        "securityDefinitions": {"authorize": {}},
                        "paths": {"/studies": {"post": dict(guarded), "options": {}}},
                    }
                },
            },
        }
    }


def api_of(completed: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = completed["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    return body


def test_the_applications_authorizer_stays() -> None:
    body = api_of(complete(document(), architecture="arm64", authorizer="jwt"))

    assert body == api_of(document())


def test_aws_signatures_take_its_place() -> None:
    body = api_of(complete(document(), architecture="arm64", authorizer="iam"))

    assert body["paths"]["/studies"]["post"]["security"] == [{"sigv4": []}]
    assert "security" not in body["paths"]["/studies"]["options"]
    assert body["securityDefinitions"]["sigv4"]["x-amazon-apigateway-authtype"] == "awsSigv4"


def test_nobody_is_asked_when_that_is_said() -> None:
    body = api_of(complete(document(), architecture="arm64", authorizer="none"))

    assert "securityDefinitions" not in body
    assert "security" not in body["paths"]["/studies"]["post"]


@pytest.mark.parametrize("arguments", [["--authorizer", "none"], ["--let-anyone-store"]])
def test_letting_anyone_in_takes_two_words(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "go together" in capsys.readouterr().err


def test_every_function_has_the_architecture() -> None:
    completed = complete(document(), architecture="arm64", authorizer="jwt")

    assert completed["Resources"]["APIHandler"]["Properties"]["Architectures"] == ["arm64"]


def test_what_occurs_twice_is_written_twice() -> None:
    shared = {"a": [1]}

    text = encode({"x": shared, "y": shared})

    assert "&" not in text
    assert yaml.safe_load(text) == {"x": shared, "y": shared}


# ---------------------------------------------------------------- the zip


def make_tree(root: Path, when: int) -> Path:
    (root / "package").mkdir(parents=True)
    for name in ("b.py", "a.py", "package/c.py"):
        (root / name).write_text("SET = frozenset({'a', 'b', 'c'})\n", encoding="utf-8")
        os.utime(root / name, (when, when))
    return root


def test_the_same_tree_gives_the_same_zip_wherever_and_whenever(tmp_path: Path) -> None:
    zips = []
    for number, when in enumerate((1_000_000_000, 1_700_000_000)):
        root = make_tree(tmp_path / f"tree{number}", when)
        bundle.compile_tree(root)
        bundle.write_zip(root, tmp_path / f"{number}.zip")
        zips.append((tmp_path / f"{number}.zip").read_bytes())

    assert zips[0] == zips[1]
    names = zipfile.ZipFile(tmp_path / "0.zip").namelist()
    assert names == sorted(names)
    assert sum(name.endswith(".pyc") for name in names) == 3


def test_too_large_a_zip_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "MAX_ZIP_BYTES", 10)
    root = make_tree(tmp_path / "tree", 1_000_000_000)

    with pytest.raises(bundle.TooLargeError):
        bundle.write_zip(root, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


# ---------------------------------------------------------------- what is in it


def test_what_runs_there_is_what_was_tested_here() -> None:
    wanted = [Requirement(line) for line in dependencies.distributions(ROOT / "requirements.txt")]

    assert {"boto3", "botocore", "chalice", "pydicom"} <= {one.name for one in wanted}
    pinned = [one for one in wanted if str(one.specifier).startswith("==")]
    assert len(pinned) >= len(wanted) - 1


def test_the_command_line_of_chalice_stays_at_home() -> None:
    wanted = [Requirement(line) for line in dependencies.distributions(ROOT / "requirements.txt")]

    assert not {one.name for one in wanted} & {"click", "inquirer", "pip", "setuptools", "wheel"}


def test_what_is_not_installed_is_named(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("no-such-distribution # why\n", encoding="utf-8")

    with pytest.raises(dependencies.UnknownDistributionError, match="no-such-distribution"):
        dependencies.distributions(tmp_path / "requirements.txt")


def test_a_version_that_the_requirements_exclude_is_left_to_pip(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("six<1\n", encoding="utf-8")

    assert dependencies.distributions(tmp_path / "requirements.txt") == ["six<1"]
