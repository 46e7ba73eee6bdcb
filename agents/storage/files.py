"""Objects as files under a directory: for the demo, development and small sites."""

import asyncio
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import quote

from agents.storage.port import StorageAwayError, StorageRefusedError, StoredObject

_NAME_MAX_CHARACTERS: Final = 200


class FileStore:
    """Keeps each object in a file of its own, which appears whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def open(self) -> None:
        """Nothing to make ready."""

    async def close(self) -> None:
        """Nothing to let go of."""

    async def put(self, key: str, body: bytes, content_type: str, sha256: str) -> StoredObject:
        """Keep the object unless the key is taken; return what is kept there."""
        try:
            return await asyncio.to_thread(self._put, key, body, sha256)
        except OSError as error:
            raise StorageAwayError(f"{self._directory} cannot be written: {error}") from error

    async def find(self, key: str) -> StoredObject | None:
        """Return what is kept under the key, or None."""
        try:
            return await asyncio.to_thread(self._find, key)
        except OSError as error:
            raise StorageAwayError(f"{self._directory} cannot be read: {error}") from error

    async def get(self, key: str) -> bytes:
        """Return the object's bytes. Raises StorageRefusedError where there is none."""
        try:
            return await asyncio.to_thread(self._path(key).read_bytes)
        except OSError as error:
            raise StorageRefusedError(f"{self._path(key)} cannot be read: {error}") from error

    async def check(self) -> None:
        """Raise StorageRefusedError where the directory cannot be made or written."""
        try:
            await asyncio.to_thread(self._check)
        except OSError as error:
            raise StorageRefusedError(
                f"the storage directory {self._directory} cannot be written: {error}; make it, or change its owner"
            ) from error

    def url(self, key: str) -> str:
        """Return the `file://` address of an object."""
        return f"file://{quote(str(self._path(key)))}"

    def _path(self, key: str) -> Path:
        return self._directory.joinpath(*(_component(part) for part in key.split("/")))

    def _put(self, key: str, body: bytes, sha256: str) -> StoredObject:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            # A hard link fails where the name is taken, so that the first object under a key stays.
            os.link(temporary, path)
        except FileExistsError:
            return self._find(key) or self._put(key, body, sha256)
        finally:
            Path(temporary).unlink()
        return StoredObject(key=key, sha256=sha256, size_bytes=len(body))

    def _find(self, key: str) -> StoredObject | None:
        try:
            body = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        return StoredObject(key=key, sha256=hashlib.sha256(body).hexdigest(), size_bytes=len(body))

    def _check(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._directory, prefix="."):
            pass


def _component(name: str) -> str:
    # File systems take 255 bytes a name; an object key may be longer, and ends in a digest that tells it apart.
    return name if len(name) <= _NAME_MAX_CHARACTERS else name[:60] + "~" + name[-120:]
