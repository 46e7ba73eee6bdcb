"""Claim check: values too large for the topic, in object storage; the record carries their name instead."""

import hashlib
from collections.abc import Callable

from agents.storage.port import ObjectMetadata, ObjectStore, StorageRefusedError
from streams.errors import UnavailableError


class StoredClaims:
    """Values by name, beside the images. The storage is opened with the first one: most roles never need it."""

    def __init__(self, make_store: Callable[[], ObjectStore]) -> None:
        self._make_store = make_store
        self._store: ObjectStore | None = None

    async def store(self, name: str, value: bytes) -> None:
        """Store the value under this name. Idempotent. Raises UnavailableError."""
        store = await self._opened()
        metadata = ObjectMetadata(sha256=hashlib.sha256(value).hexdigest())
        try:
            await store.put(name, value, "application/octet-stream", metadata)
        except StorageRefusedError as error:
            # A record must not be lost because the storage is configured wrongly.
            raise UnavailableError(str(error)) from error

    async def fetch(self, name: str) -> bytes:
        """Return the value of this name. Raises UnavailableError, StorageRefusedError where there is none."""
        store = await self._opened()
        return await store.get(name)

    async def close(self) -> None:
        """Close the storage."""
        if self._store is not None:
            await self._store.close()

    async def _opened(self) -> ObjectStore:
        if self._store is None:
            store = self._make_store()
            await store.open()
            self._store = store
        return self._store
