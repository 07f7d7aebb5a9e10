"""One zip, the same bytes each time: sorted, undated, compiled.

Lambda's code directory cannot be written to, so without bytecode in the zip every cold start
compiles all it imports. Unchecked hash-based files hold no time and are never compared.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

MAX_ZIP_BYTES = 24_000_000
"""Ceiling of the zip; Lambda takes 50 MB, and a cold start downloads all of it."""
MAX_UNPACKED_BYTES = 80_000_000
"""Ceiling of what is unpacked; Lambda takes 250 MB."""

CODE_DIRECTORY = "/var/task"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


class TooLargeError(Exception):
    """The zip is larger than its ceiling."""


def compile_tree(root: Path) -> None:
    """Compile every module below a directory, as if it stood where Lambda puts it."""
    command = [sys.executable, "-m", "compileall", "-q", "-f", "-j1"]
    command += ["--invalidation-mode=unchecked-hash", "-s", str(root), "-p", CODE_DIRECTORY]
    # The order of sets in constants follows the hashes of strings.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    subprocess.run([*command, str(root)], check=True, env=environment)


def write_zip(root: Path, target: Path) -> None:
    """Zip a directory.

    Raises
    ------
    TooLargeError
        When a ceiling is passed; what is too large is gone then.
    """
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = _UNIX
            mode = 0o755 if ".so" in Path(name).suffixes else 0o644
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, (root / name).read_bytes(), compresslevel=9)
    unpacked = sum((root / name).stat().st_size for name in names)
    packed = target.stat().st_size
    if packed > MAX_ZIP_BYTES or unpacked > MAX_UNPACKED_BYTES:
        target.unlink()
        raise TooLargeError(f"{packed} bytes, {unpacked} unpacked")
