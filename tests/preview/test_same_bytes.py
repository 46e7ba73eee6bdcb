"""A preview has the bytes that the roles store for the same template, data and output."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest

from agents.intake.catalog import catalog_version
from agents.intake.request_handler import expand, pin
from agents.render.image_store import ImageStore
from agents.render.poster_renderer import PosterRenderer
from agents.render.template_sources import TemplateSource
from agents.storage.files import FileStore
from posters.operations.previews.local_renderer import LocalRenderer
from posters.operations.previews.preview import JsonSource, PreviewRequest, draw_preview
from renderer.engine import Engine
from renderer.sandbox.sandbox import TemplateSandbox
from schemas.requests import PosterRequested
from schemas.templates import TemplateUploaded

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VERSION = UUID(int=1)
HTML = """<!doctype html><html lang="en"><meta charset="utf-8">
{# placeholders: seats: number, default=40 #}
<style>body { margin: 0; font: 40px sans-serif; background: {{ background | default("teal") }} }
@media (prefers-color-scheme: dark) { body { background: black; color: white } }</style>
<h1>{{ title }}</h1><p>{{ at | datetime("d MMMM HH:mm") }}</p><p>{{ seats | number }} 漢字</p><b>x</b>
<script>document.querySelector("b").textContent = new Date(0).toLocaleString()</script></html>"""
DATA = {"title": "Grüße & <b>", "at": "2025-01-31T18:00:00Z", "seats": "1250.5"}
SIZE = {"width": 300, "height": 200}
OUTPUTS: dict[str, dict[str, Any]] = {
    "png": SIZE,
    "jpeg": {**SIZE, "format": "jpeg", "quality": 70, "scale": 2},
    "pdf": {**SIZE, "format": "pdf"},
    "local": {**SIZE, "locale": "de-DE", "timezone": "Asia/Tokyo"},
    "crop": {**SIZE, "selector": "b"},
    "variants": {
        **SIZE,
        "variants": [{"name": "a"}, {"name": "b", "color_scheme": "dark", "format": "webp"}, {"name": "c", "scale": 2}],
    },
}


class Sources:
    """The template, as uploaded."""

    def __init__(self, *, javascript: bool) -> None:
        self._javascript = javascript

    async def get(self, version_id: UUID) -> TemplateSource:
        """Return it."""
        return TemplateSource(HTML, javascript=self._javascript)


async def stored(directory: Path, renderer: LocalRenderer, output: dict[str, Any], *, javascript: bool) -> list[bytes]:
    """Return what the render role stores for a request that intake has pinned."""
    checked = await renderer.check(HTML)
    version = catalog_version(
        TemplateUploaded(
            event_id=VERSION,
            occurred_at=NOW,
            command_id=VERSION,
            section="cards",
            template_id=VERSION,
            name="Cards",
            template_version=1,
            is_active=True,
            html_sha256="0" * 64,
            width=1080,
            height=1080,
            javascript=javascript,
            placeholders=checked.placeholders,
        )
    )
    request = PosterRequested(
        event_id=VERSION, occurred_at=NOW, job_id="job", template_id="cards@1", custom_data=DATA, output=output
    )
    [poster] = expand(request)
    store, sandbox = FileStore(directory), TemplateSandbox(processes=1)
    async with Engine(concurrency=1) as engine:
        images = ImageStore(store=store, public_url=None)
        sources = cast("Any", Sources(javascript=javascript))
        roles = PosterRenderer(engine, sources, sandbox, images, timeout=30, clock=time.monotonic)
        result = await roles.render(pin(poster, version, NOW, NOW))
    await sandbox.close()
    return [await store.get(image.object_key) for image in result.images]


@pytest.mark.parametrize(
    ("output", "javascript"),
    [*((output, False) for output in OUTPUTS.values()), (OUTPUTS["png"], True)],
    ids=[*OUTPUTS, "javascript"],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_a_preview_has_the_bytes_that_the_render_role_stores(
    renderer: LocalRenderer, tmp_path: Path, output: dict[str, Any], *, javascript: bool
) -> None:
    """Whatever the format, the place or the variants, each image of a preview is byte for byte what is stored."""
    file, data = tmp_path / "card.html", tmp_path / "data.json"
    file.write_text(HTML, encoding="utf-8")
    data.write_text(json.dumps(DATA), encoding="utf-8")
    request = PreviewRequest(
        file=file, data=JsonSource(path=data), output=JsonSource(text=json.dumps(output)), javascript=javascript
    )

    preview = await draw_preview(request, renderer)

    assert [image.data for image in preview.images] == await stored(
        tmp_path / "objects", renderer, output, javascript=javascript
    )
