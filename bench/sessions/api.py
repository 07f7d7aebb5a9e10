"""``python -m bench.sessions.api``: the API behind a gateway of our own, as a process.

Says its URL, then serves until its input ends.
"""

import importlib
import os
import sys
from contextlib import closing

from bench.sessions.speaking import quiet_output, say
from infra.local.front import Front, listen, url_of
from infra.local.functions import LocalFunction, make_thread_safe
from infra.local.gateway import Gateway, GatewaySettings
from infra.local.gateway_event import RouteTable

THREADS = 8


def main() -> None:
    """Serve."""
    output = quiet_output()
    with closing(listen()) as listener:
        os.environ["BASE_URI"] = url_of(listener)  # is read when the product is imported
        app = importlib.import_module("app").app
        make_thread_safe(app)
        routes = RouteTable({resource: methods.keys() for resource, methods in app.routes.items()})
        function = LocalFunction(app, "app", threads=THREADS)
        with Front(Gateway(routes, function, GatewaySettings(frozenset())), listener) as front:
            say(output, front.url)
            sys.stdin.read()


if __name__ == "__main__":
    main()
