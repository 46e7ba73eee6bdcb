"""An object store with a delay for each request, like the latency of a cloud."""

import asyncio

from agents.storage.port import ObjectMetadata, ObjectStore, StoredObject


class DelayedStore:
    """An object store whose requests take `seconds` longer."""

    def __init__(self, store: ObjectStore, seconds: float) -> None:
        self._store = store
        self._seconds = seconds

    async def find(self, key: str) -> StoredObject | None:
        """Return the object under the key."""
        await asyncio.sleep(self._seconds)
        return await self._store.find(key)

    async def put(self, key: str, body: bytes, content_type: str, metadata: ObjectMetadata) -> StoredObject:
        """Store the object."""
        await asyncio.sleep(self._seconds)
        return await self._store.put(key, body, content_type, metadata)

    def url(self, key: str) -> str:
        """Return the store's own address of an object."""
        return self._store.url(key)
