"""A poster is rendered once: equal ones reuse the stored images or the rendering in flight, while assets are fresh."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
import pytest_asyncio

from agents.events import PinnedPosterEvents, StoredPoster
from agents.render.image_store import ImageStore
from agents.render.poster_renderer import PosterRenderer
from renderer.assets.allowed_hosts import AllowedHosts
from renderer.assets.fetcher import HttpFetcher
from renderer.engine import Engine
from renderer.errors import RenderError
from renderer.rendering import AssetUsage, Image, Rendering, RenderRequest, Timings
from schemas import outcomes
from schemas.codec import decode
from schemas.outcomes import Asset, PosterOutcome, PosterWarning
from schemas.renders import PosterPinned
from tests.render.poster_renderer import NOW, InProcessFiller, MemoryStore, Sources, pinned
from tests.renderer.assets.site import Site, open_site, png

HTML = "<p>{{ text }}</p>"
ASSET = Asset(url="http://cdn.example/a.png", ok=True, status=200, bytes=4, ms=1)


@dataclass
class Drawing:
    """A renderer that draws once `go` is set."""

    usage: AssetUsage = field(default_factory=AssetUsage)
    warnings: list[PosterWarning] = field(default_factory=list)
    error: RenderError | None = None
    go: asyncio.Event = field(default_factory=asyncio.Event)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    drawn: list[str] = field(default_factory=list)
    fingerprint: str = "chromium-1"

    async def render(self, request: RenderRequest) -> Rendering:
        """Return the document as an image once `go` is set."""
        self.drawn.append(request.html)
        self.began.set()
        await self.go.wait()
        if self.error is not None:
            raise self.error
        image = Image(name="default", data=request.html.encode(), width=200, height=100, format="png")
        timings = Timings(waited=0, composed=0, captured=0)
        return Rendering(images=[image], usage=self.usage, warnings=self.warnings, timings=timings)


@dataclass
class Bench:
    """A poster renderer with everything around it at hand."""

    drawing: Drawing = field(default_factory=Drawing)
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: list[float] = field(default_factory=lambda: [100.0])

    def __post_init__(self) -> None:
        self.renderer = PosterRenderer(
            self.drawing,
            cast("Any", Sources(HTML)),
            InProcessFiller(),
            ImageStore(store=cast("Any", self.store), public_url=None),
            timeout=5,
            clock=lambda: self.clock[0],
        )

    def start(self, **fields: Any) -> asyncio.Task[StoredPoster]:
        """Begin to render a poster."""
        return asyncio.create_task(self.renderer.render(self.poster(**fields)))

    async def render(self, **fields: Any) -> StoredPoster:
        """Render a poster."""
        return await self.renderer.render(self.poster(**fields))

    def poster(self, **fields: Any) -> PosterPinned:
        """Return a poster."""
        return pinned(HTML, data={"text": fields.pop("text", "hello")}, **fields)


@pytest.fixture
def bench() -> Bench:
    """A poster renderer whose renderer draws at once."""
    bench = Bench()
    bench.drawing.go.set()
    return bench


async def test_a_stored_poster_is_not_rendered_again(bench: Bench) -> None:
    """The second one has the object of the first, and is marked as cached."""
    first, second, other = await bench.render(), await bench.render(), await bench.render(text="bye")

    assert bench.drawing.drawn == ["<p>hello</p>", "<p>bye</p>"]
    assert (first.cached, second.cached, other.cached) == (False, True, False)
    assert second.images == first.images


async def test_an_erased_poster_is_rendered_again(bench: Bench) -> None:
    """A completion always names objects that exist."""
    await bench.render()
    bench.store.kept.clear()
    stored = await bench.render()

    assert not stored.cached
    assert bench.store.kept


async def test_reuse_can_be_disabled(bench: Bench) -> None:
    """The poster is rendered, whatever is stored or in flight; the object under the key stays."""
    first = await bench.render()
    again = await bench.render(reuse=False)
    bench.drawing.go.clear()
    waiting = [bench.start(reuse=False), bench.start(reuse=False)]
    bench.drawing.began.clear()
    await bench.drawing.began.wait()
    bench.drawing.go.set()
    await asyncio.gather(*waiting)

    assert (again.cached, again.images) == (False, first.images)
    assert len(bench.drawing.drawn) == 4


async def test_equal_posters_in_flight_are_rendered_once(bench: Bench) -> None:
    """Each has its own result, and one of them was rendered and uploaded."""
    bench.drawing.go.clear()
    waiting = [bench.start(job_id=f"job-{number}") for number in range(10)]
    await bench.drawing.began.wait()
    bench.drawing.go.set()
    stored = await asyncio.gather(*waiting)

    assert len(bench.drawing.drawn) == 1
    assert bench.store.puts == 1
    assert sorted(each.cached for each in stored) == [False] + [True] * 9
    assert all(each.images == stored[0].images for each in stored)


async def test_equal_posters_of_several_entities_share_the_picture(bench: Bench) -> None:
    """Each entity has an object of its own, of one rendering."""
    bench.drawing.go.clear()
    waiting = [bench.start(entity_id=entity) for entity in "abc"]
    await bench.drawing.began.wait()
    bench.drawing.go.set()
    stored = await asyncio.gather(*waiting)

    assert len(bench.drawing.drawn) == 1
    assert len({each.images[0].object_key for each in stored}) == 3
    assert len({each.images[0].sha256 for each in stored}) == 1


async def test_a_failure_is_shared_and_not_cached(bench: Bench) -> None:
    """All that waited fail alike; the next one is rendered again."""
    bench.drawing.go.clear()
    bench.drawing.error = RenderError("render_timeout", "late")
    waiting = [bench.start() for _ in range(3)]
    await bench.drawing.began.wait()
    bench.drawing.go.set()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    bench.drawing.error = None
    stored = await bench.render()

    assert [str(each) for each in ended] == ["late"] * 3
    assert (len(bench.drawing.drawn), stored.cached) == (2, False)


async def test_a_cancelled_poster_does_not_cancel_the_others(bench: Bench) -> None:
    """The first may be cancelled; the rendering goes on for those that joined, and ends with the last."""
    bench.drawing.go.clear()
    first, second = bench.start(), bench.start()
    await bench.drawing.began.wait()
    first.cancel()
    await asyncio.wait((first,))
    bench.drawing.go.set()
    stored = await second
    bench.drawing.go.clear()
    bench.drawing.began.clear()
    alone = bench.start(text="bye")
    await bench.drawing.began.wait()
    alone.cancel()
    await asyncio.wait((alone,))
    bench.drawing.go.set()
    again = await bench.render(text="bye")

    assert stored.images
    assert bench.drawing.drawn == ["<p>hello</p>", "<p>bye</p>", "<p>bye</p>"]
    assert not again.cached


async def test_posters_with_assets_are_reused_while_those_are_fresh(bench: Bench) -> None:
    """Afterwards they are rendered again, to the same key if no asset changed, to another key if one did."""
    bench.drawing.usage = AssetUsage(assets=[ASSET], contents=["1"], fresh_until=160.0)
    first = await bench.render()
    bench.clock[0] = 159.0
    second = await bench.render()
    bench.clock[0] = 160.0
    third = await bench.render()
    bench.drawing.usage = AssetUsage(assets=[ASSET], contents=["2"], fresh_until=300.0)
    fourth = await bench.render()

    assert [each.cached for each in (first, second, third, fourth)] == [False, True, False, False]
    assert second.assets == [ASSET]
    assert first.images == second.images == third.images
    assert fourth.images[0].object_key != first.images[0].object_key


async def test_posters_whose_assets_may_change_at_any_time_are_not_reused(bench: Bench) -> None:
    """Assets without freshness, and missing ones, are fetched each time."""
    late = Asset(url="http://cdn.example/b.png", ok=False, reason="asset_timeout")
    for usage in (
        AssetUsage(assets=[ASSET], contents=["1"], fresh_until=100.0),
        AssetUsage(assets=[ASSET, late], contents=["1", None], fresh_until=-math.inf),
    ):
        bench.drawing.usage = usage
        bench.drawing.drawn.clear()
        stored = [await bench.render() for _ in range(3)]

        assert len(bench.drawing.drawn) == 3
        assert not any(each.cached for each in stored)


async def test_a_stored_poster_has_the_warnings_of_the_first(bench: Bench) -> None:
    """Warnings come with every result."""
    bench.drawing.warnings = [PosterWarning(code="missing_glyphs", message="no installed font draws: ꙮ")]
    await bench.render()
    stored = await bench.render()

    assert (stored.cached, stored.warnings) == (True, bench.drawing.warnings)


async def test_strict_fails_and_names_all_that_is_missing(bench: Bench) -> None:
    """Nothing is stored; the code is one that trying again cannot mend, if there is one; the others are not failed."""
    assets = [
        ASSET,
        Asset(url="http://cdn.example/late.png", ok=False, reason="asset_timeout"),
        Asset(url="http://cdn.example/gone.png", ok=False, reason="asset_status", status=404),
    ]
    bench.drawing.usage = AssetUsage(assets=assets, contents=["1", None, None], fresh_until=-math.inf)
    bench.drawing.go.clear()
    strict, lenient = bench.start(strict=True), bench.start()
    await bench.drawing.began.wait()
    bench.drawing.go.set()
    stored = await lenient
    with pytest.raises(RenderError) as raised:
        await strict

    assert raised.value.code == "asset_status"
    assert raised.value.message == (
        "strict: missing http://cdn.example/late.png (asset_timeout), http://cdn.example/gone.png (asset_status 404)"
    )
    assert raised.value.assets == stored.assets == assets
    assert len(bench.drawing.drawn) == bench.store.puts == 1

    bench.drawing.usage = AssetUsage(assets=assets[:2], contents=["1", None], fresh_until=-math.inf)
    with pytest.raises(RenderError) as raised:
        await bench.render(strict=True)

    assert (raised.value.code, raised.value.retryable) == ("asset_timeout", True)


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    """A site to fetch from."""
    async with open_site() as site:
        yield site


async def test_a_poster_follows_its_assets(site: Site) -> None:
    """With a real browser and server: reused while fresh; the same content has the same key, another has another."""
    later = [0.0]

    def clock() -> float:
        return time.monotonic() + later[0]

    url = site.put("/a.png", png("green"), Cache_Control="max-age=3600")
    html = f"<img src='{url}' width=200 height=100>"
    images = ImageStore(store=cast("Any", MemoryStore()), public_url=None)
    async with HttpFetcher(AllowedHosts.parse("127.0.0.1"), clock=clock) as fetcher:
        engine = Engine(concurrency=1, fetcher=fetcher)
        await engine.start()
        renderer = PosterRenderer(engine, cast("Any", Sources(html)), InProcessFiller(), images, timeout=5, clock=clock)
        stored = [await renderer.render(pinned(html)) for _ in range(2)]
        asked = [len(site.requests)]
        later[0] = 3601.0
        stored.append(await renderer.render(pinned(html)))
        later[0] = 7202.0
        site.put("/a.png", png("red"))
        stored.append(await renderer.render(pinned(html)))
        asked.append(len(site.requests))
        await engine.close()
    keys = [each.images[0].object_key for each in stored]

    assert [each.cached for each in stored] == [False, True, False, False]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert asked == [1, 3]
    assert stored[0].images[0].sha256 != stored[3].images[0].sha256


def events(poster: PosterPinned) -> PinnedPosterEvents:
    """Return the builder of a poster's events at some time."""
    return PinnedPosterEvents(poster=poster, now=NOW, queue_time_ms=0, headers=())


def test_an_outcome_names_fifty_assets_and_those_that_are_missing_first(bench: Bench) -> None:
    """However many there were, nobody has to guess what is missing; a failure names them too."""
    assets = [replace(ASSET, url=f"http://cdn.example/{number}.png") for number in range(60)]
    assets[59] = replace(assets[59], ok=False, reason="asset_status", status=404)
    image = outcomes.Image(
        name="default", url="u", object_key="k", sha256="a" * 64, size_bytes=1, width=1, height=1, format="png"
    )
    completed = events(bench.poster()).records_of_completion(StoredPoster(images=[image], assets=assets))[0]
    failed = events(bench.poster()).records_of_failure("asset_status", "strict: missing …", assets)[0]

    for record, status in ((completed, "completed"), (failed, "failed")):
        outcome = decode(record.value or b"", PosterOutcome)
        assert (outcome.status, len(outcome.assets), outcome.assets[0].url) == (
            status,
            50,
            "http://cdn.example/59.png",
        )
        assert outcome.degraded == (status == "completed")
