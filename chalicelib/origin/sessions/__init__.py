"""Store sessions: bodies of any size (``docs/sessions.md``, ADR 9).

::

    door ──> record, staging, queue ──> ingest ──> framing ──> placing ──> answer
                      ^                    │
                      └── lease, checkpoint┘

``door`` answers the session resources and stores nothing. ``ingest`` is the worker: one at a time
holds a session (``lease``), reads the staged body once (``framing``), then stores what it found
(``placing``) by the small door's own code, and writes the answer (``answer``).
"""
