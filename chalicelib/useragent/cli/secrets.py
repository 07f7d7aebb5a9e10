"""Secrets from the environment or from files; command lines are for everybody to read."""

from collections.abc import Callable, Mapping
from pathlib import Path

from chalicelib.useragent.auth import Secret
from chalicelib.useragent.errors import UsageError


def read_file(path: str, what: str) -> Secret:
    """Return the first line of a file."""
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"The file with the {what} cannot be read.") from None
    if not lines or not lines[0].strip():
        raise UsageError(f"The file with the {what} is empty.")
    return Secret(lines[0].strip())


def secret_from(environ: Mapping[str, str], variable: str, path: str | None, what: str) -> Secret:
    """Return a secret from a file if one is named, else from the environment.

    Raises
    ------
    UsageError
        There is none.
    """
    if path:
        return read_file(path, what)
    if environ.get(variable):
        return Secret(environ[variable])
    raise UsageError(f"The {what} is missing: set {variable}, or name a file that holds it.")


def secret_reader(
    environ: Mapping[str, str], variable: str, path: str | None, what: str
) -> Callable[[], Secret]:
    """Return what reads the secret each time anew."""
    return lambda: secret_from(environ, variable, path, what)


def header_field(text: str, environ: Mapping[str, str]) -> tuple[str, Secret]:
    """Return a header field from ``Name: value``, ``Name: env:VARIABLE`` or ``Name: file:PATH``."""
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or not name or not name.replace("-", "").replace("_", "").isalnum():
        raise UsageError("A header is written as 'Name: value'.")
    if value.startswith("env:"):
        return name, secret_from(environ, value[4:], None, f"value of header {name}")
    if value.startswith("file:"):
        return name, read_file(value[5:], f"value of header {name}")
    if not value.isprintable():
        raise UsageError(f"The value of header {name} holds a control character.")
    return name, Secret(value)
