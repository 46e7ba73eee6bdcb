"""Object storage in a directory, one file an object: for the demo, development and small sites."""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, ParamSpec, TypeVar
from urllib.parse import quote

import orjson

from agents.storage.port import ObjectMetadata, StorageRefusedError, StorageUnavailableError, StoredObject

_NAME_MAX_CHARACTERS: Final = 200
P = ParamSpec("P")
T = TypeVar("T")


class FileStore:
    """Stores each object in a file of its own, atomically, and its metadata in a hidden file beside it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def open(self) -> None:
        """Nothing to prepare."""

    async def close(self) -> None:
        """Nothing to close."""

    async def put(self, key: str, body: bytes, content_type: str, metadata: ObjectMetadata) -> StoredObject:
        """Store the object unless the key is taken; return what is stored there."""
        return await self._in_thread(self._put, key, body, metadata)

    async def find(self, key: str) -> StoredObject | None:
        """Return the object under the key with its metadata, or None."""
        return await self._in_thread(self._find, key)

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys with this prefix."""
        for key in await self._in_thread(self._keys, prefix):
            yield key

    async def delete(self, key: str) -> None:
        """Delete the object if it exists."""
        await self._in_thread(self._delete, key)

    async def get(self, key: str) -> bytes:
        """Return the object's bytes. Raises StorageRefusedError where there is none."""
        try:
            return await asyncio.to_thread(self._path(key).read_bytes)
        except OSError as error:
            raise StorageRefusedError(f"{self._path(key)} cannot be read: {error}") from error

    async def check(self) -> None:
        """Raise StorageRefusedError where the directory cannot be created or written."""
        try:
            await asyncio.to_thread(self._check)
        except OSError as error:
            raise StorageRefusedError(
                f"the storage directory {self._directory} cannot be written: {error}; make it, or change its owner"
            ) from error

    def url(self, key: str) -> str:
        """Return the `file://` address of an object."""
        return f"file://{quote(str(self._path(key)))}"

    async def _in_thread(self, action: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        try:
            return await asyncio.to_thread(action, *arguments, **named)
        except OSError as error:
            raise StorageUnavailableError(f"{self._directory} cannot be read or written: {error}") from error

    def _path(self, key: str) -> Path:
        return self._directory.joinpath(*(_component(part) for part in key.split("/")))

    def _put(self, key: str, body: bytes, metadata: ObjectMetadata) -> StoredObject:
        stored = self._find(key)
        if stored is not None:
            return stored
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = orjson.dumps({"key": key, **metadata.to_strings()})
        # The metadata go first: an object without them would not be found.
        _write_temporary(_metadata_file(path), beside).replace(_metadata_file(path))
        temporary = _write_temporary(path, body)
        try:
            # A hard link fails where the name is taken, so that the first object under a key stays.
            os.link(temporary, path)
        except FileExistsError:
            stored = self._find(key)
            if stored is not None:
                return stored
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        return StoredObject(key=key, size_bytes=len(body), metadata=metadata)

    def _find(self, key: str) -> StoredObject | None:
        path = self._path(key)
        try:
            body = path.read_bytes()
            metadata = ObjectMetadata.from_strings(orjson.loads(_metadata_file(path).read_bytes()))
        except FileNotFoundError:
            return None
        if metadata is None or metadata.sha256 != hashlib.sha256(body).hexdigest():
            return None
        return StoredObject(key=key, size_bytes=len(body), metadata=metadata)

    def _keys(self, prefix: str) -> list[str]:
        directory = self._path(prefix + "x").parent
        # A name may be shorter than its key; the metadata have the whole one.
        keys = [orjson.loads(file.read_bytes())["key"] for file in directory.rglob(".*.json")]
        return sorted(key for key in keys if key.startswith(prefix))

    def _delete(self, key: str) -> None:
        path = self._path(key)
        # The metadata go last: as long as they exist, the object is listed.
        path.unlink(missing_ok=True)
        _metadata_file(path).unlink(missing_ok=True)

    def _check(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._directory, prefix="."):
            pass


def _metadata_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.json")


def _write_temporary(path: Path, body: bytes) -> Path:
    """Write a temporary file beside `path`, flushed to the disk, and return its path."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).chmod(0o644)
    return Path(temporary)


def _component(name: str) -> str:
    # File systems take 255 bytes a name; an object key may be longer, and ends in a digest that tells it apart.
    return name if len(name) <= _NAME_MAX_CHARACTERS else name[:60] + "~" + name[-120:]
