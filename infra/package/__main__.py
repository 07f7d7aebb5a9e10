"""Package the product for deployment, into ``build/``.

::

    python -m infra.package [--architecture x86_64|arm64] [--authorizer jwt|iam]
    python -m infra.package --authorizer none --let-anyone-store
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from shutil import copyfile, copytree, ignore_patterns

from infra.package import dependencies, template
from infra.package.bundle import TooLargeError, compile_tree, write_zip

ROOT = Path(__file__).resolve().parents[2]
ZIP = "deployment.zip"
TEMPLATE = "sam.yaml"
NOT_SHIPPED = ("__pycache__", ".*", "cli", "__main__.py")
"""The user agent's command line is for users' machines, and wants what only they have."""


def package(target: Path, *, architecture: str, authorizer: str) -> tuple[Path, Path]:
    """Write template and zip into a directory; return their paths."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        staged, code = Path(made, "staged"), Path(made, "code")
        staged.mkdir()
        document = template.generate(ROOT, staged)
        template.complete(document, architecture=architecture, authorizer=authorizer)
        wanted = dependencies.distributions(ROOT / "requirements.txt")
        dependencies.install(wanted, code, architecture)
        copytree(ROOT / "chalicelib", code / "chalicelib", ignore=ignore_patterns(*NOT_SHIPPED))
        copyfile(ROOT / "app.py", code / "app.py")
        compile_tree(code)
        write_zip(code, target / ZIP)
    (target / TEMPLATE).write_text(template.encode(document), encoding="utf-8")
    return target / TEMPLATE, target / ZIP


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.package")
    parser.add_argument("--output", type=Path, default=ROOT / "build")
    parser.add_argument("--architecture", choices=dependencies.ARCHITECTURES, default="x86_64")
    parser.add_argument("--authorizer", choices=template.AUTHORIZERS, default="jwt")
    parser.add_argument(
        "--let-anyone-store",
        action="store_true",
        help="needed with --authorizer none: whoever finds the URL stores and reads",
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Package; return the exit status."""
    options = _parser().parse_args(arguments)
    if (options.authorizer == "none") != options.let_anyone_store:
        print("--authorizer none and --let-anyone-store go together.", file=sys.stderr)
        return 2
    try:
        written = package(
            options.output, architecture=options.architecture, authorizer=options.authorizer
        )
    except (dependencies.UnknownDistributionError, TooLargeError) as error:
        print(error, file=sys.stderr)
        return 1
    for path in written:
        content = path.read_bytes()
        print(f"{path}  {len(content)} bytes  SHA-256 {sha256(content).hexdigest()}")
    if options.authorizer == "none":
        print("WARNING: this deployment lets anyone store and read.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
