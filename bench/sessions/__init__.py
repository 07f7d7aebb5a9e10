"""Store sessions under load: every process by itself, so that what each one costs is its own.

``api`` answers the session resources over HTTP, ``function`` is one of the functions behind a
queue, ``sender`` uploads, ``floor`` does the least that anybody must. ``scene`` starts and measures
them.
"""
