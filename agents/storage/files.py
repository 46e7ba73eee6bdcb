"""Objects as files under a directory: for the demo, development and small sites."""

import asyncio
import hashlib
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, ParamSpec, TypeVar
from urllib.parse import quote

from agents.storage.port import Facts, StorageRefusedError, StorageUnavailableError, StoredObject

_NAME_MAX_CHARACTERS: Final = 200
P = ParamSpec("P")
T = TypeVar("T")


class FileStore:
    """Keeps each object in a file of its own, which appears whole or not at all, facts in a hidden one beside it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def open(self) -> None:
        """Nothing to make ready."""

    async def close(self) -> None:
        """Nothing to let go of."""

    async def put(self, key: str, body: bytes, content_type: str, facts: Facts) -> StoredObject:
        """Keep the object unless the key is taken; return what is kept there."""
        return await self._in_thread(self._put, key, body, facts)

    async def find(self, key: str) -> StoredObject | None:
        """Return what is kept under the key with its facts, or None."""
        return await self._in_thread(self._find, key)

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that begin with `prefix`."""
        for key in await self._in_thread(self._keys, prefix):
            yield key

    async def delete(self, key: str) -> None:
        """Delete the object if it is there."""
        await self._in_thread(self._delete, key)

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

    async def _in_thread(self, action: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        try:
            return await asyncio.to_thread(action, *given, **named)
        except OSError as error:
            raise StorageUnavailableError(f"{self._directory} cannot be read or written: {error}") from error

    def _path(self, key: str) -> Path:
        return self._directory.joinpath(*(_component(part) for part in key.split("/")))

    def _put(self, key: str, body: bytes, facts: Facts) -> StoredObject:
        kept = self._find(key)
        if kept is not None:
            return kept
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = json.dumps({"key": key, **facts.as_metadata()}).encode()
        # The facts go first: an object without them would not be found.
        _written(_facts_file(path), beside).replace(_facts_file(path))
        temporary = _written(path, body)
        try:
            # A hard link fails where the name is taken, so that the first object under a key stays.
            os.link(temporary, path)
        except FileExistsError:
            kept = self._find(key)
            if kept is not None:
                return kept
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        return StoredObject(key=key, size_bytes=len(body), facts=facts)

    def _find(self, key: str) -> StoredObject | None:
        path = self._path(key)
        try:
            body = path.read_bytes()
            facts = Facts.of_metadata(json.loads(_facts_file(path).read_bytes()))
        except FileNotFoundError:
            return None
        if facts is None or facts.sha256 != hashlib.sha256(body).hexdigest():
            return None
        return StoredObject(key=key, size_bytes=len(body), facts=facts)

    def _keys(self, prefix: str) -> list[str]:
        directory = self._path(prefix + "x").parent
        # A name may be shorter than its key; the facts have the whole one.
        keys = [json.loads(file.read_bytes())["key"] for file in directory.rglob(".*.json")]
        return sorted(key for key in keys if key.startswith(prefix))

    def _delete(self, key: str) -> None:
        path = self._path(key)
        # The facts go last: as long as they are there, the object is listed.
        path.unlink(missing_ok=True)
        _facts_file(path).unlink(missing_ok=True)

    def _check(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._directory, prefix="."):
            pass


def _facts_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.json")


def _written(path: Path, body: bytes) -> Path:
    """Write a file beside `path`, with everything on the disk, and return it."""
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
