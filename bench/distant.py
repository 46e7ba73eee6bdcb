"""A store of objects that is some way off, as a cloud's is."""

import asyncio

from agents.storage.port import ObjectMetadata, ObjectStore, StoredObject


class Distant:
    """A store to which each request takes this many seconds more."""

    def __init__(self, store: ObjectStore, seconds: float) -> None:
        self._store = store
        self._seconds = seconds

    async def find(self, key: str) -> StoredObject | None:
        """Return what is kept under the key."""
        await asyncio.sleep(self._seconds)
        return await self._store.find(key)

    async def put(self, key: str, body: bytes, content_type: str, metadata: ObjectMetadata) -> StoredObject:
        """Keep the object."""
        await asyncio.sleep(self._seconds)
        return await self._store.put(key, body, content_type, metadata)

    def url(self, key: str) -> str:
        """Return the store's own address of an object."""
        return self._store.url(key)
