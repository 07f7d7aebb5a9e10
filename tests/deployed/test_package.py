"""The zip is whole, lean and the same each time; the template has nothing left to resolve."""

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from infra.package import bundle, dependencies
from infra.package.__main__ import ROOT, package
from tests.deployed.conftest import Package

MINOR = f"cpython-{sys.version_info[0]}{sys.version_info[1]}"


@pytest.fixture(scope="module")
def names(built: Package) -> list[str]:
    return zipfile.ZipFile(built.archive).namelist()


@pytest.fixture(scope="module")
def unpacked(built: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("unpacked")
    zipfile.ZipFile(built.archive).extractall(directory)
    return directory


def run(unpacked: Path, program: str) -> str:
    """Run a program that sees the standard library and the zip, and nothing else."""
    start = f"import sys; sys.path.insert(0, {str(unpacked)!r}); "
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", start + program],
        cwd=unpacked,
        capture_output=True,
        text=True,
        check=False,
        env={"AWS_DEFAULT_REGION": "us-east-1"},
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_packaging_again_gives_the_same_bytes(built: Package, tmp_path: Path) -> None:
    again = package(tmp_path, architecture="x86_64", authorizer="jwt")

    for first, second in zip((built.template, built.archive), again, strict=True):
        assert (
            hashlib.sha256(first.read_bytes()).digest()
            == hashlib.sha256(second.read_bytes()).digest()
        )


def test_the_zip_is_within_its_ceilings(built: Package) -> None:
    entries = zipfile.ZipFile(built.archive).infolist()

    assert built.archive.stat().st_size <= bundle.MAX_ZIP_BYTES
    assert sum(entry.file_size for entry in entries) <= bundle.MAX_UNPACKED_BYTES


def test_the_zip_has_no_tests_and_nothing_heavy_that_nobody_calls(names: list[str]) -> None:
    roots = {name.partition("/")[0] for name in names}

    assert not roots & {"tests", "infra", "bench", "numpy", "moto", "pip", "setuptools", "pytest"}
    assert not [name for name in names if "/tests/" in name or "/test_files/" in name]
    assert not [name for name in names if name.endswith((".dcm", ".DS_Store", ".orig"))]


def test_each_module_is_compiled_once_and_for_good(built: Package, names: list[str]) -> None:
    archive = zipfile.ZipFile(built.archive)
    sources = {name for name in names if name.endswith(".py")}
    compiled = [name for name in names if name.endswith(".pyc")]

    origins = [re.sub(rf"__pycache__/([^/]+)\.{MINOR}\.pyc$", r"\1.py", name) for name in compiled]
    assert len(compiled) == len(set(compiled))
    assert sorted(origins) == sorted(sources)
    for name in compiled:
        # PEP 552: hash-based, unchecked
        assert archive.read(name)[4:8] == b"\x01\0\0\0"


def test_entries_have_neither_dates_nor_an_order_of_their_own(built: Package) -> None:
    entries = zipfile.ZipFile(built.archive).infolist()

    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)


def test_every_native_library_that_is_needed_is_inside(unpacked: Path) -> None:
    for library in [*unpacked.rglob("*.so"), *unpacked.rglob("*.so.*")]:
        # A library that was loaded by another finds its neighbours by that one's path.
        beside = {"LD_LIBRARY_PATH": str(unpacked / "pillow.libs"), "PATH": os.environ["PATH"]}
        listed = subprocess.run(
            ["ldd", str(library)], env=beside, capture_output=True, text=True, check=False
        )
        assert "not found" not in listed.stdout, f"{library.name}: {listed.stdout}"


def shipped_modules() -> list[str]:
    paths = (path.relative_to(ROOT) for path in (ROOT / "chalicelib").rglob("*.py"))
    modules = (".".join(path.with_suffix("").parts) for path in paths)
    return sorted(
        name.removesuffix(".__init__")
        for name in modules
        if not set(name.split(".")) & {"__main__", "cli"}
    )


def test_every_module_imports_from_the_zip_alone(unpacked: Path) -> None:
    modules = ["app", *shipped_modules()]
    program = (
        f"import importlib, json\nfor name in {modules!r}: importlib.import_module(name)\n"
        "print('imported', [m.__file__ for m in sys.modules.values() "
        "if getattr(m, '__file__', None) and 'site-packages' in m.__file__])"
    )

    assert run(unpacked, program) == "imported []\n"


def test_the_picture_decoder_works_from_the_zip_alone(unpacked: Path) -> None:
    program = (
        "import io; from PIL import Image; b = io.BytesIO(); "
        "Image.new('L', (2, 2)).save(b, 'PNG'); print(Image.open(io.BytesIO(b.getvalue())).size)"
    )

    assert run(unpacked, program) == "(2, 2)\n"


# ---------------------------------------------------------------- each imports only what it uses

SETTINGS = (
    "import os; os.environ.update(BUCKET='b', TABLE='t', EVENT_BUS='e', BASE_URI='https://x/y', "
    "AUDIT_LOG='l', JWT_ISSUER='i', JWT_AUDIENCE='a', JWT_JWKS_URL='https://x/k', "
    "AWS_ACCESS_KEY_ID='k', AWS_SECRET_ACCESS_KEY='s', AWS_DEFAULT_REGION='us-east-1'); "
)


@pytest.mark.parametrize(
    ("root", "foreign"),
    [
        (
            "origin_server",
            {
                "pydicom",
                "PIL",
                "yaml",
                "cryptography",
                "jwt",
                "chalicelib.origin.validate",
                "chalicelib.origin.index",
                "chalicelib.forwarding",
                "chalicelib.useragent",
                "aws_lambda_powertools.utilities.batch",
            },
        ),
        # pydicom looks for PIL by itself.
        ("validator", {"yaml", "cryptography", "chalicelib.origin.store"}),
        ("indexer", {"pydicom", "PIL", "yaml", "cryptography", "chalicelib.origin.store"}),
        ("reconciler", {"yaml", "cryptography", "chalicelib.origin.store"}),
        ("authorizer", {"boto3", "pydicom", "PIL", "yaml", "chalicelib.origin.store"}),
    ],
)
def test_a_function_imports_only_what_it_uses(unpacked: Path, root: str, foreign: set[str]) -> None:
    program = f"{SETTINGS}import app; app.functions.bootstrap.{root}(); print(*sys.modules)"

    imported = set(run(unpacked, program).split())

    assert "chalicelib.bootstrap" in imported
    assert imported & foreign == set()


def test_the_sdk_keeps_the_models_of_the_services_that_are_called() -> None:
    called = {
        service
        for path in (ROOT / "chalicelib").rglob("*.py")
        for service in re.findall(r'_client(?:\(|, )"([a-z0-9-]+)"', path.read_text("utf-8"))
    }

    assert called == dependencies.AWS_SERVICES


# ---------------------------------------------------------------- the template


def test_the_template_has_no_anchor_and_one_architecture(built: Package) -> None:
    text = built.template.read_text(encoding="utf-8")
    document = yaml.safe_load(text)

    assert not re.search(r"(^|\s)[&*]id\d+", text)
    functions = [
        one["Properties"]
        for one in document["Resources"].values()
        if one["Type"] == "AWS::Serverless::Function"
    ]
    assert {tuple(one["Architectures"]) for one in functions} == {("x86_64",)}


def test_everybody_else_needs_a_token(built: Package) -> None:
    document = yaml.safe_load(built.template.read_text(encoding="utf-8"))
    paths = document["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]

    for path in paths.values():
        for method, operation in path.items():
            assert bool(operation.get("security")) == (method != "options")
