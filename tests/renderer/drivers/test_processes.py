"""What a driver starts: Chromium with the same command line, and nothing that outlives its browser."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import psutil
import pytest
import pytest_asyncio

from renderer.browser import browser, processes
from renderer.browser.browser import Browser
from renderer.browser.chromium import find_chromium
from renderer.browser.driver import DriverName
from renderer.engine import Engine
from renderer.errors import RenderError
from renderer.snapshot import BrowserSnapshot
from tests.renderer.drawing import draw, page
from tests.renderer.test_recovery import browsers, eventually, failing, group, groups, scratch, started

GOOD = page("<h1>fine</h1>")


@pytest_asyncio.fixture
async def own() -> AsyncIterator[Engine]:
    """An engine over Playwright to break, with one browser."""
    engine = await started(concurrency=1, driver="playwright")
    yield engine
    await engine.close()


def node_of(running: BrowserSnapshot) -> int:
    """Return the Node process behind a browser of Playwright."""
    assert running.driver_process is not None
    return running.driver_process


async def test_both_drivers_start_the_same_command() -> None:
    """Every flag but the directory of the profile, in the same order; Playwright adds none."""
    commands = []
    for driver in get_args(DriverName):
        engine = await started(concurrency=1, driver=driver)
        command = psutil.Process(group(engine)).cmdline()
        commands.append([each for each in command if each != f"--user-data-dir={scratch(engine) / 'profile'}"])
        assert len(command) == len(commands[-1]) + 1
        await engine.close()

    assert commands[0] == commands[1]


async def test_the_node_process_ends_with_its_browser(own: Engine) -> None:
    """Each browser has a Node process of its own; closing the engine leaves neither, nor a file."""
    (running,) = browsers(own)
    node, files = node_of(running), scratch(own)
    assert Path(psutil.Process(node).exe()).name.startswith("node")
    await own.close()

    assert not psutil.pid_exists(node)
    assert not processes.group_members(running.process_group)
    assert not files.exists()


async def test_temporary_files_of_playwright_are_in_the_scratch_directory(own: Engine) -> None:
    """So that they go with it, whoever is killed; our own environment is as before."""
    environment = psutil.Process(node_of(browsers(own)[0])).environ()

    assert environment["TMPDIR"] == str(scratch(own))
    assert os.environ.get("TMPDIR") != str(scratch(own))


async def test_browsers_that_start_together_have_their_own_temporary_files() -> None:
    """The environment that Playwright inherits is this process's, and nothing of one launch is left in the other."""
    binary = find_chromium(None)
    launches = (Browser.launch(binary, on_demand=True, driver="playwright") for _ in range(3))
    launched = await asyncio.gather(*launches)
    directories = [psutil.Process(each.driver_process).environ()["TMPDIR"] for each in launched]
    await asyncio.gather(*(each.close() for each in launched))

    assert directories == [str(each.scratch) for each in launched]


async def test_a_killed_node_process_costs_its_browser_only(own: Engine) -> None:
    """The browser ends with it and both are replaced; the next poster has the same bytes."""
    dead, node = group(own), node_of(browsers(own)[0])
    before = (await draw(own, GOOD)).images[0].data
    os.kill(node, signal.SIGKILL)
    await eventually(lambda: len(browsers(own)) == 1 and dead not in groups(own), 10)

    assert (await draw(own, GOOD)).images[0].data == before
    await eventually(lambda: not processes.group_members(dead))


async def test_a_frozen_node_process_is_killed_with_its_browser(own: Engine) -> None:
    """A poster fails at its deadline; then browser and Node process are replaced, and none is left."""
    dead, node = group(own), node_of(browsers(own)[0])
    os.kill(node, signal.SIGSTOP)
    error, took = await failing(draw(own, GOOD, deadline_seconds=1))

    assert (error.code, error.retryable) == ("render_timeout", True)
    assert took < 3
    await eventually(lambda: len(browsers(own)) == 1 and dead not in groups(own), 15)
    assert (await draw(own, GOOD)).images
    await eventually(lambda: not processes.group_members(dead) and not psutil.pid_exists(node), 10)


@pytest.mark.parametrize("driver", get_args(DriverName))
async def test_a_browser_that_is_late_leaves_nothing(driver: DriverName, monkeypatch: pytest.MonkeyPatch) -> None:
    """A launch that takes too long is given up with an error, wherever it stands; no process outlives it."""
    before = set(psutil.Process().children(recursive=True))
    for seconds in (0.001, 0.1, 0.3, 0.4):
        monkeypatch.setattr(browser, "LAUNCH_SECONDS", seconds)
        with contextlib.suppress(RenderError):
            late = await Browser.launch(find_chromium(None), on_demand=True, driver=driver)
            await late.close()
    monkeypatch.setattr(browser, "LAUNCH_SECONDS", 0.0)
    with pytest.raises(RenderError, match="did not start: no answer in"):
        await Browser.launch(find_chromium(None), on_demand=True, driver=driver)

    await eventually(lambda: not set(psutil.Process().children(recursive=True)) - before)


@pytest.mark.parametrize("driver", get_args(DriverName))
async def test_a_kernel_without_process_tools_is_enough(driver: DriverName, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pidfd and /proc, as on macOS, the end of a browser is noticed by its connection, and nothing is left."""
    monkeypatch.delattr(os, "pidfd_open")
    monkeypatch.setattr(processes, "_PROCESSES", Path("/nonexistent"))
    engine = await started(concurrency=1, driver=driver)
    dead, files = group(engine), scratch(engine)
    before = (await draw(engine, GOOD)).images[0].data
    os.kill(dead, signal.SIGKILL)
    await eventually(lambda: len(browsers(engine)) == 1 and dead not in groups(engine), 10)
    last = group(engine)
    after = (await draw(engine, GOOD)).images[0].data
    await engine.close()

    assert after == before
    assert not files.exists()
    assert not any(psutil.pid_exists(each) for each in (dead, last))
