"""Recovery: when a browser crashes, hangs or is worn, the poster ends in time and the next one is drawn."""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import pytest_asyncio

from renderer.browser import processes
from renderer.browser.driver import DriverName
from renderer.browser.scratch import PREFIX
from renderer.engine import Engine
from renderer.errors import RenderError
from renderer.snapshot import BrowserSnapshot
from tests.renderer.drawing import draw, page

GOOD = page("<h1>fine</h1>")
ENDLESS = page("<script>while(1);</script>")

WORKER = """
import asyncio
import sys
from renderer.engine import Engine

async def work():
    engine = Engine(driver=sys.argv[1], concurrency=1)
    await engine.start()
    while not engine.healthy:
        await asyncio.sleep(0.01)
    print(engine.snapshot().browsers[0].process_group, flush=True)
    await asyncio.Event().wait()

asyncio.run(work())
"""


@pytest.fixture
def driver() -> DriverName:
    """The driver of the engines that a test breaks."""
    return "pipe"


with_both_drivers = pytest.mark.parametrize("driver", get_args(DriverName))


@pytest_asyncio.fixture
async def own(driver: DriverName) -> AsyncIterator[Engine]:
    """An engine to break, with two browsers."""
    engine = await started(concurrency=2, driver=driver)
    await eventually(lambda: len(browsers(engine)) == 2, 20)
    yield engine
    await engine.close()


async def started(**options: Any) -> Engine:
    """Return an engine that has drawn a document, and waits for the next."""
    engine = Engine(**options)
    await engine.start()
    await draw(engine, GOOD)
    await eventually(lambda: bool(browsers(engine)))
    return engine


async def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - processes and directories send no events
            await asyncio.sleep(0.02)


def browsers(engine: Engine) -> list[BrowserSnapshot]:
    """Return the browsers that wait for a poster, the next one first."""
    return [worker.browser for worker in engine.snapshot().workers if worker.free and worker.browser]


def group(engine: Engine) -> int:
    """Return the process group of the browser that draws next."""
    return browsers(engine)[0].process_group


def groups(engine: Engine) -> set[int]:
    """Return the process groups of all browsers of the engine."""
    return {browser.process_group for browser in engine.snapshot().browsers}


def scratch(engine: Engine) -> Path:
    """Return the directory of the browser that draws next."""
    return browsers(engine)[0].scratch


async def replaced(engine: Engine, dead: int, seconds: float = 10) -> None:
    """Wait until all browsers are there, and one of them is another."""
    await eventually(lambda: len(browsers(engine)) == engine.concurrency and dead not in groups(engine), seconds)


def directories() -> list[Path]:
    """Return the scratch directories there are."""
    return list(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))


def renderers(engine: Engine) -> list[int]:
    """Return the processes of the engine's browsers that draw pages."""
    members = [process for group in groups(engine) for process in processes.group_members(group)]
    return [process for process in members if processes.is_renderer(process)]


def is_looping(process: int) -> bool:
    """Say whether a process has used a third of a second of the processor: it runs ENDLESS then."""
    with contextlib.suppress(OSError):  # ended meanwhile
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) > os.sysconf("SC_CLK_TCK") // 3
    return False


async def looping(engine: Engine, before: set[int]) -> list[int]:
    """Wait until a page that was not there before runs ENDLESS, and return its process."""
    await eventually(lambda: any(is_looping(process) for process in set(renderers(engine)) - before))
    return [process for process in set(renderers(engine)) - before if is_looping(process)]


async def failing(work: Awaitable[object]) -> tuple[RenderError, float]:
    """Return the error that `work` fails with and how long it took."""
    started = time.monotonic()
    with pytest.raises(RenderError) as raised:
        await work
    return raised.value, time.monotonic() - started


async def test_snapshot_shows_workers_documents_and_memory(own: Engine) -> None:
    """It counts free workers and waiting documents, and has the browsers of all workers with their memory."""
    idle = own.snapshot()
    stuck = [asyncio.create_task(failing(draw(own, ENDLESS, javascript=True, deadline_seconds=1))) for _ in range(3)]
    await eventually(lambda: own.snapshot().waiting == 1)
    busy = own.snapshot()
    await asyncio.gather(*stuck)
    await eventually(lambda: own.snapshot().free == 2)

    assert (idle.free, idle.waiting, len(idle.browsers)) == (2, 0, 2)
    assert all(browser.page_ready and not browser.page_crashed for browser in idle.browsers)
    assert idle.memory_bytes > 10_000_000
    assert (busy.free, len(busy.browsers)) == (0, 2)
    assert not any(browser.page_ready for browser in busy.browsers)
    assert sum(browser.drawn for browser in own.snapshot().browsers) == 3 + sum(each.drawn for each in idle.browsers)


SCRIPTS = {
    "endless loop": "while(1);",
    "endless dialogs": "while(1)alert(1)",
    "endless promises": "(function f(){Promise.resolve().then(f)})()",
    "memory bomb": "const a=[];while(1)a.push(new Array(1e6).fill(Math.random()))",
    "document that never ends": "onload=()=>{while(1)document.body.append('x'.repeat(1e5))}",
    "endless reload": "location.reload()",
    "endless workers": "for(;;)new Worker(URL.createObjectURL(new Blob(['while(1);'])))",
}


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
async def test_runaway_script_ends_in_its_budget(engine: Engine, script: str) -> None:
    """A script that never ends, or takes all memory, fails its poster in its budget and two seconds."""
    baseline = (await draw(engine, GOOD)).images[0].data
    error, took = await failing(draw(engine, page(f"<script>{script}</script>"), javascript=True, deadline_seconds=2))

    assert error.code in {"script_timeout", "renderer_crashed", "renderer_oom", "navigated"}
    assert took < 4
    assert (await draw(engine, GOOD)).images[0].data == baseline


NAVIGATIONS = {
    "reload": "location.reload()",
    "blank": "location='about:blank'",
    "blob": "location=URL.createObjectURL(new Blob(['x'],{type:'text/html'}))",
    "srcdoc": "location='about:srcdoc'",
    "script": "location='javascript:\"x\"'",
    "network": "location='http://127.0.0.1:9/'",
    "mail": "location='mailto:somebody@example.org'",
    "form": "const f=document.createElement('form');f.action='http://127.0.0.1:9/';document.body.append(f);f.submit()",
}


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("script", NAVIGATIONS.values(), ids=NAVIGATIONS.keys())
async def test_script_that_leaves_is_named(engine: Engine, script: str) -> None:
    """Wherever a script goes, its poster fails with `navigated`, for which no attempt is made again."""
    error, _ = await failing(draw(engine, page(f"<script>{script}</script>"), javascript=True))

    assert (error.code, error.retryable) == ("navigated", False)


BOMBS = {
    "buffers": "const a=[];while(1)a.push(new Uint8Array(1e8).fill(1))",
    "wasm": "const a=[];while(1){const m=new WebAssembly.Memory({initial:10000});"
    "new Uint8Array(m.buffer).fill(1);a.push(m)}",
}


@pytest.mark.parametrize("script", BOMBS.values(), ids=BOMBS.keys())
@with_both_drivers
async def test_memory_bomb_is_named(own: Engine, script: str) -> None:
    """A page that takes more than a gigabyte is ended with `renderer_oom`; its neighbours draw on."""
    before = groups(own)
    bomb = asyncio.create_task(failing(draw(own, page(f"<script>{script}</script>"), javascript=True)))
    neighbours = [await draw(own, GOOD) for _ in range(3)]
    error, _ = await bomb

    assert error.code == "renderer_oom"
    assert len({rendering.images[0].data for rendering in neighbours}) == 1
    assert groups(own) == before


async def test_scripts_have_the_same_heap_on_every_machine(own: Engine) -> None:
    """It ends beyond what a page may take, so that small machines name a memory bomb as large ones do."""
    script = "new Image().src = 'http://127.0.0.1:9/' + Math.floor(performance.memory.jsHeapSizeLimit / 2 ** 20)"
    rendering = await draw(own, page(f"<script>{script}</script>"), javascript=True)

    assert 2048 <= int(rendering.assets[0].url.rpartition("/")[2]) < 2560


async def test_endless_loop_is_named_and_not_retried(own: Engine) -> None:
    """The error of an endless loop is `script_timeout`, for which no attempt is made again."""
    error, took = await failing(draw(own, ENDLESS, javascript=True, deadline_seconds=1))

    assert (error.code, error.retryable) == ("script_timeout", False)
    assert "a script may not end" in str(error)
    assert 1 <= took < 3


@with_both_drivers
async def test_endless_loop_does_not_slow_its_neighbour(own: Engine) -> None:
    """While one page is stuck the other draws, the stuck one's worker is free again, and its browser lives on."""
    before = groups(own)
    stuck = asyncio.create_task(failing(draw(own, ENDLESS, javascript=True, deadline_seconds=3)))
    for _ in range(5):
        await draw(own, GOOD)

    assert not stuck.done()
    await stuck
    await asyncio.gather(*(draw(own, GOOD) for _ in range(4)))
    await eventually(lambda: len(renderers(own)) <= own.concurrency * 2)
    assert groups(own) == before


@with_both_drivers
async def test_browser_killed_twice_fails_the_poster(own: Engine) -> None:
    """A poster whose browser is killed is drawn once more; killed again, it fails at once and retryable."""
    baseline = (await draw(own, GOOD)).images[0].data
    before, left = groups(own), [browser.scratch for browser in browsers(own)]
    known = set(renderers(own))
    work = asyncio.create_task(failing(draw(own, ENDLESS, javascript=True)))
    for _ in range(2):
        busy = await looping(own, known)
        known.update(busy)
        started = time.monotonic()
        os.killpg(os.getpgid(busy[0]), signal.SIGKILL)
    error, _ = await work
    noticed = time.monotonic() - started
    after = (await draw(own, GOOD)).images[0].data

    assert (error.code, error.retryable) == ("renderer_crashed", True)
    assert noticed < 3  # of the 15 s that it has
    assert after == baseline
    await eventually(lambda: len(groups(own)) == 2 and not groups(own) & before, 20)
    await eventually(lambda: not any(processes.group_members(each) for each in before))
    await eventually(lambda: not any(path.exists() for path in left))


@with_both_drivers
async def test_browser_killed_at_rest_is_replaced_before_the_next(own: Engine) -> None:
    """An idle engine notices that a browser is gone and starts another without being asked."""
    dead = group(own)
    os.kill(dead, signal.SIGKILL)
    await replaced(own, dead)

    assert (await draw(own, GOOD)).images


@with_both_drivers
async def test_browser_killed_again_and_again(own: Engine) -> None:
    """Five kills under load cost no poster, and leave neither processes nor directories behind."""
    baseline = (await draw(own, GOOD)).images[0].data
    killed = []
    for _ in range(5):
        killed.append(min(groups(own)))
        work = asyncio.gather(*(draw(own, GOOD) for _ in range(6)))
        os.kill(killed[-1], signal.SIGKILL)

        assert {rendering.images[0].data for rendering in await work} == {baseline}
    await eventually(lambda: not any(processes.group_members(each) for each in killed))


@with_both_drivers
async def test_page_that_crashes_twice_costs_one_poster(own: Engine) -> None:
    """A page whose process is killed twice fails its poster at once; the browsers stay and so do other pages."""
    before = groups(own)
    await draw(own, GOOD)
    known = set(renderers(own))
    work = asyncio.create_task(failing(draw(own, ENDLESS, javascript=True)))
    neighbour = asyncio.create_task(draw(own, GOOD))
    for _ in range(2):
        busy = await looping(own, known)
        known.update(busy)
        killed = time.monotonic()
        os.kill(busy[0], signal.SIGKILL)
    error, _ = await work

    assert (error.code, error.retryable) == ("renderer_crashed", True)
    assert time.monotonic() - killed < 3  # of the 15 s that it has
    assert (await neighbour).images
    assert groups(own) == before
    assert (await draw(own, GOOD)).images


@with_both_drivers
async def test_idle_page_that_crashed_is_not_used(own: Engine) -> None:
    """A page whose process ends while nobody uses it is replaced, not handed out."""
    for process in renderers(own):
        os.kill(process, signal.SIGKILL)
    await eventually(lambda: all(browser.page_crashed for browser in browsers(own)))

    assert len(await asyncio.gather(*(draw(own, GOOD) for _ in range(4)))) == 4


@with_both_drivers
async def test_frozen_page_costs_one_poster(own: Engine) -> None:
    """A page whose process stops answering fails its poster at the deadline; the next one is drawn."""
    for process in renderers(own):
        os.kill(process, signal.SIGSTOP)
    errors = await asyncio.gather(*(failing(draw(own, GOOD, deadline_seconds=1)) for _ in range(own.concurrency)))

    assert [error.code for error, _ in errors] == ["render_timeout"] * own.concurrency
    await eventually(lambda: sum(browser.page_ready for browser in browsers(own)) == own.concurrency, 10)
    assert (await draw(own, GOOD)).images


@with_both_drivers
async def test_frozen_browser_is_killed_and_replaced(own: Engine) -> None:
    """A browser that stops answering fails its posters at their deadline and is then replaced."""
    dead = group(own)
    os.killpg(dead, signal.SIGSTOP)
    error, took = await failing(draw(own, GOOD, deadline_seconds=1))

    assert (error.code, error.retryable) == ("render_timeout", True)
    assert took < 3
    await replaced(own, dead)
    assert (await draw(own, GOOD)).images
    await eventually(lambda: not processes.group_members(dead))


@with_both_drivers
async def test_browser_ends_with_its_worker(tmp_path: Path, driver: DriverName) -> None:
    """A worker that is killed has no time to end its browser, which does so by itself."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WORKER,
        driver,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert worker.stdout is not None
    browser = int(await worker.stdout.readline())
    assert processes.group_members(browser)
    worker.kill()
    await worker.wait()

    await eventually(lambda: not processes.group_members(browser))


@with_both_drivers
async def test_cancelled_poster_frees_its_worker(own: Engine) -> None:
    """A poster that nobody waits for any more does not keep its page."""
    for _ in range(own.concurrency * 2):
        idle = set(renderers(own))
        work = asyncio.create_task(draw(own, ENDLESS, javascript=True))
        await looping(own, idle)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    assert (await draw(own, GOOD)).images
