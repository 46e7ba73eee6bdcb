"""Choosing the adapter: the setting `POSTERS_STORAGE_URL` → a store."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from agents.storage.files import FileStore
from agents.storage.port import ObjectStore
from streams.errors import SettingsError

if TYPE_CHECKING:
    from agents.storage.s3 import Addressing

_ADDRESSING: Final[Mapping[str, "Addressing"]] = {
    "": "path",
    "addressing=path": "path",
    "addressing=virtual": "virtual",
}


def object_store(storage_url: str) -> ObjectStore:
    """Return the store that `storage_url` names. Raises SettingsError."""
    parts = urlsplit(storage_url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return FileStore(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc and parts.query in _ADDRESSING:
        # The client of S3 is half of what a command imports.
        from agents.storage.s3 import S3Store  # noqa: PLC0415

        return S3Store(parts.netloc, unquote(parts.path).strip("/"), addressing=_ADDRESSING[parts.query])
    raise SettingsError(
        f"POSTERS_STORAGE_URL is `{storage_url}`; write s3://bucket/prefix, with ?addressing=virtual where the storage "
        "wants the bucket as host, or file:///directory"
    )
