"""A poster is rendered once: equal ones take what is kept or under way, as long as it is what they would become."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
import pytest_asyncio

from agents.render.poster_events import PosterEvents, StoredPoster
from agents.render.poster_renderer import ImageStore, PosterRenderer
from renderer.assets.allowed_hosts import AllowedHosts
from renderer.assets.fetcher import HttpFetcher
from renderer.engine import Engine
from renderer.errors import RenderError
from renderer.rendering import AssetUsage, Image, Rendering, RenderRequest, Timings
from schemas import outcomes
from schemas.codec import decode
from schemas.outcomes import Asset, PosterOutcome, PosterWarning
from schemas.renders import PosterPinned
from tests.render.poster_renderer import NOW, MemoryStore, Sources, pinned
from tests.renderer.assets.site import Site, open_site, png

HTML = "<p>{{ text }}</p>"
ASSET = Asset(url="http://cdn.example/a.png", ok=True, status=200, bytes=4, ms=1)


@dataclass
class Drawing:
    """A renderer that draws when it is told to."""

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
    """A `Making` with everything around it at hand."""

    drawing: Drawing = field(default_factory=Drawing)
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: list[float] = field(default_factory=lambda: [100.0])

    def __post_init__(self) -> None:
        self.making = PosterRenderer(
            self.drawing,
            cast("Any", Sources(HTML)),
            ImageStore(store=cast("Any", self.store), public_url=None),
            timeout=5,
            clock=lambda: self.clock[0],
        )

    def start(self, **fields: Any) -> asyncio.Task[StoredPoster]:
        """Begin to make a poster."""
        return asyncio.create_task(self.making.make(self.poster(**fields)))

    async def make(self, **fields: Any) -> StoredPoster:
        """Make a poster."""
        return await self.making.make(self.poster(**fields))

    def poster(self, **fields: Any) -> PosterPinned:
        """Return a poster."""
        return pinned(HTML, data={"text": fields.pop("text", "hello")}, **fields)


@pytest.fixture
def bench() -> Bench:
    """A `Making` whose renderer draws at once."""
    bench = Bench()
    bench.drawing.go.set()
    return bench


async def test_a_kept_poster_is_not_rendered_again(bench: Bench) -> None:
    """The second one is the object of the first, and says so."""
    first, second, other = await bench.make(), await bench.make(), await bench.make(text="bye")

    assert bench.drawing.drawn == ["<p>hello</p>", "<p>bye</p>"]
    assert (first.cached, second.cached, other.cached) == (False, True, False)
    assert second.images == first.images


async def test_an_erased_poster_is_rendered_again(bench: Bench) -> None:
    """What is answered is always there."""
    await bench.make()
    bench.store.kept.clear()
    made = await bench.make()

    assert not made.cached
    assert bench.store.kept


async def test_reuse_can_be_forbidden(bench: Bench) -> None:
    """It is rendered, whatever is kept or under way; the object under the key stays."""
    first = await bench.make()
    again = await bench.make(reuse=False)
    bench.drawing.go.clear()
    waiting = [bench.start(reuse=False), bench.start(reuse=False)]
    bench.drawing.began.clear()
    await bench.drawing.began.wait()
    bench.drawing.go.set()
    await asyncio.gather(*waiting)

    assert (again.cached, again.images) == (False, first.images)
    assert len(bench.drawing.drawn) == 4


async def test_equal_posters_under_way_are_one(bench: Bench) -> None:
    """Each has its own outcome, and one of them was rendered and uploaded."""
    bench.drawing.go.clear()
    waiting = [bench.start(job_id=f"job-{number}") for number in range(10)]
    await bench.drawing.began.wait()
    bench.drawing.go.set()
    made = await asyncio.gather(*waiting)

    assert len(bench.drawing.drawn) == 1
    assert bench.store.puts == 1
    assert sorted(each.cached for each in made) == [False] + [True] * 9
    assert all(each.images == made[0].images for each in made)


async def test_equal_posters_of_several_entities_share_the_picture(bench: Bench) -> None:
    """Each entity has an object of its own, of one rendering."""
    bench.drawing.go.clear()
    waiting = [bench.start(entity_id=entity) for entity in "abc"]
    await bench.drawing.began.wait()
    bench.drawing.go.set()
    made = await asyncio.gather(*waiting)

    assert len(bench.drawing.drawn) == 1
    assert len({each.images[0].object_key for each in made}) == 3
    assert len({each.images[0].sha256 for each in made}) == 1


async def test_a_failure_is_shared_and_not_kept(bench: Bench) -> None:
    """All that waited fail alike; the next one tries anew."""
    bench.drawing.go.clear()
    bench.drawing.error = RenderError("render_timeout", "late")
    waiting = [bench.start() for _ in range(3)]
    await bench.drawing.began.wait()
    bench.drawing.go.set()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    bench.drawing.error = None
    made = await bench.make()

    assert [str(each) for each in ended] == ["late"] * 3
    assert (len(bench.drawing.drawn), made.cached) == (2, False)


async def test_one_that_is_given_up_takes_nothing_from_the_others(bench: Bench) -> None:
    """The first may be cancelled; the rendering goes on for those that joined, and ends with the last."""
    bench.drawing.go.clear()
    first, second = bench.start(), bench.start()
    await bench.drawing.began.wait()
    first.cancel()
    await asyncio.wait((first,))
    bench.drawing.go.set()
    made = await second
    bench.drawing.go.clear()
    bench.drawing.began.clear()
    alone = bench.start(text="bye")
    await bench.drawing.began.wait()
    alone.cancel()
    await asyncio.wait((alone,))
    bench.drawing.go.set()
    again = await bench.make(text="bye")

    assert made.images
    assert bench.drawing.drawn == ["<p>hello</p>", "<p>bye</p>", "<p>bye</p>"]
    assert not again.cached


async def test_posters_with_assets_are_kept_while_those_are_fresh(bench: Bench) -> None:
    """A second later than that they are rendered again, to the same key if nothing changed, to another if it did."""
    bench.drawing.usage = AssetUsage(assets=[ASSET], contents=["1"], fresh_until=160.0)
    first = await bench.make()
    bench.clock[0] = 159.0
    second = await bench.make()
    bench.clock[0] = 160.0
    third = await bench.make()
    bench.drawing.usage = AssetUsage(assets=[ASSET], contents=["2"], fresh_until=300.0)
    fourth = await bench.make()

    assert [each.cached for each in (first, second, third, fourth)] == [False, True, False, False]
    assert second.assets == [ASSET]
    assert first.images == second.images == third.images
    assert fourth.images[0].object_key != first.images[0].object_key


async def test_posters_whose_assets_may_change_at_any_time_are_not_kept(bench: Bench) -> None:
    """Assets without freshness, and missing ones, are asked for each time."""
    late = Asset(url="http://cdn.example/b.png", ok=False, reason="asset_timeout")
    for usage in (
        AssetUsage(assets=[ASSET], contents=["1"], fresh_until=100.0),
        AssetUsage(assets=[ASSET, late], contents=["1", None], fresh_until=-math.inf),
    ):
        bench.drawing.usage = usage
        bench.drawing.drawn.clear()
        made = [await bench.make() for _ in range(3)]

        assert len(bench.drawing.drawn) == 3
        assert not any(each.cached for each in made)


async def test_a_kept_poster_says_what_the_first_one_said(bench: Bench) -> None:
    """Warnings come with every answer."""
    bench.drawing.warnings = [PosterWarning(code="missing_glyphs", message="no installed font draws: ꙮ")]
    await bench.make()
    made = await bench.make()

    assert (made.cached, made.warnings) == (True, bench.drawing.warnings)


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
    made = await lenient
    with pytest.raises(RenderError) as raised:
        await strict

    assert raised.value.code == "asset_status"
    assert raised.value.message == (
        "strict: missing http://cdn.example/late.png (asset_timeout), http://cdn.example/gone.png (asset_status 404)"
    )
    assert raised.value.assets == made.assets == assets
    assert len(bench.drawing.drawn) == bench.store.puts == 1

    bench.drawing.usage = AssetUsage(assets=assets[:2], contents=["1", None], fresh_until=-math.inf)
    with pytest.raises(RenderError) as raised:
        await bench.make(strict=True)

    assert (raised.value.code, raised.value.retryable) == ("asset_timeout", True)


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    """A site to fetch from."""
    async with open_site() as site:
        yield site


async def test_a_poster_follows_its_assets(site: Site) -> None:
    """With a real browser and server: kept while fresh, the same key for the same content, another for another."""
    later = [0.0]

    def clock() -> float:
        return time.monotonic() + later[0]

    url = site.put("/a.png", png("green"), Cache_Control="max-age=3600")
    html = f"<img src='{url}' width=200 height=100>"
    shelf = ImageStore(store=cast("Any", MemoryStore()), public_url=None)
    async with HttpFetcher(AllowedHosts.parse("127.0.0.1"), clock=clock) as fetcher:
        engine = Engine(concurrency=1, fetcher=fetcher)
        await engine.start()
        making = PosterRenderer(engine, cast("Any", Sources(html)), shelf, timeout=5, clock=clock)
        made = [await making.make(pinned(html)) for _ in range(2)]
        asked = [len(site.requests)]
        later[0] = 3601.0
        made.append(await making.make(pinned(html)))
        later[0] = 7202.0
        site.put("/a.png", png("red"))
        made.append(await making.make(pinned(html)))
        asked.append(len(site.requests))
        await engine.close()
    keys = [each.images[0].object_key for each in made]

    assert [each.cached for each in made] == [False, True, False, False]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert asked == [1, 3]
    assert made[0].images[0].sha256 != made[3].images[0].sha256


def statement(poster: PosterPinned) -> PosterEvents:
    """Return what is said of a poster at some time."""
    return PosterEvents(poster=poster, now=NOW, queue_time_ms=0, headers=())


def test_an_outcome_names_fifty_assets_and_those_that_are_missing_first(bench: Bench) -> None:
    """However many there were, nobody has to guess what is missing; a failure names them too."""
    assets = [replace(ASSET, url=f"http://cdn.example/{number}.png") for number in range(60)]
    assets[59] = replace(assets[59], ok=False, reason="asset_status", status=404)
    image = outcomes.Image(
        name="default", url="u", object_key="k", sha256="a" * 64, size_bytes=1, width=1, height=1, format="png"
    )
    completed = statement(bench.poster()).completed(StoredPoster(images=[image], assets=assets))[0]
    failed = statement(bench.poster()).failed("asset_status", "strict: missing …", assets)[0]

    for record, status in ((completed, "completed"), (failed, "failed")):
        outcome = decode(record.value or b"", PosterOutcome)
        assert (outcome.status, len(outcome.assets), outcome.assets[0].url) == (
            status,
            50,
            "http://cdn.example/59.png",
        )
        assert outcome.degraded == (status == "completed")
