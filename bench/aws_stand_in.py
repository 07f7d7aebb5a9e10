"""The AWS stand-in as a process: ``python -m bench.aws_stand_in --port 0 --latency 0.025``.

Prints its port on the first line of standard output, then serves the loopback until it is
terminated; with ``--until-eof`` also until its standard input ends, so that it cannot outlive the
process that started it. ``boto3`` finds it through ``AWS_ENDPOINT_URL``.
"""

import argparse
import asyncio
import contextlib
import resource
import sys
from functools import partial
from pathlib import Path

from bench.stand_in.contents import Files, Memory, Nowhere, Store
from bench.stand_in.faults import Fault
from bench.stand_in.server import StandIn, listen


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.aws_stand_in", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds added to an answer")
    parser.add_argument(
        "--fault",
        type=Fault.parse,
        action="append",
        default=[],
        metavar="FAULT",
        help="SCOPE:KIND:PROBABILITY[:TIMES], such as s3.PutObject:503:0.1, "
        "dynamodb:unprocessed:0.01, events:failed:1:1, s3:lost:0.1",
    )
    parser.add_argument("--seed", type=int, default=0, help="where the faults' sequence begins")
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument("--keep", action="store_true", help="hold objects' bytes in memory")
    kept.add_argument(
        "--directory",
        type=Path,
        metavar="DIR",
        help="hold objects' bytes in nameless files there: constant memory whatever their sizes",
    )
    parser.add_argument("--secret", default="bench", help="what presigned URLs are signed with")
    parser.add_argument("--until-eof", action="store_true", help="end with standard input")
    return parser.parse_args(arguments)


def make_store(options: argparse.Namespace) -> Store:
    """Return where objects' bytes are kept."""
    if options.directory is not None:
        return Files(options.directory)
    return Memory() if options.keep else Nowhere()


def allow_files() -> None:
    """Allow as many open files as the system does: each large part is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def serve(options: argparse.Namespace) -> None:
    """Serve until terminated or, if asked, until standard input ends."""
    service = StandIn(
        partial(make_store, options),
        latency=options.latency,
        faults=options.fault,
        seed=options.seed,
        secret=options.secret,
    )
    server = await listen(service, options.port)
    print(server.sockets[0].getsockname()[1], flush=True)
    if options.until_eof:
        await asyncio.to_thread(sys.stdin.read)
        server.close()  # and leave connections that clients keep open to the end of the process
    else:
        await server.serve_forever()


if __name__ == "__main__":
    allow_files()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parse_arguments(sys.argv[1:])))
