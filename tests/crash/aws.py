"""A stand-in for AWS in a process of its own: what it holds survives whoever is killed.

Prints its URL and serves until standard input ends.
"""

import logging
import sys

from moto import backends
from moto.server import ThreadedMotoServer
from werkzeug.serving import WSGIRequestHandler


def main() -> None:
    # Thousands of calls are made: keep connections, and do not read directories for each.
    WSGIRequestHandler.protocol_version = "HTTP/1.1"
    modules = list(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
