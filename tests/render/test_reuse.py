"""Stored posters are reused without a browser; strict posters fail where a text, an image or a script did."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest

from agents.render.image_store import ImageStore
from agents.render.poster_renderer import PosterRenderer
from agents.render.template_sources import TemplateSource, TemplateSources
from agents.storage.files import FileStore
from renderer.errors import RenderError
from renderer.rendering import Image, Rendering, RenderRequest, Timings
from schemas.outcomes import PosterWarning
from schemas.output import named_outputs, parse_output, resolve_output
from schemas.renders import PosterPinned
from tests.render.poster_renderer import InProcessFiller

CUT = PosterWarning(code="text_truncated", message="cut with an ellipsis: <p> at 12 px")
BROKEN = PosterWarning(code="asset_invalid", message="not shown: an image in a data: address")
FAILED = PosterWarning(code="script_error", message="ReferenceError: Chart is not defined")
HARMLESS = [
    PosterWarning(code="content_clipped", message="shown in part: <main>"),
    PosterWarning(code="text_not_fitted", message="<text>"),
    PosterWarning(code="pdf_unsupported", message="backdrop-filter of <p>"),
]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class FakeRenderer:
    """A renderer whose images are 33 pixels higher than anybody could know, and that counts."""

    fingerprint = "fake-1"

    def __init__(self, *warnings: PosterWarning) -> None:
        self.drawn = 0
        self._warnings = list(warnings)

    async def render(self, request: RenderRequest) -> Rendering:
        """Return an image of a few bytes for each name."""
        self.drawn += 1
        images = [
            Image(name=name, data=name.encode(), width=output.width or 0, height=33, format=output.format or "png")
            for name, output in named_outputs(request.output)
        ]
        return Rendering(images=images, warnings=self._warnings, timings=Timings(waited=0, composed=0, captured=0))


class Sources:
    """One template for every id."""

    async def get(self, version_id: UUID) -> TemplateSource:
        """Return it."""
        return TemplateSource("<p>x", javascript=False)


def rendering(renderer: FakeRenderer, directory: Path) -> PosterRenderer:
    """Return a poster renderer that stores in a directory."""
    images = ImageStore(store=FileStore(directory), public_url=None)
    return PosterRenderer(
        renderer, cast("TemplateSources", Sources()), InProcessFiller(), images, timeout=5, clock=lambda: 0.0
    )


def pinned(output: dict[str, Any], **fields: Any) -> PosterPinned:
    """Return a poster to render."""
    event = PosterPinned(
        event_id=UUID(int=1),
        occurred_at=NOW,
        job_id="job",
        poster_index=0,
        entity_id="e",
        template_version_id=UUID(int=2),
        section="cards",
        template_version=1,
        output=resolve_output(parse_output(output)),
        requested_at=NOW,
        input_digest="a" * 64,
    )
    return replace(event, **fields)


async def test_a_stored_poster_is_reused_as_it_was_rendered(tmp_path: Path) -> None:
    """The second result has the same images, sizes and warnings, without drawing."""
    renderer = FakeRenderer(CUT, BROKEN)
    poster = pinned({"full_page": True, "width": 50})
    first, second = [await rendering(renderer, tmp_path).render(poster) for _ in range(2)]

    assert (first.cached, second.cached, renderer.drawn) == (False, True, 1)
    assert (second.images, second.warnings) == (first.images, [CUT, BROKEN])
    assert (first.lacks_assets, second.lacks_assets) == (True, True)
    assert (second.images[0].width, second.images[0].height) == (50, 33)


async def test_variants_are_reused_only_all_together(tmp_path: Path) -> None:
    """Each variant has a key of its own; one that is gone has all drawn again, to the same keys."""
    renderer = FakeRenderer()
    poster = pinned({"variants": [{"name": "a"}, {"name": "b", "format": "jpeg"}]})
    first = await rendering(renderer, tmp_path).render(poster)
    await FileStore(tmp_path).delete(first.images[1].object_key)
    second = await rendering(renderer, tmp_path).render(poster)
    third = await rendering(renderer, tmp_path).render(poster)

    assert len({image.object_key for image in first.images}) == 2
    assert (renderer.drawn, second.cached, third.cached) == (2, False, True)
    assert first.images == second.images == third.images


@pytest.mark.parametrize("flaw", [CUT, BROKEN, FAILED], ids=["cut", "broken", "script"])
@pytest.mark.parametrize("is_stored", [False, True], ids=["new", "stored"])
async def test_strict_fails_where_a_text_an_image_or_a_script_does(
    tmp_path: Path, is_stored: bool, flaw: PosterWarning
) -> None:
    """It fails with the code of the warning, also where an equal lenient poster is stored."""
    renderer = FakeRenderer(flaw)
    if is_stored:
        await rendering(renderer, tmp_path).render(pinned({}))
    with pytest.raises(RenderError, match=flaw.message) as raised:
        await rendering(renderer, tmp_path).render(pinned({}, strict=True))

    assert raised.value.code == flaw.code
    assert renderer.drawn == 1


async def test_strict_does_not_fail_for_what_may_be_meant(tmp_path: Path) -> None:
    """Warnings about the style of a template complete a strict poster, new or stored."""
    renderer = FakeRenderer(*HARMLESS)
    first, second = [await rendering(renderer, tmp_path).render(pinned({}, strict=True)) for _ in range(2)]

    assert (first.warnings, second.warnings, renderer.drawn) == (HARMLESS, HARMLESS, 1)
    assert not second.lacks_assets


async def test_a_locale_that_filters_do_not_know_is_told_of(tmp_path: Path) -> None:
    """With each poster, also with one that reuses the picture; a strict poster is completed."""
    first, second, known = [
        await rendering(FakeRenderer(), tmp_path / locale).render(pinned({"locale": locale}, strict=True))
        for locale in ("tlh-QX", "tlh-QX", "fr-DE")
    ]

    assert [(warning.code, "'tlh-QX'" in warning.message) for warning in first.warnings] == [("locale_unknown", True)]
    assert (second.warnings, second.cached) == (first.warnings, True)
    assert known.warnings == []
