"""A body on its way in: written where it will stay, hashed only as far as it must be checked."""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Mapping
from typing import Protocol

from bench.stand_in.contents import Buffer, Store
from bench.stand_in.values import AwsError

SHA256 = "x-amz-checksum-sha256"


class _Hasher(Protocol):
    def update(self, piece: Buffer, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, piece: Buffer, /) -> None:
        self._value = zlib.crc32(piece, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


_HASHERS: dict[str, Callable[[], _Hasher]] = {
    SHA256: hashlib.sha256,
    "x-amz-checksum-crc32": _Crc32,
    "content-md5": lambda: hashlib.md5(usedforsecurity=False),
}
"""By the header that claims a digest; other checksums are taken unchecked."""


class Receiving:
    """Takes a body of ``length`` bytes.

    Attributes
    ----------
    content : Segment
        Where the body is.
    """

    def __init__(self, store: Store, headers: Mapping[str, str], length: int) -> None:
        self.content = store.begin(length)
        self._received = 0
        self._claimed = {name: headers[name] for name in _HASHERS if name in headers}
        self._hashers = {name: _HASHERS[name]() for name in self._claimed}

    def write(self, piece: Buffer) -> None:
        """Take the next bytes."""
        for hasher in self._hashers.values():
            hasher.update(piece)
        self.content.write(self._received, piece)
        self._received += len(piece)

    @property
    def sha256(self) -> bytes | None:
        """Return the digest of what was written, if the sender claimed one."""
        return self._hashers[SHA256].digest() if SHA256 in self._hashers else None

    def verify(self) -> None:
        """Refuse a body that is not what its sender claims.

        Raises
        ------
        AwsError
            BadDigest, or InvalidRequest for a claim that is no digest.
        """
        for name, claimed in self._claimed.items():
            try:
                matches = base64.b64decode(claimed, validate=True) == self._hashers[name].digest()
            except binascii.Error:
                raise AwsError(400, "InvalidRequest", f"{name} is not base64.") from None
            if not matches:
                algorithm = name.rpartition("-")[2].upper()
                message = f"The {algorithm} you specified did not match the calculated checksum"
                raise AwsError(400, "BadDigest", message)
