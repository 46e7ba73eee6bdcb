"""The role's loop: records are finished only once they are written, in the order of their partition."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import cast

from agents.sink.agent import BATCH_RECORDS, SinkAgent
from agents.sink.database import sink_database
from agents.sink.erasures import Erasures
from agents.sink.janitor import Janitor
from agents.sink.replays import Replays
from agents.sink.sink import DecodedBatch, FlushResult, Sink
from agents.storage.files import FileStore
from streams.delivery import Delivery
from streams.inbox import Inbox, weigh_by_size
from tests.sink.conftest import SinkHarness
from tests.streams.deliveries import delivery


async def test_records_are_finished_once_they_are_written(harness: SinkHarness, tmp_path: Path) -> None:
    """When a record is acknowledged its row can be read, and nothing stays unacknowledged."""
    topics = harness.topics
    inbox = Inbox(["poster-requests", "poster-completions"], cap=100, weigh=weigh_by_size)
    acknowledged: list[int] = []
    done = asyncio.Event()
    deliveries = [topics.request("job"), topics.completed("job"), topics.request("other")]

    def acknowledge(number: int) -> None:
        acknowledged.append(number)
        if len(acknowledged) == len(deliveries):
            done.set()

    for number, each in enumerate(deliveries):
        inbox.deliver(each, partial(acknowledge, number))
    sweeping = sink_database(harness.url)
    janitor = Janitor(sweeping, harness.announcements, batch_timeout=3_600, stale_after=86_400)
    erasing = sink_database(harness.url)
    erasures = Erasures(erasing, FileStore(tmp_path), harness.announcements)
    running = asyncio.create_task(
        SinkAgent(inbox, harness.sink, erasures, Replays(erasing, harness.announcements), janitor).run()
    )
    await done.wait()
    rows = await harness.posters("job_id, status")
    running.cancel()
    await asyncio.wait([running])
    await sweeping.close()
    await erasing.close()

    assert rows == [("job", "completed"), ("other", "queued")]
    assert sorted(acknowledged) == [0, 1, 2]
    assert inbox.in_flight == 0


async def test_nothing_is_finished_while_the_database_is_unavailable(harness: SinkHarness, tmp_path: Path) -> None:
    """A sink that waits for its database keeps its records unacknowledged."""
    inbox = Inbox(["poster-requests"], cap=100)
    acknowledged: list[bool] = []
    waited = asyncio.Event()
    unavailable = sink_database("postgresql://posters@127.0.0.1:1/posters")
    sink = type(harness.sink)(
        unavailable,
        harness.announcements,
        harness.dead_letters,
        declare_wait=lambda reason: waited.set() if reason else None,
    )
    janitor = Janitor(unavailable, harness.announcements, batch_timeout=3_600, stale_after=86_400)
    inbox.deliver(harness.topics.request("job"), lambda: acknowledged.append(True))
    erasures = Erasures(unavailable, FileStore(tmp_path), harness.announcements)
    running = asyncio.create_task(
        SinkAgent(inbox, sink, erasures, Replays(unavailable, harness.announcements), janitor).run()
    )
    await waited.wait()
    running.cancel()
    await asyncio.wait([running])

    assert acknowledged == []
    assert harness.dead_letters.letters == []


class SteppedSink:
    """A sink whose steps end one by one, and the steps that have begun."""

    def __init__(self) -> None:
        self.flushed = asyncio.Semaphore(0)
        self.announced = asyncio.Semaphore(0)
        self.began: list[str] = []

    async def decode(self, deliveries: Sequence[Delivery]) -> DecodedBatch:
        """Decode nothing."""
        self.began.append(f"decode {deliveries[0].offset}")
        return DecodedBatch(deliveries=deliveries, entries=[], undecodable=[])

    async def flush(self, batch: DecodedBatch) -> list[FlushResult]:
        """Write nothing."""
        self.began.append(f"flush {batch.deliveries[0].offset}")
        await self.flushed.acquire()
        return [FlushResult(jobs=[], causes={"job": batch.deliveries[0]})]

    async def announce(self, results: Sequence[FlushResult]) -> None:
        """Announce nothing."""
        self.began.append(f"announce {results[0].causes['job'].offset}")
        await self.announced.acquire()


class Idle:
    """Has nothing to sweep and nothing to erase."""

    async def run(self) -> None:
        """Wait until cancelled."""
        await asyncio.Event().wait()

    async def record(self, _: Sequence[Delivery]) -> None:
        """Take note of nothing."""


async def test_a_batch_is_decoded_while_others_are_flushed_and_announced() -> None:
    """Each step of a batch comes after the same step of the one before, and two at most are ahead of the oldest."""
    inbox, sink, idle = Inbox(["poster-requests"], cap=4 * BATCH_RECORDS), SteppedSink(), Idle()
    acknowledged: list[int] = []
    for offset in range(4 * BATCH_RECORDS):
        inbox.deliver(delivery(offset), partial(acknowledged.append, offset))
    agent = SinkAgent(inbox, cast("Sink", sink), cast("Erasures", idle), cast("Replays", idle), cast("Janitor", idle))
    running = asyncio.create_task(agent.run())
    steps = []
    for go_on in (sink.flushed.release, sink.flushed.release, sink.announced.release, sink.announced.release):
        steps.append(await _until_still(sink, acknowledged))
        go_on()
    steps.append(await _until_still(sink, acknowledged))
    running.cancel()
    await asyncio.wait([running])

    first, second, third, fourth = range(0, 4 * BATCH_RECORDS, BATCH_RECORDS)
    assert steps == [
        ([f"decode {first}", f"flush {first}", f"decode {second}", f"decode {third}"], 0),
        ([f"announce {first}", f"flush {second}"], 0),
        ([], 0),  # flushed as well, it waits for the first to be announced
        ([f"announce {second}", f"flush {third}", f"decode {fourth}"], BATCH_RECORDS),
        ([], 2 * BATCH_RECORDS),
    ]


async def _until_still(sink: SteppedSink, acknowledged: list[int]) -> tuple[list[str], int]:
    """Return what has begun since the last call, and how many records are acknowledged."""
    for _ in range(50):
        await asyncio.sleep(0)
    began, sink.began = sink.began, []
    return began, len(acknowledged)
