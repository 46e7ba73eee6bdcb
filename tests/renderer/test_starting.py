"""Browsers are started, replaced and closed: without a gap, an error that nobody reads, or files left behind."""

import asyncio
import errno
import gc
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest

from renderer.browser import processes
from renderer.browser.browser import Browser
from renderer.browser.devtools import Connection
from renderer.browser.driver import DriverName
from renderer.browser.scratch import PREFIX
from renderer.engine import Engine
from renderer.errors import RenderError
from renderer.page.browser_context import BrowserContext
from renderer.page.page import Page
from renderer.warm_browser import Launcher, WarmBrowser
from tests.renderer.drawing import draw, page
from tests.renderer.test_recovery import (
    ENDLESS,
    GOOD,
    directories,
    eventually,
    failing,
    group,
    groups,
    scratch,
    started,
    with_both_drivers,
)


@with_both_drivers
async def test_worn_browser_is_replaced_without_a_gap(driver: DriverName) -> None:
    """After its share of posters a browser hands over, while posters go on being drawn, and ends."""
    engine = await started(concurrency=1, recycle_after=5, driver=driver)
    first = group(engine)
    drawn = [await draw(engine, GOOD) for _ in range(6)]
    await eventually(lambda: groups(engine) != {first}, 10)
    drawn += [await draw(engine, GOOD) for _ in range(3)]
    await eventually(lambda: not processes.group_members(first))
    await engine.close()

    assert len({rendering.images[0].data for rendering in drawn}) == 1


async def test_large_browser_is_replaced() -> None:
    """A browser that grew over its limit is replaced as well."""
    engine = await started(concurrency=1, recycle_above_bytes=1)
    first = group(engine)
    for _ in range(51):
        await draw(engine, page("x"), width=10, height=10)
    await eventually(lambda: groups(engine) != {first}, 10)
    await engine.close()


@with_both_drivers
async def test_closing_waits_for_what_is_drawn_and_leaves_nothing(driver: DriverName) -> None:
    """`close` lets a poster finish; then no process and no directory is left."""
    engine = await started(concurrency=2, driver=driver)
    before, left = groups(engine), scratch(engine)
    work = asyncio.create_task(draw(engine, GOOD))
    await asyncio.sleep(0)
    await engine.close()

    assert (await work).images
    assert not any(processes.group_members(each) for each in before)
    assert not left.exists()


async def test_directory_of_a_dead_worker_is_removed_at_start() -> None:
    """What a killed worker left behind goes when the next one starts; a living worker's stays."""
    living = await started(concurrency=1)
    orphan = Path(tempfile.mkdtemp(prefix=PREFIX))
    (orphan / "owner.lock").touch()
    engine = Engine(concurrency=1)
    await engine.start()

    assert set(directories()) & {orphan, scratch(living)} == {scratch(living)}
    assert (await draw(living, GOOD)).images
    await engine.close()
    await living.close()


@with_both_drivers
async def test_browser_that_cannot_start_is_an_error_with_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: DriverName
) -> None:
    """An engine whose binary is no browser fails with its path, and leaves nothing behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    engine = Engine(chromium_binary="/bin/false", concurrency=1, driver=driver)
    with pytest.raises(RenderError, match="/bin/false") as raised:
        await engine.start()

    assert raised.value.code == "renderer_crashed"
    assert not engine.healthy
    await engine.close()
    assert directories() == []


async def test_worker_is_there_although_its_browser_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A poster that waits for the only worker fails with that worker's error instead of waiting forever."""
    engine = Engine(concurrency=1)
    is_up = asyncio.Event()

    async def no_space(browser: Browser) -> WarmBrowser:
        await is_up.wait()
        await browser.close()
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(WarmBrowser, "open", no_space)
    await engine.start()
    is_up.set()
    async with asyncio.timeout(20):
        with pytest.raises(OSError, match="no space left"):
            await draw(engine, GOOD)
    await engine.close()


async def test_closed_engine_starts_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """A poster that still waits for a worker is refused with a retryable error, so that another process draws it."""
    engine = await started(concurrency=1)
    drawing = asyncio.create_task(failing(draw(engine, ENDLESS, javascript=True, deadline_seconds=1)))
    waiting = asyncio.create_task(failing(draw(engine, GOOD)))
    await eventually(lambda: engine.snapshot().waiting == 1)
    monkeypatch.setattr(Launcher, "open", pytest.fail)
    await engine.close()
    error, _ = await waiting
    await drawing

    assert (error.code, error.retryable) == ("renderer_crashed", True)


async def test_opening_a_page_of_an_ended_browser_leaves_no_unretrieved_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails with one error, and the event loop reports nothing else, not even at garbage collection."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    browser = MagicMock(devtools=Connection(), turn=None, gone=asyncio.Event())  # never connected, as good as ended
    context = BrowserContext(browser, browser.devtools.session("page"), "context")
    monkeypatch.setattr(BrowserContext, "open", AsyncMock(return_value=context))
    with pytest.raises(RenderError, match="the browser has ended"):
        await Page.open(browser)
    gc.collect()
    await asyncio.sleep(0)

    assert complaints == []
