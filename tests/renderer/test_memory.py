"""Memory of the whole browser: a hostile document is ended and blamed, its memory is back, and nobody else notices."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

import psutil
import pytest
import pytest_asyncio

from renderer.browser import processes
from renderer.browser.memory_watch import (
    BROWSER_MAX_BYTES,
    CHECK_SECONDS,
    PAGE_MAX_BYTES,
    SEARCH_SECONDS,
    MemoryWatch,
    Oversized,
)
from renderer.engine import Engine
from renderer.errors import RenderError
from tests.renderer.drawing import draw, page

GOOD = page("<h1>fine</h1>")
CLEAN_BYTES = 400_000_000
"""More than an idle browser has of its own."""
BESIDE_BYTES = 1_000_000_000
"""What the neighbour has, and what a document can take until it is noticed."""
SAMPLE_SECONDS = 0.05
BACK_SECONDS = 20.0
"""Enough on a loaded machine; an idle one needs less than one second."""


def layers(count: int, style: str) -> str:
    """Return a document of this many boxes over each other."""
    return page("".join(f"<div style='position:absolute;inset:{number}px;{style}'>x</div>" for number in range(count)))


def script(text: str) -> str:
    """Return a document with a script."""
    return page(f"<p>x<script>{text}</script>")


LARGE = {"width": 4000, "height": 4000}
HOSTILE: dict[str, tuple[str, dict[str, Any]]] = {
    "backdrop filters": (layers(200, "backdrop-filter:blur(300px)"), LARGE),
    "layers": (layers(300, "will-change:transform;background:linear-gradient(red,blue)"), LARGE),
    "textures": (
        script(
            "const c=document.createElement('canvas');document.body.append(c);const g=c.getContext('webgl');"
            "const a=new Uint8Array(2**26).fill(1);"
            "for(let i=0;i<99;i++){const t=g.createTexture();g.bindTexture(g.TEXTURE_2D,t);"
            "g.texImage2D(g.TEXTURE_2D,0,g.RGBA,4096,4096,0,g.RGBA,g.UNSIGNED_BYTE,a)}g.finish()"
        ),
        {"javascript": True},
    ),
    "canvases": (
        script(
            "for(let i=0;i<60;i++){const c=document.createElement('canvas');c.width=c.height=8000;"
            "document.body.append(c);c.getContext('2d').fillRect(0,0,7000,7000)}"
        ),
        {"javascript": True},
    ),
}
BLOBS = script("window.b=[];for(let i=0;i<60;i++)b.push(new Blob([new Uint8Array(5e7).fill(i)]))")
LEGITIMATE: dict[str, dict[str, Any]] = {
    "largest square": {"width": 8000, "height": 8000},
    "largest at double scale": {"width": 4000, "height": 4000, "scale": 2},
    "largest full page": {"width": 8000, "height": 100, "full_page": True},
    "largest paper": {"width": 8000, "height": 8000, "format": "pdf"},
}


@pytest_asyncio.fixture(loop_scope="session")
async def pair() -> AsyncIterator[Engine]:
    """An engine with two workers; one for each test, because a worn browser is replaced some time later."""
    async with Engine(concurrency=2) as engine:
        await asyncio.gather(*(draw(engine, GOOD) for _ in range(2)))
        while len(engine.snapshot().browsers) < 2:  # noqa: ASYNC110 - nothing tells when the second is up
            await asyncio.sleep(0.05)
        yield engine


def footprint(groups: Iterable[int]) -> int:
    """Return the memory of process groups; what several processes of one share is counted once."""
    total = 0
    for group in groups:
        shared = [0]
        for process in processes.group_members(group):
            with contextlib.suppress(psutil.NoSuchProcess):
                memory = psutil.Process(process).memory_info()
                total += memory.rss - memory.shared
                shared.append(memory.shared)
        total += max(shared)
    return total


class Sampler:
    """Samples the memory of all browsers that an engine has had."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._groups: set[int] = set()
        self.highest = 0

    async def __aenter__(self) -> "Sampler":
        self._task = asyncio.create_task(self._sample())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _sample(self) -> None:
        while True:
            self._groups |= {browser.process_group for browser in self._engine.snapshot().browsers}
            self.highest = max(self.highest, await asyncio.to_thread(footprint, frozenset(self._groups)))
            await asyncio.sleep(SAMPLE_SECONDS)


async def memory_is_back(engine: Engine) -> None:
    """Return once both browsers have no more than idle ones: a document's memory is freed some time after its page."""
    async with asyncio.timeout(BACK_SECONDS):
        while engine.snapshot().memory_bytes >= 2 * CLEAN_BYTES:  # noqa: ASYNC110 - the browsers decide, and tell nobody
            await asyncio.sleep(SAMPLE_SECONDS)


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(("html", "fields"), HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_document_is_blamed(pair: Engine, html: str, fields: dict[str, Any]) -> None:
    """It never has more than its worker may; then the memory is back, and the neighbour's browser is the same."""
    before = {browser.process_group for browser in pair.snapshot().browsers}
    async with Sampler(pair) as sampler:
        with pytest.raises(RenderError) as raised:
            await draw(pair, html, deadline_seconds=60, **fields)
        drawn = await asyncio.gather(*(draw(pair, GOOD, deadline_seconds=60) for _ in range(4)))
    after = {browser.process_group for browser in pair.snapshot().browsers}

    assert raised.value.code == "renderer_oom"
    assert sampler.highest < BROWSER_MAX_BYTES + BESIDE_BYTES
    assert len(before & after) >= 1
    assert len({rendering.images[0].data for rendering in drawn}) == 1
    await memory_is_back(pair)


@pytest.mark.asyncio(loop_scope="session")
async def test_blobs_are_gone_with_their_document(pair: Engine) -> None:
    """Chromium moves to its files what is too much for its memory, so that such a document may be drawn."""
    async with Sampler(pair) as sampler:
        with contextlib.suppress(RenderError):
            await draw(pair, BLOBS, javascript=True, deadline_seconds=60)
        await asyncio.gather(*(draw(pair, GOOD, deadline_seconds=60) for _ in range(4)))

    assert sampler.highest < BROWSER_MAX_BYTES + BESIDE_BYTES
    await memory_is_back(pair)


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("fields", LEGITIMATE.values(), ids=LEGITIMATE.keys())
async def test_the_largest_posters_are_drawn(pair: Engine, fields: dict[str, Any]) -> None:
    """With a gradient, a shadow and a text in every place, as large as a poster may be."""
    boxes = "".join(
        f"<div style='position:absolute;left:{number * 137 % 7000}px;top:{number * 91 % 7000}px;width:900px;height:9em;"
        f"background:linear-gradient({number}deg,#123,#fed);box-shadow:0 0 40px #0008'>{number}</div>"
        for number in range(60)
    )
    rendering = await draw(pair, page(boxes, "body{height:8000px}"), deadline_seconds=90, **fields)

    assert rendering.images[0].width == 8000


class Measured:
    """A process with the memory that the test gives it."""

    def __init__(self, *readings: processes.Memory | None) -> None:
        self.readings = list(readings)
        self.closed = False

    def read(self) -> processes.Memory | None:
        """Return the next reading."""
        return self.readings.pop(0) if len(self.readings) > 1 else self.readings[0]

    def close(self) -> None:
        """Note that it was closed."""
        self.closed = True


def watched(monkeypatch: pytest.MonkeyPatch, files: dict[int, Measured]) -> tuple[MemoryWatch, list[Any]]:
    """Return a watch over these processes, and the list of what it calls oversized."""
    found: list[tuple[Oversized, int]] = []
    monkeypatch.setattr(processes, "group_members", lambda _: list(files))
    monkeypatch.setattr(processes.MemoryFile, "open", lambda process: files[process])
    monkeypatch.setattr(processes, "is_renderer", lambda process: process < 10)
    return MemoryWatch(99, lambda what, process: found.append((what, process))), found


def test_a_page_has_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only processes of pages have it, and each is reported once."""
    large = processes.Memory(PAGE_MAX_BYTES + 1, 0)
    files = {1: Measured(large), 2: Measured(processes.Memory(PAGE_MAX_BYTES, 0)), 11: Measured(processes.Memory(1, 0))}
    watch, found = watched(monkeypatch, files)
    watch.check()
    watch.check()

    assert found == [("page", 1)]
    assert watch.highest_bytes == 2 * PAGE_MAX_BYTES + 2


def test_all_processes_have_a_limit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """What they share is counted once; a process that has ended counts no more, and its file is closed."""
    gigabyte = 1024**3
    files = {
        11: Measured(processes.Memory(gigabyte, gigabyte)),
        12: Measured(processes.Memory(gigabyte, gigabyte), processes.Memory(gigabyte + 1, gigabyte), None),
    }
    watch, found = watched(monkeypatch, files)
    watch.check()
    assert found == []
    watch.check()
    assert found == [("browser", 99)]
    watch.check()

    assert found == [("browser", 99)]
    assert files[12].closed


@pytest.mark.asyncio(loop_scope="session")
async def test_processes_are_searched_where_there_may_be_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is with a page that was opened, after a process has ended, and while a document takes long."""
    searched: list[int] = []
    now = [100.0]
    small = processes.Memory(1, 0)
    files = {11: Measured(small, small, small, small, None), 12: Measured(small)}
    watch, _ = watched(monkeypatch, files)

    def members(group: int) -> list[int]:
        searched.append(group)
        return list(files)

    monkeypatch.setattr(processes, "group_members", members)
    monkeypatch.setattr("renderer.browser.memory_watch.time.monotonic", lambda: now[0])

    def searches(*, new_processes: bool = False, seconds: float = CHECK_SECONDS) -> int:
        """Return how often one document has them searched that takes so long."""
        before = len(searched)
        watch.start(new_processes=new_processes)
        now[0] += seconds
        watch.check()
        watch.stop()
        now[0] += 1_000
        return len(searched) - before

    assert searches() == 1  # the first
    assert searches() == 0
    assert searches(new_processes=True) == 1
    assert searches(seconds=SEARCH_SECONDS) == 1
    assert searches() == 0  # one has ended
    assert searches() == 1
    watch.close()


@pytest.mark.asyncio(loop_scope="session")
async def test_a_short_poster_is_not_measured(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first check is after 50 ms, and none is made between documents."""
    checks: list[MemoryWatch] = []
    monkeypatch.setattr(MemoryWatch, "check", checks.append)
    await draw(engine, GOOD)
    await asyncio.sleep(0)
    made = len(checks)
    while engine.snapshot().free < 1:  # noqa: ASYNC110 - the worker cleans its page
        await asyncio.sleep(0.001)
    loop = asyncio.get_running_loop()
    passed = asyncio.Event()
    loop.call_later(3 * CHECK_SECONDS, passed.set)
    await passed.wait()

    assert len(checks) - made <= 1
