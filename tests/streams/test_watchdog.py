"""A process that hangs ends itself and logs where; one that waits for a declared reason does not."""

import asyncio
import subprocess
import sys
import textwrap

import pytest

from streams.errors import UnavailableError
from streams.health.liveness import Liveness, declare_wait
from streams.health.watchdog import EXIT_CODE, SINGLE_RECORD_FACTOR, HangDetector, Watchdog
from streams.inbox import Inbox
from streams.retry import retry_while_unavailable
from tests.streams.deliveries import delivery

LIMIT = 10.0


@pytest.fixture
def inbox() -> Inbox:
    """An inbox with two records."""
    inbox = Inbox(["poster-requests"], cap=100)
    for offset in range(2):
        inbox.deliver(delivery(offset), lambda: None)
    return inbox


@pytest.fixture
def liveness(inbox: Inbox) -> Liveness:
    """The liveness of its role."""
    return Liveness("render", [inbox])


def verdict_after(detector: HangDetector, liveness: Liveness, seconds: float) -> str | None:
    """Return the verdict on a role whose state has not changed for some seconds."""
    detector.verdict(liveness.snapshot(), 0)
    return detector.verdict(liveness.snapshot(), seconds)


async def test_records_without_progress_are_a_hang(liveness: Liveness) -> None:
    """Records wait, none is finished, and no wait is declared."""
    assert verdict_after(HangDetector("render", LIMIT), liveness, LIMIT - 1) is None
    assert "none was finished" in (verdict_after(HangDetector("render", LIMIT), liveness, LIMIT + 1) or "")


async def test_an_idle_role_does_not_hang(inbox: Inbox, liveness: Liveness) -> None:
    """Without records, or with deferred ones only, a role does not have to make progress."""
    first, second = await inbox.take(2)
    inbox.finish([first])
    inbox.defer(second)

    assert verdict_after(HangDetector("render", LIMIT), liveness, 1_000) is None


async def test_progress_restarts_the_time(inbox: Inbox, liveness: Liveness) -> None:
    """A slow role that finishes a record now and then does not hang."""
    detector = HangDetector("render", LIMIT)
    verdict_after(detector, liveness, LIMIT - 1)
    taken = await inbox.take(1)
    inbox.finish(taken)

    assert detector.verdict(liveness.snapshot(), 1) is None
    assert detector.verdict(liveness.snapshot(), LIMIT - 1) is None
    assert detector.verdict(liveness.snapshot(), 2) is not None


async def test_a_declared_wait_is_no_hang_and_says_why(liveness: Liveness) -> None:
    """While an action is retried the role waits on purpose; when the wait ends, the time restarts."""
    detector = HangDetector("render", LIMIT)
    unavailable = [True]
    seen: list[tuple[str | None, list[str]]] = []

    async def act() -> None:
        if unavailable[0]:
            raise UnavailableError("the database is unavailable")

    async def sleep(_: float) -> None:
        seen.append((verdict_after(detector, liveness, 1_000), liveness.reasons()))
        unavailable[0] = False

    await liveness.run(lambda: retry_while_unavailable(act, sleep=sleep))

    assert seen == [(None, ["render: the database is unavailable"])]
    assert liveness.reasons() == []
    assert detector.verdict(liveness.snapshot(), LIMIT - 1) is None
    assert detector.verdict(liveness.snapshot(), 2) is not None


async def test_every_task_declares_its_own_wait(liveness: Liveness) -> None:
    """A task that continues does not withdraw the wait of another."""
    first_waits, first_continues = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        declare_wait("one")
        first_waits.set()
        await first_continues.wait()
        declare_wait(None)

    async def both() -> None:
        task = asyncio.create_task(first())
        await first_waits.wait()
        declare_wait("two")
        declare_wait(None)
        during = liveness.reasons()
        first_continues.set()
        await task

        assert during == ["render: one"]

    await liveness.run(both)
    assert liveness.reasons() == []


async def test_one_forgotten_record_is_noticed_beside_others(inbox: Inbox, liveness: Liveness) -> None:
    """A record that is never finished is a hang even where other records are finished."""
    detector = HangDetector("render", LIMIT)
    await inbox.take(1)
    verdicts = []
    for offset in range(2, 10):
        inbox.deliver(delivery(offset), lambda: None)
        inbox.finish(await inbox.take(1))
        verdicts.append(detector.verdict(liveness.snapshot(), LIMIT - 1))

    assert verdicts[:SINGLE_RECORD_FACTOR] == [None] * SINGLE_RECORD_FACTOR
    assert "poster-requests[0]@0" in (verdicts[-1] or "")


async def test_a_paused_inbox_hands_out_nothing_and_has_a_reason(inbox: Inbox, liveness: Liveness) -> None:
    """A pause is a declared wait; it ends when the last reason is withdrawn."""
    inbox.pause("the storage is unavailable")
    inbox.pause("too many dead letters")
    inbox.resume("the storage is unavailable")
    taking = asyncio.create_task(inbox.take(2))
    await asyncio.wait({taking}, timeout=0.01)
    early, reasons = taking.done(), liveness.reasons()
    verdict = verdict_after(HangDetector("render", LIMIT), liveness, 1_000)
    inbox.resume("too many dead letters")

    assert not early
    assert reasons == ["render: too many dead letters"]
    assert verdict is None
    assert len(await taking) == 2


async def test_a_silent_loop_is_a_hang_but_a_stopped_process_is_not(liveness: Liveness) -> None:
    """Time during which the watchdog was suspended does not count."""
    now = [0.0]
    ends: list[str] = []
    watchdog = Watchdog(asyncio.get_running_loop(), LIMIT, end=ends.append, clock=lambda: now[0])
    watchdog.watch([liveness])
    watchdog.step()
    now[0] += 3_600
    watchdog.step()
    after_a_stop = list(ends)
    for _ in range(12):
        now[0] += 1
        watchdog.step()

    assert after_a_stop == []
    assert "the event loop has not answered" in ends[0]


@pytest.mark.parametrize(
    "hang", ["time.sleep(600)", "await asyncio.Event().wait()"], ids=["blocked loop", "no progress"]
)
def test_a_hanging_process_ends_with_its_stacks(hang: str) -> None:
    """The exit code is not 0, and the log shows the line that hangs, of threads and of tasks."""
    program = textwrap.dedent(f"""
        import asyncio, logging, time
        from streams.health import watchdog
        from streams.inbox import Inbox
        from streams.health.liveness import Liveness
        from tests.streams.deliveries import delivery

        logging.basicConfig()
        watchdog.EVERY_SECONDS = 0.05

        async def the_work(inbox):
            await inbox.take(1)
            {hang}

        async def main():
            inbox = Inbox(["poster-requests"], cap=4)
            inbox.deliver(delivery(0), lambda: None)
            dog = watchdog.Watchdog(asyncio.get_running_loop(), 0.5)
            dog.watch([Liveness("render", [inbox])])
            dog.start()
            await the_work(inbox)

        asyncio.run(main())
    """)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)

    assert ended.returncode == EXIT_CODE, ended.stderr
    assert "ending this process: " in ended.stderr
    assert "thread watchdog" in ended.stderr
    assert "the_work" in ended.stderr
