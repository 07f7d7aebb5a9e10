"""What the zip holds beside the product: wheels for Lambda's platform, without what nobody calls.

Belongs here: which distributions, for which platform, and what is left out of them and why. Must
not be here: the zip itself (``bundle.py``).

Chalice's own packaging is not used for this: it builds from source what has no wheel for an old
glibc, against libraries that Lambda does not have, and packs its command line's dependencies.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from shutil import rmtree

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ARCHITECTURES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""Lambda's name of each architecture, and the wheels' name."""

GLIBC = {(3, 11): 26, (3, 12): 34, (3, 13): 34}
"""Minor version of glibc 2 beneath each Python that Lambda offers (Amazon Linux 2, then 2023)."""

AWS_SERVICES = frozenset({"dynamodb", "events", "logs", "s3", "secretsmanager", "sqs", "ssm"})
"""Services whose models botocore keeps: those that the functions call."""

WITHOUT_DEPENDENCIES = frozenset({"chalice"})
"""Chalice's dependencies are its command line's; ``chalice.app`` imports the standard library."""

UNUSED = (
    "boto3/examples",
    "chalice/analyzer.py",
    "chalice/api",
    "chalice/awsclient.py",
    "chalice/cdk",
    "chalice/cli",
    "chalice/deploy",
    "chalice/invoke.py",
    "chalice/local.py",
    "chalice/package.py",
    "chalice/pipeline.py",
    "chalice/policies*.json",
    "chalice/templates",
    "chalice/test.py",
    "pydicom/data/charset_files",
    "pydicom/data/palettes",
    "pydicom/data/test_files",
    "PIL/_imagingtk.*",
    # Formats that no part has (GIF and PNG are decoded): not code for strangers' bytes to reach.
    "PIL/_avif.*",
    "PIL/_imagingcms.*",
    "PIL/_imagingft.*",
    "PIL/_webp.*",
    "pillow.libs/libavif*",
    "pillow.libs/libbrotli*",
    "pillow.libs/libfreetype*",
    "pillow.libs/libharfbuzz*",
    "pillow.libs/liblcms2*",
    "pillow.libs/libpng*",
    "pillow.libs/libsharpyuv*",
    "pillow.libs/libwebp*",
    "*/tests",
    "*/__pycache__",
    "**/*.pyi",
    "bin",
    "*.dist-info/RECORD",
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.dist-info/direct_url.json",
    "*.dist-info/entry_points.txt",
)
"""Left out of the zip. boto3 itself stays: the runtime's own copy changes under running code."""


class UnknownDistributionError(Exception):
    """Something that the zip needs is not installed here."""


def distributions(requirements: Path) -> list[str]:
    """Return what pip is asked for: everything the requirements need, in the tested versions.

    A version that is installed here but that the requirements exclude (a wheel of it may not
    exist for Lambda) is left to pip.
    """
    wanted: dict[str, str] = {}
    pending = list(_read(requirements))
    while pending:
        one = pending.pop()
        name = canonicalize_name(one.name)
        if name in wanted or (one.marker and not one.marker.evaluate()):
            continue
        wanted[name] = _pinned(one)
        pending += [] if name in WITHOUT_DEPENDENCIES else _needed_by(one)
    return sorted(wanted.values())


def _read(requirements: Path) -> Iterator[Requirement]:
    for line in requirements.read_text(encoding="utf-8").splitlines():
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        if text:
            yield Requirement(text)


def _pinned(one: Requirement) -> str:
    installed = _version(one.name)
    specifier = f"=={installed}" if one.specifier.contains(installed) else one.specifier
    return f"{one.name}{specifier}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        raise UnknownDistributionError(f"{name} is not installed here; run make clean") from None


def _needed_by(one: Requirement) -> Iterator[Requirement]:
    extras = {"", *one.extras}
    for text in requires(one.name) or ():
        needed = Requirement(text)
        marker = needed.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
            needed.marker = None
            yield needed


def install(wanted: list[str], target: Path, architecture: str) -> None:
    """Install wheels for Lambda's platform into a directory, and remove what nobody calls."""
    python = sys.version_info[:2]
    machine = ARCHITECTURES[architecture]
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC[python], 16, -1)]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-compile", "--only-binary=:all:", "--implementation=cp"]
    command += [f"--python-version={python[0]}.{python[1]}", f"--target={target}"]
    command += [f"--platform={name}" for name in (*platforms, f"manylinux2014_{machine}")]
    subprocess.run([*command, *wanted], check=True, stdin=subprocess.DEVNULL)
    _prune(target)


def _prune(target: Path) -> None:
    for pattern in UNUSED:
        for path in sorted(target.glob(pattern)):
            _remove(path)
    for path in (target / "botocore" / "data").iterdir():
        if path.is_dir() and path.name not in AWS_SERVICES:
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        rmtree(path)
    else:
        path.unlink(missing_ok=True)
