"""Values too large for the topic of dead letters, kept beside the images."""

import hashlib
from collections.abc import Callable

from agents.storage.port import Facts, ObjectStore, StorageRefusedError
from streams.errors import UnavailableError


class StoredClaims:
    """Opens the storage with the first claim: most roles never need it."""

    def __init__(self, make_store: Callable[[], ObjectStore]) -> None:
        self._make_store = make_store
        self._store: ObjectStore | None = None

    async def keep(self, name: str, value: bytes) -> None:
        """Keep the value under this name; keeping it again changes nothing. Raises UnavailableError."""
        store = await self._opened()
        try:
            await store.put(name, value, "application/octet-stream", Facts(sha256=hashlib.sha256(value).hexdigest()))
        except StorageRefusedError as error:
            # A record may not be lost because the storage is set up wrongly.
            raise UnavailableError(str(error)) from error

    async def fetch(self, name: str) -> bytes:
        """Return the value kept under this name. Raises UnavailableError, StorageRefusedError where there is none."""
        store = await self._opened()
        return await store.get(name)

    async def close(self) -> None:
        """Let go of the storage."""
        if self._store is not None:
            await self._store.close()

    async def _opened(self) -> ObjectStore:
        if self._store is None:
            store = self._make_store()
            await store.open()
            self._store = store
        return self._store
