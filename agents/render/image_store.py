"""Images in object storage: stored once under their key, with the facts and the public URL that a completion needs."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import quote

from agents.storage.port import ObjectMetadata, ObjectStore, StorageRefusedError, StoredObject
from renderer.errors import RenderError
from renderer.rendering import Image
from schemas.outcomes import PosterWarning
from schemas.output import CONTENT_TYPES
from streams.retry import retry_while_unavailable

T = TypeVar("T")

PERSISTED_WARNINGS: Final = (
    *("text_truncated", "missing_glyphs", "asset_invalid", "font_missing", "hyphenation_missing"),
    *("script_error", "content_clipped", "text_not_fitted", "pdf_unsupported", "locale_unknown"),
)
"""Warnings stored with the image, for posters that reuse it. Those about network assets follow from its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageStore:
    """Stores and finds images. An unavailable storage is retried; `public_url` None means the storage's own address."""

    store: ObjectStore
    public_url: str | None

    def url(self, key: str) -> str:
        """Return the public URL of an object."""
        return self.store.url(key) if self.public_url is None else f"{self.public_url.rstrip('/')}/{quote(key)}"

    async def find(self, key: str) -> StoredObject | None:
        """Return the object under the key, or None. Raises RenderError `upload` where the storage refuses."""
        return await self._retry(lambda: self.store.find(key))

    async def put(self, key: str, image: Image, warnings: Sequence[PosterWarning]) -> StoredObject:
        """Store an image and return what is under its key. Raises RenderError `upload` where the storage refuses."""
        facts = ObjectMetadata(
            sha256=hashlib.sha256(image.data).hexdigest(),
            width=image.width,
            height=image.height,
            warnings=tuple(warning for warning in warnings if warning.code in PERSISTED_WARNINGS),
        )
        return await self._retry(lambda: self.store.put(key, image.data, CONTENT_TYPES[image.format], facts))

    async def _retry(self, action: Callable[[], Awaitable[T]]) -> T:
        try:
            return await retry_while_unavailable(action)
        except StorageRefusedError as error:
            raise RenderError("upload", str(error)) from error
