"""The audit of templates: which versions this build refuses, fills or draws otherwise than the builds before it.

It writes nothing: no event, no row, no object. Each version is checked as an upload is, then filled and drawn with its
samples and with the data of its last completed poster. The results are compared with the stored pictures of that
poster, and with the report of an earlier audit where there is one.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from PIL import UnidentifiedImageError

from agents.settings import Settings
from agents.storage.open_store import object_store
from agents.storage.port import ObjectStore, StorageRefusedError
from agents.templates.preview import preview_data
from agents.templates.received_command import CommandRejectedError
from agents.templates.store import StoredVersion
from posters.operations.database import connected
from posters.operations.previews.local_renderer import LocalRenderer, local_renderer
from posters.operations.template_audit.picture_comparison import difference
from posters.operations.template_audit.recorded_templates import RecordedPoster, RecordedTemplates
from posters.operations.template_audit.template_audit_report import AuditedInput, AuditedVersion, AuditReport, Verdict
from renderer.errors import RenderError
from renderer.language.check import TemplateRejectedError
from renderer.language.problems import TemplateProblemError
from renderer.rendering import Image, Rendering
from schemas.outcomes import Image as StoredImage
from schemas.output import Output, OutputError, parse_output, resolve_output
from schemas.references import Numbered
from schemas.templates import TemplateError

_FAILURES: Final = (TemplateProblemError, RenderError, OutputError, CommandRejectedError)
"""What ends the way from a version and its data to pictures."""
_OWN_OUTPUT: Final = "the poster had an output of its own, which is not recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What to audit: up to `limit` versions after `after`, the active ones or `every` one that requests can name.

    Last posters are looked for among the newest `jobs` jobs.
    """

    after: Numbered | None = None
    limit: int = 100
    every: bool = False
    jobs: int = 10_000


async def audit_templates(
    settings: Settings,
    request: AuditRequest,
    earlier: AuditReport | None = None,
    on_version: Callable[[int, int], None] = lambda done, total: None,
) -> AuditReport:
    """Return the report; `on_version` gets how many versions are audited, and of how many.

    Raises UnavailableError, OperationError and SettingsError.
    """
    async with connected(settings) as connection, _storage(settings) as store, local_renderer(settings) as renderer:
        recorded = RecordedTemplates(connection)
        found = await recorded.versions(request.after, request.limit + 1, every=request.every)
        versions = found[: request.limit]
        posters = await recorded.last_posters(versions, request.jobs)
        auditor = _Auditor(renderer, store)
        audited: list[AuditedVersion] = []
        for number, template_id in enumerate(versions, start=1):
            version = await recorded.version(template_id)
            before = None if earlier is None else earlier.find(template_id)
            poster = await _same_poster(recorded, before, posters.get(template_id))
            audited.append(await auditor.audit(version, poster, before))
            on_version(number, len(versions))
        following = audited[-1].template if len(found) > len(versions) else None
        return AuditReport(fingerprint=await renderer.fingerprint(), versions=audited, next=following)


async def _same_poster(
    recorded: RecordedTemplates, before: AuditedVersion | None, last: RecordedPoster | None
) -> RecordedPoster | None:
    """Return the poster that the earlier audit drew, while it is recorded, so that there is more to compare."""
    names = [each.poster for each in before.inputs if each.poster is not None] if before is not None else []
    if before is None or not names:
        return last
    return await recorded.poster(names[0], before.template_id) or last


@asynccontextmanager
async def _storage(settings: Settings) -> AsyncIterator[ObjectStore]:
    store = object_store(settings.storage_url)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@dataclass(slots=True)
class _Comparison:
    """What was compared with what an input gives now; `doubts` say what could not be."""

    compared: int = 0
    changes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """Say `changed` for one change, `same` only where everything was compared."""
        if self.changes:
            return "changed"
        return "same" if self.compared and not self.doubts else "uncompared"


class _Auditor:
    """Checks, fills and draws versions, and compares."""

    def __init__(self, renderer: LocalRenderer, store: ObjectStore) -> None:
        self._renderer = renderer
        self._store = store

    async def audit(
        self, version: StoredVersion, poster: RecordedPoster | None, before: AuditedVersion | None
    ) -> AuditedVersion:
        """Return what became of a version and of its inputs."""
        inputs = [await self._samples(version, _input_of(before, None))]
        if poster is not None:
            inputs.append(await self._last_poster(version, poster, _input_of(before, poster.name)))
        return AuditedVersion(
            template=f"{version.section}@{version.version}",
            template_id=version.template_id,
            errors=await self._errors(version),
            inputs=inputs,
        )

    async def _errors(self, version: StoredVersion) -> list[str]:
        try:
            await self._renderer.check(version.html_content)
        except TemplateRejectedError as error:
            return [_described(each) for each in error.errors]
        return []

    async def _samples(self, version: StoredVersion, before: AuditedInput | None) -> AuditedInput:
        try:
            drawn = await self._draw(version, preview_data(None, version.placeholders), None)
        except _FAILURES as error:
            worked = not any(warning.code == "sample_data" for warning in version.warnings)
            if before is not None:
                worked = before.text_sha256 is not None
            return AuditedInput(verdict="failed" if worked else "uncompared", detail=str(error))
        comparison = _Comparison()
        _compare_with_earlier(drawn, before, comparison)
        return drawn.audited(comparison, None)

    async def _last_poster(
        self, version: StoredVersion, poster: RecordedPoster, before: AuditedInput | None
    ) -> AuditedInput:
        try:
            drawn = await self._draw(version, preview_data(poster.data, version.placeholders), poster.output)
        except _FAILURES as error:
            return AuditedInput(poster=poster.name, verdict="failed", detail=str(error))
        comparison = _Comparison()
        await self._compare_with_stored(drawn, poster, comparison)
        _compare_with_earlier(drawn, before, comparison)
        return drawn.audited(comparison, poster.name)

    async def _draw(self, version: StoredVersion, data: dict[str, Any], output: dict[str, Any] | None) -> "_Drawn":
        size = Output(width=version.width, height=version.height)
        resolved = resolve_output(parse_output(output), parse_output(version.output), size)
        text = await self._renderer.fill(version.html_content, data, resolved)
        return _Drawn(text, await self._renderer.draw(text, resolved, javascript=version.javascript))

    async def _compare_with_stored(self, drawn: "_Drawn", poster: RecordedPoster, comparison: _Comparison) -> None:
        stored = {image.name: image for image in poster.images}
        images = drawn.rendering.images
        if {(image.name, image.format) for image in images} != {(each.name, each.format) for each in poster.images}:
            comparison.doubts.append(_OWN_OUTPUT)
            return
        for image in images:
            await self._compare_image(image, stored[image.name], poster, comparison)

    async def _compare_image(
        self, image: Image, stored: StoredImage, poster: RecordedPoster, comparison: _Comparison
    ) -> None:
        if _sha256(image.data) == stored.sha256:
            comparison.compared += 1
            return
        if poster.of_batch and (image.width, image.height) != (stored.width, stored.height):
            comparison.doubts.append(_OWN_OUTPUT)
            return
        try:
            content = await self._store.get(stored.object_key)
            change = await asyncio.to_thread(difference, content, image.data)
        except (StorageRefusedError, UnidentifiedImageError) as error:
            comparison.doubts.append(f"{image.name}: the stored picture cannot be read: {error}")
            return
        comparison.compared += 1
        if change is not None:
            network = "; it has assets from the network, which may have changed" if poster.assets else ""
            comparison.changes.append(f"{image.name}: {change}{network}")


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What an input gives now."""

    text: str
    rendering: Rendering

    @property
    def text_sha256(self) -> str:
        return _sha256(self.text.encode())

    @property
    def images(self) -> dict[str, str]:
        """The SHA-256 of each image, by name."""
        return {image.name: _sha256(image.data) for image in self.rendering.images}

    def audited(self, comparison: _Comparison, poster: str | None) -> AuditedInput:
        """Return the input with its verdict."""
        return AuditedInput(
            poster=poster,
            verdict=comparison.verdict,
            detail="; ".join(dict.fromkeys([*comparison.changes, *comparison.doubts])),
            text_sha256=self.text_sha256,
            images=self.images,
        )


def _compare_with_earlier(drawn: _Drawn, before: AuditedInput | None, comparison: _Comparison) -> None:
    if before is None or before.text_sha256 is None:
        return
    comparison.compared += 1
    if drawn.text_sha256 != before.text_sha256:
        comparison.changes.append("the text is not that of the earlier audit")
    for name, digest in drawn.images.items():
        if before.images.get(name, digest) != digest:
            comparison.changes.append(f"{name}: the picture is not that of the earlier audit")


def _input_of(version: AuditedVersion | None, poster: str | None) -> AuditedInput | None:
    return next((each for each in version.inputs if each.poster == poster), None) if version is not None else None


def _described(error: TemplateError) -> str:
    place = "" if error.line is None else f"line {error.line}, column {error.column or 1}: "
    return f"{place}{error.message} ({error.code})"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
