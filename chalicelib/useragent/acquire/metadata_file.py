"""Attributes in a JSON or YAML file: a mapping of keywords to values.

Every scalar is taken as it is written: a Patient ID of ``007`` keeps its zeros.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chalicelib.useragent.acquire.errors import AcquireError

_YAML = frozenset({".yaml", ".yml"})


def read_metadata_file(path: Path, *, max_bytes: int) -> Mapping[str, str]:
    """Return what a metadata file states, by keyword; nothing is checked but its shape.

    Raises
    ------
    AcquireError
        When it is no mapping of keywords to text or numbers, or cannot be read.
    """
    content = _read(path, max_bytes)
    suffix = path.suffix.lower()
    if suffix == ".json":
        parsed = _parse_json(content, path)
    elif suffix in _YAML:
        parsed = _parse_yaml(content, path)
    else:
        raise AcquireError("A metadata file ends in .json, .yaml or .yml.", path=path)
    if not isinstance(parsed, dict):
        raise AcquireError("It is no mapping of attribute keywords to values.", path=path)
    for keyword, value in parsed.items():
        if not isinstance(keyword, str) or not isinstance(value, str):
            named = keyword if isinstance(keyword, str) and keyword.isidentifier() else "A key"
            raise AcquireError(f"{named} has a value that is neither text nor number.", path=path)
    return parsed


def _read(path: Path, max_bytes: int) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise AcquireError(f"It cannot be read: {error.strerror}.", path=path) from None
    if len(content) > max_bytes:
        raise AcquireError(f"It has more than {max_bytes} bytes.", path=path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise AcquireError("It is not UTF-8.", path=path) from None


def _parse_json(content: str, path: Path) -> Any:
    try:
        return json.loads(
            content, object_pairs_hook=_unique, parse_int=str, parse_float=str, parse_constant=str
        )
    except _RepeatedKeyError:
        raise AcquireError("It has the same key twice.", path=path) from None
    except (ValueError, RecursionError):
        raise AcquireError("It is not JSON.", path=path) from None


class _RepeatedKeyError(ValueError):
    pass


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise _RepeatedKeyError
    return unique


def _parse_yaml(content: str, path: Path) -> Any:
    try:
        import yaml
    except ImportError:
        raise AcquireError("Reading YAML needs PyYAML; JSON does not.", path=path) from None
    try:
        node = yaml.compose(content, Loader=yaml.BaseLoader)
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            if len(set(keys)) != len(keys):
                raise AcquireError("It has the same key twice.", path=path)
        return yaml.load(content, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError):
        raise AcquireError("It is not YAML.", path=path) from None
