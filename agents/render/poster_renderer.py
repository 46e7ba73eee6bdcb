"""One poster, from its pinned event to kept images."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar, cast
from urllib.parse import quote

from agents.metrics import RENDER_SECONDS, UPLOAD_SECONDS
from agents.render.cached_usage import CachedUsage, UsageCache
from agents.render.object_key import image_digest, object_digest, object_key
from agents.render.poster_events import StoredPoster
from agents.render.template_sources import TemplateSources
from agents.storage.port import ObjectMetadata, ObjectStore, StorageRefusedError, StoredObject
from renderer.errors import RenderError
from renderer.language.template import TemplateProblemError
from renderer.rendering import AssetUsage, Rendering, RenderRequest
from renderer.rendering import Image as RenderedImage
from renderer.single_flight import SingleFlight
from schemas.codes import ErrorCode, is_retryable
from schemas.outcomes import Asset, Image, PosterWarning
from schemas.output import CONTENT_TYPES, Format, named_outputs
from schemas.renders import PosterPinned
from streams.failpoint import failpoint
from streams.retry import retry_while_unavailable

T = TypeVar("T")


KEPT_WARNINGS: Final = ("text_truncated", "missing_glyphs", "asset_invalid")
"""What is still to be said of an image that is not drawn again. What it says of network assets follows from its key."""


class Renderer(Protocol):
    """What turns documents into images."""

    @property
    def fingerprint(self) -> str:
        """Name the browser's build, our own steps and the font set."""
        ...

    async def render(self, request: RenderRequest) -> Rendering:
        """Draw one document. Raises RenderError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageStore:
    """Where images are kept and reached: `public_url` and the key, or else the storage's own address."""

    store: ObjectStore
    public_url: str | None

    def url(self, key: str) -> str:
        """Return the address of an object."""
        return self.store.url(key) if self.public_url is None else f"{self.public_url.rstrip('/')}/{quote(key)}"

    async def find(self, key: str) -> StoredObject | None:
        """Return what is kept under the key, waiting while the storage is away. Raises RenderError `upload`."""
        return await self._patiently(lambda: self.store.find(key))

    async def put(self, key: str, image: RenderedImage, warnings: Sequence[PosterWarning]) -> StoredObject:
        """Keep an image, waiting while the storage is away. Raises RenderError `upload` where it refuses."""
        metadata = ObjectMetadata(
            sha256=hashlib.sha256(image.data).hexdigest(),
            width=image.width,
            height=image.height,
            warnings=tuple(warning for warning in warnings if warning.code in KEPT_WARNINGS),
        )
        return await self._patiently(lambda: self.store.put(key, image.data, CONTENT_TYPES[image.format], metadata))

    async def _patiently(self, action: Callable[[], Awaitable[T]]) -> T:
        try:
            return await retry_while_unavailable(action)
        except StorageRefusedError as error:
            raise RenderError("upload", str(error)) from error


class PosterRenderer:
    """Makes posters. What fails raises RenderError with its code; what is away is waited for."""

    def __init__(
        self,
        renderer: Renderer,
        sources: TemplateSources,
        shelf: ImageStore,
        *,
        timeout: float,
        clock: Callable[[], float],
    ) -> None:
        self._renderer = renderer
        self._sources = sources
        self._shelf = shelf
        self._timeout = timeout
        self._clock = clock
        self._reuse = UsageCache()
        self._posters: SingleFlight[StoredPoster] = SingleFlight()
        self._renderings: SingleFlight[Rendering] = SingleFlight()

    async def make(self, poster: PosterPinned) -> StoredPoster:
        """Return the poster's images: those of an equal poster, kept or under way, else new ones. Raises RenderError.

        `cached` says that no rendering was begun for it.
        """
        began = self._clock()
        if poster.reuse:
            made = await self._shared(poster)
        else:
            made = await self._store(poster, await self._render(poster))
        return replace(made, generation_time_ms=self._since(began))

    async def _shared(self, poster: PosterPinned) -> StoredPoster:
        # The look into storage is part of the flight: one that ends is followed only by looks that find its object.
        object_identity = (poster.input_digest, poster.section, poster.entity_id, poster.strict)
        joined = self._posters.has(object_identity)
        made = await self._posters.join(object_identity, lambda: self._find_or_render(poster))
        return replace(made, cached=joined or made.cached)

    async def _find_or_render(self, poster: PosterPinned) -> StoredPoster:
        known = self._reuse.find(poster.input_digest, self._clock())
        kept = await self._kept(poster, known.usage)
        if kept is not None:
            return _reused(poster, kept, known)
        joined = self._renderings.has(poster.input_digest)
        rendering = await self._renderings.join(poster.input_digest, lambda: self._render(poster))
        return replace(await self._store(poster, rendering), cached=joined)

    async def _render(self, poster: PosterPinned) -> Rendering:
        rendering = await self._renderer.render(await self._request(poster))
        _observe(rendering)
        failpoint("render drawn")
        self._reuse.note(poster.input_digest, rendering, self._clock())
        return rendering

    async def _store(self, poster: PosterPinned, rendering: Rendering) -> StoredPoster:
        if poster.strict:
            _refuse_missing(rendering.assets)
            _refuse_flaws(rendering.warnings)
        images = [await self._keep(poster, image, rendering) for image in rendering.images]
        failpoint("render stored")
        return StoredPoster(images=images, warnings=rendering.warnings, assets=rendering.assets)

    async def _request(self, poster: PosterPinned) -> RenderRequest:
        try:
            source = await retry_while_unavailable(lambda: self._sources.get(poster.template_version_id))
            if source is None:
                raise RenderError("template_not_found", f"template version {poster.template_version_id} does not exist")
            template, javascript = source
            html = template.render(poster.custom_data)
        except TemplateProblemError as error:
            raise RenderError(error.code, str(error)) from error
        return RenderRequest(
            html=html,
            output=poster.output,
            javascript=javascript,
            deadline_seconds=self._timeout,
            urgent=poster.lane != "bulk",
        )

    async def _kept(self, poster: PosterPinned, usage: AssetUsage) -> list[tuple[Image, StoredObject]] | None:
        """Return the poster's images if all of them are kept."""
        images = []
        for name, output in named_outputs(poster.output):
            image_format: Format = output.format or "png"
            kept = await self._shelf.find(self._key(poster, name, image_format, usage))
            if kept is None:
                return None
            images.append((self._image(name, kept, image_format), kept))
        return images

    async def _keep(self, poster: PosterPinned, image: RenderedImage, rendering: Rendering) -> Image:
        key = self._key(poster, image.name, image.format, rendering.usage)
        with UPLOAD_SECONDS.labels(image.format).time():
            kept = await self._shelf.put(key, image, rendering.warnings)
        return self._image(image.name, kept, image.format)

    def _key(self, poster: PosterPinned, name: str, image_format: Format, usage: AssetUsage) -> str:
        input_digest = image_digest(poster.input_digest, poster.output, name)
        digest = object_digest(input_digest, self._renderer.fingerprint, usage)
        return object_key(poster.section, poster.entity_id, digest, image_format)

    def _image(self, name: str, kept: StoredObject, image_format: Format) -> Image:
        return Image(
            name=name,
            url=self._shelf.url(kept.key),
            object_key=kept.key,
            sha256=kept.metadata.sha256,
            size_bytes=kept.size_bytes,
            width=kept.metadata.width,
            height=kept.metadata.height,
            format=image_format,
        )

    def _since(self, began: float) -> int:
        return max(0, round((self._clock() - began) * 1000))


def _observe(rendering: Rendering) -> None:
    seconds = rendering.timings.composed + rendering.timings.captured
    RENDER_SECONDS.labels(rendering.images[0].format).observe(seconds)


def _reused(poster: PosterPinned, kept: Sequence[tuple[Image, StoredObject]], known: CachedUsage) -> StoredPoster:
    told = [*known.warnings, *(warning for _, stored in kept for warning in stored.metadata.warnings)]
    warnings = list(dict.fromkeys(told))
    if poster.strict:
        _refuse_flaws(warnings)
    return StoredPoster(images=[image for image, _ in kept], cached=True, warnings=warnings, assets=known.usage.assets)


def _refuse_missing(assets: Sequence[Asset]) -> None:
    missing = [asset for asset in assets if not asset.ok]
    if missing:
        codes = [cast("ErrorCode", asset.reason or "asset_blocked") for asset in missing]
        # What cannot be mended by trying again decides.
        code = next((code for code in codes if not is_retryable(code)), codes[0])
        named = ", ".join(f"{asset.url} ({_why(asset)})" for asset in missing)
        raise RenderError(code, f"strict: missing {named}", assets)


def _refuse_flaws(warnings: Sequence[PosterWarning]) -> None:
    for warning in warnings:
        if warning.code in ("text_truncated", "asset_invalid"):
            raise RenderError(cast("ErrorCode", warning.code), f"strict: {warning.message}")


def _why(asset: Asset) -> str:
    return f"{asset.reason} {asset.status}" if asset.reason == "asset_status" else str(asset.reason)
