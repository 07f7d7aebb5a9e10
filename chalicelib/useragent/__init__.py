"""What a user agent of a Store Transaction does: a plan, requests, receipts (PS3.18 10.5).

::

    scan ──> journal ──> doors, plan ──> client ──┬── request ──┬──> exchange ──> transport
                 ^                        │       └── session ──┘
                 └────────── receipts <───┘

A batch goes out by one request, or by a store session where the server offers those and the batch
is large (``doors``); the answer is the same.

``StoreClient`` stores instances and says of each what became of it; it knows neither files nor
terminals. ``Sender`` adds what a folder of any size needs: scanning, a journal that survives
``kill -9``, parallel connections. ``cli`` is the command ``stowage``. Dependencies come in as
arguments; only ``transport`` opens sockets and only ``cli`` reads the environment.
"""
