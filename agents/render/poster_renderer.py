"""One poster, from its pinned event to stored images; equal posters are rendered once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from agents.events import StoredPoster
from agents.metrics import RENDER_SECONDS, UPLOAD_SECONDS
from agents.render.cached_usage import CachedUsage, UsageCache
from agents.render.cost_kind import cost_kind
from agents.render.image_store import ImageStore
from agents.render.object_key import image_digest, object_digest, object_key
from agents.render.strictness import refuse_fatal_warnings, refuse_missing_assets
from agents.render.template_sources import TemplateSources
from agents.sandbox import TemplateFiller, fill_document
from agents.storage.port import StoredObject
from renderer.errors import RenderError
from renderer.language.locality import unknown_locale
from renderer.language.problems import TemplateProblemError
from renderer.rendering import AssetUsage, Rendering, RenderRequest
from renderer.rendering import Image as RenderedImage
from renderer.single_flight import SingleFlight
from schemas.outcomes import Image, PosterWarning
from schemas.output import Format, Output, named_outputs
from schemas.renders import PosterPinned
from streams.failpoint import failpoint
from streams.retry import retry_while_unavailable
from streams.tracing import past_steps, step


class Renderer(Protocol):
    """What turns documents into images."""

    @property
    def fingerprint(self) -> str:
        """Identify the browser's build, our own steps and the font set."""
        ...

    async def render(self, request: RenderRequest) -> Rendering:
        """Render one document. Raises RenderError."""
        ...


class PosterRenderer:
    """Renders posters. Database and storage are retried while unavailable; everything else raises RenderError."""

    def __init__(
        self,
        engine: Renderer,
        sources: TemplateSources,
        filler: TemplateFiller,
        images: ImageStore,
        *,
        timeout: float,
        clock: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._sources = sources
        self._filler = filler
        self._images = images
        self._timeout = timeout
        self._clock = clock
        self._usage_cache = UsageCache()
        self._posters: SingleFlight[StoredPoster] = SingleFlight()
        self._renderings: SingleFlight[Rendering] = SingleFlight()

    async def render(self, poster: PosterPinned) -> StoredPoster:
        """Return the poster's images: those of an equal poster, stored or in flight, else new ones.

        `cached` means that no rendering was started for it. Raises RenderError.
        """
        began = self._clock()
        if poster.reuse:
            stored = await self._join_equal(poster)
        else:
            stored = await self._store(poster, await self._render_new(poster))
        return replace(stored, generation_time_ms=max(0, round((self._clock() - began) * 1000)))

    async def _join_equal(self, poster: PosterPinned) -> StoredPoster:
        # The lookup in storage is part of the flight: whoever looks after it has ended finds its object.
        identity = (poster.input_digest, poster.section, poster.entity_id, poster.strict)
        joined = self._posters.has(identity)
        stored = await self._posters.join(identity, lambda: self._find_or_render(poster))
        return replace(stored, cached=joined or stored.cached)

    async def _find_or_render(self, poster: PosterPinned) -> StoredPoster:
        cached = self._usage_cache.find(poster.input_digest, self._clock())
        found = await self._find_images(poster, cached.usage)
        if found is not None:
            return _reused(poster, found, cached)
        joined = self._renderings.has(poster.input_digest)
        rendering = await self._renderings.join(poster.input_digest, lambda: self._render_new(poster))
        return replace(await self._store(poster, rendering), cached=joined)

    async def _render_new(self, poster: PosterPinned) -> Rendering:
        rendering = await self._engine.render(await self._request(poster))
        rendering = replace(rendering, warnings=[*rendering.warnings, *_locale_warning(poster.output)])
        timings = rendering.timings
        past_steps(
            ("assets", timings.fetched),
            ("wait", timings.waited),
            ("draw", timings.composed),
            ("encode", timings.captured),
        )
        seconds = timings.composed + timings.captured
        RENDER_SECONDS.labels(rendering.images[0].format).observe(seconds)
        failpoint("render drawn")
        self._usage_cache.note(poster.input_digest, rendering, self._clock())
        return rendering

    async def _request(self, poster: PosterPinned) -> RenderRequest:
        try:
            source = await retry_while_unavailable(lambda: self._sources.get(poster.template_version_id))
            if source is None:
                raise RenderError("template_not_found", f"template version {poster.template_version_id} does not exist")
            key = str(poster.template_version_id)
            with step("fill"):
                html = await fill_document(self._filler, key, source.html, poster.custom_data, poster.output)
        except TemplateProblemError as error:
            raise RenderError(error.code, str(error)) from error
        return RenderRequest(
            html=html,
            output=poster.output,
            javascript=source.javascript,
            deadline_seconds=self._timeout,
            lane=poster.lane,
            source=poster.source,
            cost_kind=cost_kind(poster.template_version_id, poster.output),
        )

    async def _store(self, poster: PosterPinned, rendering: Rendering) -> StoredPoster:
        if poster.strict:
            refuse_missing_assets(rendering.assets)
            refuse_fatal_warnings(rendering.warnings)
        images = [await self._store_image(poster, image, rendering) for image in rendering.images]
        failpoint("render stored")
        return StoredPoster(images=images, warnings=rendering.warnings, assets=rendering.assets)

    async def _store_image(self, poster: PosterPinned, image: RenderedImage, rendering: Rendering) -> Image:
        key = self._key(poster, image.name, image.format, rendering.usage)
        with UPLOAD_SECONDS.labels(image.format).time(), step("store"):
            stored = await self._images.put(key, image, rendering.warnings)
        return self._image(image.name, stored, image.format)

    async def _find_images(self, poster: PosterPinned, usage: AssetUsage) -> list[tuple[Image, StoredObject]] | None:
        """Return the poster's images where all of them are in storage."""
        images = []
        for name, output in named_outputs(poster.output):
            image_format: Format = output.format or "png"
            stored = await self._images.find(self._key(poster, name, image_format, usage))
            if stored is None:
                return None
            images.append((self._image(name, stored, image_format), stored))
        return images

    def _key(self, poster: PosterPinned, name: str, image_format: Format, usage: AssetUsage) -> str:
        input_digest = image_digest(poster.input_digest, poster.output, name)
        digest = object_digest(input_digest, self._engine.fingerprint, usage)
        return object_key(poster.section, poster.entity_id, digest, image_format)

    def _image(self, name: str, stored: StoredObject, image_format: Format) -> Image:
        return Image(
            name=name,
            url=self._images.url(stored.key),
            object_key=stored.key,
            sha256=stored.metadata.sha256,
            size_bytes=stored.size_bytes,
            width=stored.metadata.width,
            height=stored.metadata.height,
            format=image_format,
        )


def _locale_warning(output: Output) -> list[PosterWarning]:
    message = unknown_locale(output.locale)
    return [PosterWarning(code="locale_unknown", message=message)] if message else []


def _reused(poster: PosterPinned, found: Sequence[tuple[Image, StoredObject]], cached: CachedUsage) -> StoredPoster:
    persisted = (warning for _, stored in found for warning in stored.metadata.warnings)
    warnings = list(dict.fromkeys([*cached.warnings, *persisted]))
    if poster.strict:
        refuse_missing_assets(cached.usage.assets)
        refuse_fatal_warnings(warnings)
    return StoredPoster(
        images=[image for image, _ in found], cached=True, warnings=warnings, assets=cached.usage.assets
    )
