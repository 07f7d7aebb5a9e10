"""Print a token for the local stack that ``AUTH=jwt make run`` started.

::

    python -m infra.local.token --scope write --partition default
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import timedelta

from chalicelib.origin.authorize import Scope
from infra.local.issuer import load_or_make_key, make_token


def main(arguments: Sequence[str]) -> int:
    """Print a token; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.token", description=__doc__)
    scopes = [scope.value for scope in Scope]
    parser.add_argument("--scope", action="append", choices=scopes, default=[], help="repeatable")
    parser.add_argument("--partition", action="append", default=[], help="repeatable; * for all")
    parser.add_argument("--subject", default="local-user", help="who it is for")
    parser.add_argument("--minutes", type=int, default=60, help="how long it is good; may be < 0")
    options = parser.parse_args(arguments)
    print(
        make_token(
            load_or_make_key(),
            options.scope,
            options.partition,
            subject=options.subject,
            lifetime=timedelta(minutes=options.minutes),
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
