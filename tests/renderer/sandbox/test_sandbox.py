"""Template sandbox: what a template does to its process is an answer, and nobody else notices."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import psutil
import pytest

from renderer.language.check import TemplateRejectedError
from renderer.language.problems import TemplateDataProblemError, TemplateSyntaxProblemError
from renderer.sandbox.limits import Limits, TimeLimit
from renderer.sandbox.sandbox import TemplateSandbox

ROOT: Final = Path(__file__).parents[3]
SLOW: Final = "{{ v }}" * 8_000
"""More than a second of processor time to check."""
BUSY_SECONDS: Final = 0.9
"""More processor time than a start takes, and less than a start and checking `SLOW`."""
SHORT: Final = TimeLimit(cpu_seconds=0.3, wall_seconds=20.0)


@pytest.fixture
async def sandbox() -> AsyncIterator[TemplateSandbox]:
    """A sandbox with the limits of production."""
    opened = TemplateSandbox()
    yield opened
    await opened.close()


OTHERS: Final[set[psutil.Process]] = set()
"""Sandbox processes that fixtures of the session hold for other files."""


@pytest.fixture(autouse=True)
def others() -> None:
    """Leave out of `processes` what was there before the test."""
    OTHERS.clear()
    OTHERS.update(processes())


def processes() -> list[psutil.Process]:
    """Return the sandbox processes that the test has started in this process."""
    return [each for each in psutil.Process().children() if each not in OTHERS and runs_sandbox(each)]


def runs_sandbox(process: psutil.Process) -> bool:
    """Say whether this is a sandbox process that has not ended; it may end while it is looked at."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and "renderer.sandbox.child" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def is_busy(process: psutil.Process) -> bool:
    """Say whether it has used enough processor time to be in the middle of checking `SLOW`."""
    try:
        return process.cpu_times().user > BUSY_SECONDS
    except psutil.NoSuchProcess:
        return False


async def until(holds: Callable[[], bool]) -> None:
    """Return once the condition holds; the time limit of tests ends a wait that is in vain."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - another process decides, and tells nobody
            await asyncio.sleep(0.01)


async def test_a_template_is_checked_and_filled(sandbox: TemplateSandbox) -> None:
    """The answers are those of the language itself, placeholders and positions included."""
    checked = await sandbox.check("<p>{{ title }} {{ n | number }}</p>", [])
    document = await sandbox.fill("v1", "<p>{{ title }}</p>", {"title": "<b>"})

    assert [(item.name, item.data_type) for item in checked.placeholders] == [("title", "text"), ("n", "number")]
    assert document == "<p>&lt;b&gt;</p>"
    with pytest.raises(TemplateRejectedError) as rejected:
        await sandbox.check("<p>\n{{ title | sparkle }}</p>", [])
    assert (rejected.value.errors[0].line, rejected.value.errors[0].column) == (2, 12)
    with pytest.raises(TemplateDataProblemError, match="line 1, column 4"):
        await sandbox.fill("v2", "<p>{{ when | date }}</p>", {"when": "soon"})
    with pytest.raises(TemplateSyntaxProblemError):
        await sandbox.fill("v3", "{% if %}", {})


async def test_a_template_is_sent_once(sandbox: TemplateSandbox) -> None:
    """A process keeps the templates that it has compiled, by their key."""
    first = await sandbox.fill("v1", "<p>{{ title }}</p>", {"title": "one"})
    second = await sandbox.fill("v1", "something else", {"title": "two"})

    assert (first, second) == ("<p>one</p>", "<p>two</p>")


async def test_a_template_that_ends_its_process_is_rejected(sandbox: TemplateSandbox) -> None:
    """Two processes end, the template is to blame, and the next template is checked as always."""
    await sandbox.start()
    checking = asyncio.ensure_future(sandbox.check(SLOW, []))
    killed: list[psutil.Process] = []
    for _ in range(2):
        await until(lambda: any(map(is_busy, processes())))
        (process,) = processes()
        killed.append(process)
        os.kill(process.pid, signal.SIGKILL)
        await until(lambda: killed[-1] not in processes())
    with pytest.raises(TemplateRejectedError, match="too large or nested too deeply"):
        await checking

    assert (await sandbox.check("<p>{{ title }}</p>", [])).placeholders


async def test_a_killed_process_is_nobodys_fault(sandbox: TemplateSandbox) -> None:
    """Where somebody else ends the process, the template is asked of another one."""
    await sandbox.start()
    (process,) = processes()
    checking = asyncio.ensure_future(sandbox.check(SLOW, []))
    await until(lambda: is_busy(process) or checking.done())
    os.kill(process.pid, signal.SIGKILL)

    assert [item.name for item in (await checking).placeholders] == ["v"]


async def test_processor_time_is_limited() -> None:
    """A template that takes longer is rejected with the reason, and its process is replaced."""
    sandbox = TemplateSandbox(limits=Limits(check=SHORT))
    try:
        with pytest.raises(TemplateRejectedError, match="takes too long"):
            await sandbox.check(SLOW, [])
        assert await sandbox.fill("v1", "<p>{{ title }}</p>", {"title": "on"}) == "<p>on</p>"
    finally:
        await sandbox.close()


async def test_elapsed_time_is_limited() -> None:
    """A process that does not answer is ended by the worker."""
    sandbox = TemplateSandbox(limits=Limits(check=TimeLimit(cpu_seconds=60.0, wall_seconds=0.3)))
    try:
        await sandbox.start()
        with pytest.raises(TemplateRejectedError, match="takes too long"):
            await sandbox.check(SLOW, [])
        assert processes() == []
    finally:
        await sandbox.close()


async def test_memory_is_limited() -> None:
    """A template that needs more memory than its process may have is rejected."""
    unhurried = TimeLimit(cpu_seconds=60.0, wall_seconds=120.0)
    sandbox = TemplateSandbox(limits=Limits(memory_bytes=120 * 1024 * 1024, check=unhurried))
    try:
        with pytest.raises(TemplateRejectedError, match=r"memory|too large"):
            await sandbox.check("{{ v }}" * 19_000, [])
    finally:
        await sandbox.close()


async def test_a_large_upload_leaves_no_memory_behind(sandbox: TemplateSandbox) -> None:
    """The process that checked it ends; the next template gets another one."""
    await sandbox.check("<p>{{ title }}</p>" + "a" * 100_000, [])
    assert processes() == []

    await sandbox.check("<p>{{ title }}</p>", [])
    assert len(processes()) == 1


async def test_a_slow_template_holds_up_nobody(sandbox: TemplateSandbox) -> None:
    """While one process is busy, the event loop is free and another process answers."""
    await asyncio.gather(*(sandbox.fill("v0", "<p>{{ title }}</p>", {"title": "both start"}) for _ in range(2)))
    slow = asyncio.ensure_future(sandbox.check(SLOW, []))
    document = await sandbox.fill("v1", "<p>{{ title }}</p>", {"title": "quick"})

    assert document == "<p>quick</p>"
    assert not slow.done()
    assert (await slow).placeholders


async def test_a_cancelled_caller_leaves_a_usable_process(sandbox: TemplateSandbox) -> None:
    """What was asked for goes on without its caller, and the answer is nobody else's."""
    await sandbox.start()
    for number in range(20):
        asking = asyncio.ensure_future(sandbox.fill("v1", "<p>{{ n }}</p>", {"n": number}))
        await asyncio.sleep(0)
        asking.cancel()
    answers = [await sandbox.fill("v1", "<p>{{ n }}</p>", {"n": 100 + number}) for number in range(5)]

    assert answers == [f"<p>{100 + number}</p>" for number in range(5)]


async def test_closing_leaves_no_process() -> None:
    """After close, every process has ended."""
    sandbox = TemplateSandbox()
    await sandbox.start()
    started = processes()
    await sandbox.close()

    assert started
    assert processes() == []


async def test_the_process_knows_nothing_and_writes_nothing(
    sandbox: TemplateSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its environment has nothing of the worker's, and its limits forbid files, core dumps and other processes."""
    monkeypatch.setenv("POSTERS_BROKER_PASSWORD", "secret")
    await sandbox.start()
    (process,) = processes()

    assert "POSTERS_BROKER_PASSWORD" not in process.environ()
    assert set(process.environ()) <= {"LANG", "TZ", "LC_CTYPE"}
    assert process.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
    assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert process.rlimit(psutil.RLIMIT_NPROC) == (0, 0)
    assert process.rlimit(psutil.RLIMIT_AS) == (Limits().memory_bytes, Limits().memory_bytes)
    assert not [each for each in process.net_connections() if each.status]


def test_the_process_ends_with_its_worker() -> None:
    """A worker that is killed leaves no sandbox process behind, even a busy one."""
    program = textwrap.dedent(f"""
        import asyncio, os, signal
        import psutil
        from renderer.sandbox.sandbox import TemplateSandbox

        async def main():
            sandbox = TemplateSandbox()
            await sandbox.start()
            asyncio.ensure_future(sandbox.check({SLOW[:7]!r} * 70_000, []))
            await asyncio.sleep(0.2)
            print(psutil.Process().children()[0].pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(main())
        """)
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    child = int(ended.stdout)

    _, alive = psutil.wait_procs([psutil.Process(child)] if psutil.pid_exists(child) else [], timeout=10)
    assert not alive


async def test_filters_follow_the_output_of_the_poster(sandbox: TemplateSandbox) -> None:
    """The locale and time zone of the output are the defaults of filters, poster by poster."""
    html = "{{ at | datetime('EEEE HH:mm') }} {{ n | number }}"
    data = {"at": "2025-01-31T23:30:00Z", "n": 1234.5}
    berlin = await sandbox.fill("v1", html, data, locale="de-DE", timezone="Europe/Berlin")
    plain = await sandbox.fill("v1", html, data)
    # The browser refuses an unknown zone, as what is wrong with the output.
    unknown = await sandbox.fill("v1", html, data, timezone="Europe/Atlantis")

    assert (berlin, plain) == ("Samstag 00:30 1.234,5", "Friday 23:30 1,234.5")
    assert unknown == plain
