"""Object storage as the roles use it: immutable objects under a key, with metadata beside each."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, Self

import msgspec

from schemas.outcomes import PosterWarning
from streams.errors import UnavailableError

WARNINGS_MAX_BYTES: Final = 1_600
"""Of the stored warnings of an image, as JSON in ASCII: S3 refuses an object with more than 2 KB of metadata."""
CACHE_CONTROL: Final = "public, max-age=31536000, immutable"
"""Objects never change, so a year, the longest that RFC 9111 caches take seriously."""


class StorageRefusedError(Exception):
    """The storage answered that it does not accept this object. A retry may succeed, and counts as an attempt."""


class StorageUnavailableError(UnavailableError):
    """The storage does not answer, or is overloaded. `retry_after` is its Retry-After in seconds, or 0."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StorageDeniedError(StorageUnavailableError):
    """The storage refuses every request of ours: credentials, rights, clock or bucket. No poster is to blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectMetadata:
    """Metadata of an object: the SHA-256 of its bytes in hex, and of an image its size in device pixels.

    `warnings` are those of the image, so that a later poster with the same image has them too; their messages are
    shortened to what the storage accepts.
    """

    sha256: str
    width: int = 0
    height: int = 0
    warnings: tuple[PosterWarning, ...] = ()

    def to_strings(self) -> dict[str, str]:
        """Return the metadata as S3 stores it, by name."""
        strings = {"sha256": self.sha256, "width": str(self.width), "height": str(self.height)}
        if self.warnings:
            strings["warnings"] = _stored(self.warnings)
        return strings

    @classmethod
    def from_strings(cls, strings: Mapping[str, str]) -> Self | None:
        """Return the metadata of these strings, None where they are incomplete: somebody else put the object."""
        try:
            return cls(
                sha256=strings["sha256"],
                width=int(strings["width"]),
                height=int(strings["height"]),
                warnings=msgspec.json.decode(strings.get("warnings", "[]"), type=tuple[PosterWarning, ...]),
            )
        except (KeyError, ValueError):
            return None


def _stored(warnings: Sequence[PosterWarning]) -> str:
    """Return the warnings as JSON; where that is too long, with the longest message shortened until it fits."""
    shown = list(warnings)
    # The standard library's encoder is the one that escapes whatever is not ASCII.
    while len(text := json.dumps(msgspec.to_builtins(shown))) > WARNINGS_MAX_BYTES:
        longest = max(range(len(shown)), key=lambda index: len(shown[index].message))
        message = shown[longest].message
        shown[longest] = replace(shown[longest], message=f"{message[: len(message) * 3 // 4]}…")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """A stored object, with its size in bytes."""

    key: str
    size_bytes: int
    metadata: ObjectMetadata


class ObjectStore(Protocol):
    """Immutable objects under a key.

    Every method that asks the storage raises UnavailableError where it is unavailable, and StorageRefusedError where it
    refuses the request.
    """

    async def open(self) -> None:
        """Prepare the store. Connects to nothing yet."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...

    async def put(self, key: str, body: bytes, content_type: str, metadata: ObjectMetadata) -> StoredObject:
        """Store the object unless the key is taken; return what is stored there.

        An object without our metadata is replaced: nobody could tell whether it is whole.
        """
        ...

    async def find(self, key: str) -> StoredObject | None:
        """Return the object under the key with its metadata, or None."""
        ...

    def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys with this prefix."""
        ...

    async def delete(self, key: str) -> None:
        """Delete the object if it exists."""
        ...

    async def get(self, key: str) -> bytes:
        """Return the object's bytes. Raises StorageRefusedError where there is none."""
        ...

    async def check(self) -> None:
        """Raise StorageRefusedError or UnavailableError, with what to do, where objects cannot be stored."""
        ...

    def url(self, key: str) -> str:
        """Return the storage's own address of an object."""
        ...
