"""Public reports about templates: each is reproduced, and has the verdict that the page on compatibility says."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any

import PIL.Image
import PIL.ImageColor
import pytest
import pytest_asyncio

from renderer.assets.port import AssetError, Fetched, Kind, Received, ignore
from renderer.assets.relative_warnings import relative_address_warnings
from renderer.engine import Engine
from renderer.errors import RenderError
from renderer.language.check import TemplateRejectedError, check_template
from renderer.language.template import Template, TemplateProblemError
from schemas.output import OutputError, parse_output
from schemas.placeholders import PlaceholderSet
from tests.renderer.drawing import decode, draw, image_url
from tests.renderer.reports.language import LANGUAGE
from tests.renderer.reports.pictures import CDN, PICTURES
from tests.renderer.reports.programs import PROGRAMS
from tests.renderer.reports.report import Report, Verdict, document

REPORTS = [*LANGUAGE, *PICTURES]
ALL = [*REPORTS, *PROGRAMS]
IMAGES = ("/blue.png", "/hero.jpg", "/hero-p-500.jpg")
TOLERANCE = 2


class Site:
    """What the reports load from the network."""

    def __init__(self, font: str) -> None:
        self._files = {
            "/font.css": ("text/css", b"@font-face{font-family:Box;src:url(box.ttf)}"),
            "/box.ttf": ("font/ttf", _content(font)),
            "/style.css": ("text/css", b"b{background:red}"),
            **dict.fromkeys(IMAGES, ("image/png", _content(image_url("blue")))),
            "/tailwind.js": (
                "text/javascript",
                b"document.head.insertAdjacentHTML('beforeend', '<style>.bg-red{background:red}</style>')",
            ),
        }

    async def fetch(self, url: str, kind: Kind, received: Received = ignore) -> Fetched:
        """Return the file; one that is not there does not come in time."""
        if url.removeprefix(CDN) not in self._files:
            raise AssetError("asset_timeout")
        content_type, body = self._files[url.removeprefix(CDN)]
        received(len(body))
        return Fetched(body=body, content_type=content_type)


def _content(url: str) -> bytes:
    return base64.b64decode(url.partition(",")[2])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def online(pixel_font: str) -> AsyncIterator[Engine]:
    """An engine with the files that the reports load."""
    async with Engine(concurrency=1, fetcher=Site(pixel_font)) as engine:
        yield engine


class Desk:
    """Checks, fills and draws the template of a report."""

    def __init__(self, engine: Engine, report: Report, font: str) -> None:
        self._engine = engine
        self._report = report
        self._font = font

    async def made(self, body: str, output: Mapping[str, Any]) -> tuple[PIL.Image.Image, list[str]]:
        """Return the picture of a template and the codes of all warnings. Raises what refuses it."""
        parse_output(dict(output))
        html = document(body, self._font)
        checked = await asyncio.to_thread(check_template, html, ())
        missing = PlaceholderSet(checked.placeholders).check(self._report.data).missing
        if missing:
            raise TemplateProblemError(f"missing required data: {', '.join(missing)}")
        filled = Template(html).render(dict(self._report.data))
        rendering = await draw(self._engine, filled, javascript=self._report.javascript, **output)
        codes = [warning.code for warning in (*checked.warnings, *relative_address_warnings(html))]
        codes += [warning.code for warning in rendering.warnings]
        return decode(rendering.images[0].data), codes

    async def picture(self, body: str, output: Mapping[str, Any]) -> PIL.Image.Image:
        """Return the picture of a document that is no template."""
        rendering = await draw(self._engine, document(body, self._font), **output)
        return decode(rendering.images[0].data)

    async def assert_right(self, body: str, output: Mapping[str, Any]) -> None:
        """Fail unless the template is accepted and drawn as the report wants it, without a warning."""
        report = self._report
        image, codes = await self.made(body, output)
        assert codes == []
        assert report.like or report.unlike or report.pixels
        assert report.size in (None, image.size)
        for place, colour in report.pixels.items():
            found, wanted = image.convert("RGBA").getpixel(place), PIL.ImageColor.getcolor(colour, "RGBA")
            assert isinstance(found, tuple)
            assert isinstance(wanted, tuple)
            assert all(abs(one - two) <= TOLERANCE for one, two in zip(found, wanted, strict=True)), (place, found)
        if report.like is not None:
            assert image.tobytes() == (await self.picture(report.like, output)).tobytes()
        if report.unlike is not None:
            assert image.tobytes() != (await self.picture(report.unlike, output)).tobytes()


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("report", ALL, ids=[report.source for report in ALL])
async def test_a_report_has_its_verdict(online: Engine, report: Report, pixel_font: str) -> None:
    """What works is drawn right; what is refused or warned of says why, and what the answer says is drawn right."""
    desk = Desk(online, report, pixel_font)
    if report.verdict is Verdict.WORKS:
        await desk.assert_right(report.html, report.output)
        return
    if report.verdict is Verdict.WARNED:
        assert report.says in (await desk.made(report.html, report.output))[1]
    else:
        with pytest.raises((TemplateRejectedError, TemplateProblemError, RenderError, OutputError)) as refused:
            await desk.made(report.html, report.output)
        assert report.says in str(refused.value)
    if report.verdict is not Verdict.OUT_OF_SCOPE:
        assert report.instead is not None
        await desk.assert_right(report.instead, report.instead_output or report.output)


def test_the_reports_are_forty_and_each_is_there_once() -> None:
    """The page says how many there are."""
    assert len({report.source for report in REPORTS}) == len(REPORTS) >= 40
