"""What the render role needs of a store of objects."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from typing import Final, Protocol, Self

import msgspec

from schemas.outcomes import PosterWarning
from streams.errors import UnavailableError

CACHE_CONTROL: Final = "public, max-age=31536000, immutable"
"""Objects never change, so a year, the longest that RFC 9111 caches take seriously."""


class StorageRefusedError(Exception):
    """The storage answered that it will not take this object; another attempt may help, and is counted."""


class StorageUnavailableError(UnavailableError):
    """The storage does not answer, or asks to be left alone for `retry_after` seconds (0: it does not say)."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StorageDeniedError(StorageUnavailableError):
    """The storage refuses us whatever we ask: credentials, rights, clock or bucket. No poster is to blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is kept beside an object: the SHA-256 of its bytes in hex, of a picture its size in device pixels.

    `warnings` are what was to say of it; S3 takes 2 KB of metadata, in ASCII.
    """

    sha256: str
    width: int = 0
    height: int = 0
    warnings: tuple[PosterWarning, ...] = ()

    def as_metadata(self) -> dict[str, str]:
        """Return the texts that stand for them."""
        size = {"width": str(self.width), "height": str(self.height)}
        said = {"warnings": json.dumps([asdict(warning) for warning in self.warnings])} if self.warnings else {}
        return {"sha256": self.sha256, **size, **said}

    @classmethod
    def of_metadata(cls, metadata: Mapping[str, str]) -> Self | None:
        """Return the facts that these texts stand for, None where they are not all there."""
        try:
            return cls(
                sha256=metadata["sha256"],
                width=int(metadata["width"]),
                height=int(metadata["height"]),
                warnings=msgspec.json.decode(metadata.get("warnings", "[]"), type=tuple[PosterWarning, ...]),
            )
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object as it is kept, with its size in bytes."""

    key: str
    size_bytes: int
    facts: Facts


class ObjectStore(Protocol):
    """Immutable objects under a key."""

    async def open(self) -> None:
        """Make ready. Connects to nothing yet."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...

    async def put(self, key: str, body: bytes, content_type: str, facts: Facts) -> StoredObject:
        """Keep the object unless the key is taken; return what is kept there.

        What stands there without its facts is replaced: nobody could tell whether it is whole.
        Raises UnavailableError where the storage is away, StorageRefusedError where it refuses.
        """
        ...

    async def find(self, key: str) -> StoredObject | None:
        """Return the object under the key with its facts, or None. Raises UnavailableError."""
        ...

    def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that begin with `prefix`. Raises UnavailableError, StorageRefusedError."""
        ...

    async def delete(self, key: str) -> None:
        """Delete the object if it is there. Raises UnavailableError, StorageRefusedError."""
        ...

    async def get(self, key: str) -> bytes:
        """Return the object's bytes. Raises UnavailableError, StorageRefusedError where there is none."""
        ...

    async def check(self) -> None:
        """Raise StorageRefusedError or UnavailableError, with what to do, where objects cannot be kept."""
        ...

    def url(self, key: str) -> str:
        """Return the storage's own address of an object."""
        ...
