"""Chunked framing, undone; no I/O."""


def dechunk(chunked: bytes | bytearray, start: int = 0) -> tuple[bytes, dict[str, str], int] | None:
    """Undo chunked framing (RFC 9112 7.1); extensions are ignored, so aws-chunked reads too.

    Returns
    -------
    tuple of (bytes, dict, int) or None
        The content, the trailer fields with lower-case names, and the offset past the end;
        None while the framing is incomplete.
    """
    content = bytearray()
    while True:
        line_end = chunked.find(b"\r\n", start)
        if line_end < 0:
            return None
        size = int(chunked[start:line_end].split(b";")[0], 16)
        start = line_end + 2
        if size == 0:
            break
        if len(chunked) < start + size + 2:
            return None
        content += chunked[start : start + size]
        start += size + 2
    trailers = {}
    while (line_end := chunked.find(b"\r\n", start)) != start:
        if line_end < 0:
            return None
        name, _, value = chunked[start:line_end].decode("latin-1").partition(":")
        trailers[name.lower()] = value.strip()
        start = line_end + 2
    return bytes(content), trailers, start + 2
