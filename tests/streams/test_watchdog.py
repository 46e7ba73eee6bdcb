"""A process that hangs ends itself and says where; one that waits on purpose is let be."""

import asyncio
import subprocess
import sys
import textwrap

import pytest

from streams.errors import UnavailableError
from streams.inbox import Inbox
from streams.liveness import Liveness, waiting_for
from streams.retry import retry_while_unavailable
from streams.watchdog import EXIT_CODE, PATIENCE_WITH_ONE, HangDetector, Watchdog
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
def progress(inbox: Inbox) -> Liveness:
    """The progress of its role."""
    return Liveness("render", [inbox])


def verdict_after(judge: HangDetector, progress: Liveness, seconds: float) -> str | None:
    """Return what the judge says of a role that has stayed as it is for some seconds."""
    judge.verdict(progress.look(), 0)
    return judge.verdict(progress.look(), seconds)


async def test_records_without_progress_are_a_hang(progress: Liveness) -> None:
    """Records wait, none is finished, nobody said why."""
    assert verdict_after(HangDetector("render", LIMIT), progress, LIMIT - 1) is None
    assert "none was finished" in (verdict_after(HangDetector("render", LIMIT), progress, LIMIT + 1) or "")


async def test_an_idle_role_does_not_hang(inbox: Inbox, progress: Liveness) -> None:
    """Without records there is nothing to make progress with; a parked record waits for its time."""
    first, second = await inbox.take(2)
    inbox.finish([first])
    inbox.park(second)

    assert verdict_after(HangDetector("render", LIMIT), progress, 1_000) is None


async def test_progress_starts_the_time_anew(inbox: Inbox, progress: Liveness) -> None:
    """A slow role that finishes something now and then is working."""
    judge = HangDetector("render", LIMIT)
    verdict_after(judge, progress, LIMIT - 1)
    taken = await inbox.take(1)
    inbox.finish(taken)

    assert judge.verdict(progress.look(), 1) is None
    assert judge.verdict(progress.look(), LIMIT - 1) is None
    assert judge.verdict(progress.look(), 2) is not None


async def test_a_declared_wait_is_no_hang_and_says_why(progress: Liveness) -> None:
    """While somebody tries again and again the role waits on purpose; when that ends the time starts anew."""
    judge = HangDetector("render", LIMIT)
    away = [True]
    seen: list[tuple[str | None, list[str]]] = []

    async def act() -> None:
        if away[0]:
            raise UnavailableError("the database is away")

    async def sleep(_: float) -> None:
        seen.append((verdict_after(judge, progress, 1_000), progress.reasons()))
        away[0] = False

    await progress.during(lambda: retry_while_unavailable(act, sleep=sleep))

    assert seen == [(None, ["render: the database is away"])]
    assert progress.reasons() == []
    assert judge.verdict(progress.look(), LIMIT - 1) is None
    assert judge.verdict(progress.look(), 2) is not None


async def test_every_task_waits_for_itself(progress: Liveness) -> None:
    """One task that goes on does not say that another does."""
    first_waits, first_goes_on = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        waiting_for("one")
        first_waits.set()
        await first_goes_on.wait()
        waiting_for(None)

    async def both() -> None:
        task = asyncio.create_task(first())
        await first_waits.wait()
        waiting_for("two")
        waiting_for(None)
        during = progress.reasons()
        first_goes_on.set()
        await task

        assert during == ["render: one"]

    await progress.during(both)
    assert progress.reasons() == []


async def test_one_forgotten_record_is_noticed_beside_others(inbox: Inbox, progress: Liveness) -> None:
    """A record that is in hand for ever is a hang even where its neighbours are finished."""
    judge = HangDetector("render", LIMIT)
    await inbox.take(1)
    verdicts = []
    for offset in range(2, 10):
        inbox.deliver(delivery(offset), lambda: None)
        inbox.finish(await inbox.take(1))
        verdicts.append(judge.verdict(progress.look(), LIMIT - 1))

    assert verdicts[:PATIENCE_WITH_ONE] == [None] * PATIENCE_WITH_ONE
    assert "poster-requests[0]@0" in (verdicts[-1] or "")


async def test_a_paused_inbox_hands_out_nothing_and_says_why(inbox: Inbox, progress: Liveness) -> None:
    """A pause is a declared wait; the last reason that is withdrawn ends it."""
    inbox.pause("storage is away")
    inbox.pause("the fuse has blown")
    inbox.resume("storage is away")
    taking = asyncio.create_task(inbox.take(2))
    await asyncio.wait({taking}, timeout=0.01)
    early, reasons = taking.done(), progress.reasons()
    verdict = verdict_after(HangDetector("render", LIMIT), progress, 1_000)
    inbox.resume("the fuse has blown")

    assert not early
    assert reasons == ["render: the fuse has blown"]
    assert verdict is None
    assert len(await taking) == 2


async def test_a_silent_loop_is_a_hang_but_a_stopped_process_is_not(progress: Liveness) -> None:
    """Time that the watchdog itself did not see pass does not count."""
    now = [0.0]
    ends: list[str] = []
    watchdog = Watchdog(asyncio.get_running_loop(), LIMIT, end=ends.append, clock=lambda: now[0])
    watchdog.watch([progress])
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
        from streams import watchdog
        from streams.inbox import Inbox
        from streams.liveness import Liveness
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
