"""What the render role needs of a store of objects."""

from dataclasses import dataclass
from typing import Final, Protocol

from streams.errors import TryAgainError

CACHE_CONTROL: Final = "public, max-age=31536000, immutable"
"""Objects never change, so a year, the longest that RFC 9111 caches take seriously."""


class StorageRefusedError(Exception):
    """The storage answered that it will not take this object; another attempt may help, and is counted."""


class StorageAwayError(TryAgainError):
    """The storage does not answer, or asks to be left alone for `retry_after` seconds (0: it does not say)."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StorageClosedError(StorageAwayError):
    """The storage refuses us whatever we ask: credentials, rights, clock or bucket. No poster is to blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object as it is kept: SHA-256 in hex and size in bytes."""

    key: str
    sha256: str
    size_bytes: int


class ObjectStore(Protocol):
    """Immutable objects under a key."""

    async def open(self) -> None:
        """Make ready. Connects to nothing yet."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...

    async def put(self, key: str, body: bytes, content_type: str, sha256: str) -> StoredObject:
        """Keep the object unless the key is taken; return what is kept there.

        Raises TryAgainError where the storage is away, StorageRefusedError where it refuses.
        """
        ...

    async def find(self, key: str) -> StoredObject | None:
        """Return what is kept under the key, or None. Raises TryAgainError where the storage is away."""
        ...

    async def get(self, key: str) -> bytes:
        """Return the object's bytes. Raises TryAgainError, StorageRefusedError where there is none."""
        ...

    async def check(self) -> None:
        """Raise StorageRefusedError or TryAgainError, with what to do, where objects cannot be kept."""
        ...

    def url(self, key: str) -> str:
        """Return the storage's own address of an object."""
        ...
