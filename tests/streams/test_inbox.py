"""Between delivery and acknowledgement: order, backpressure, revocation, drain."""

import asyncio

import pytest

from streams.inbox import Fifo, Inbox, Partition
from tests.streams.deliveries import delivery


class RecordingControl:
    """Records which partitions are paused."""

    def __init__(self) -> None:
        self.paused: set[Partition] = set()
        self.calls: list[str] = []

    def pause_partition(self, partition: Partition) -> None:
        """Record it."""
        self.paused.add(partition)
        self.calls.append("pause")

    def resume_partition(self, partition: Partition) -> None:
        """Record it."""
        self.paused.discard(partition)
        self.calls.append("resume")

    def accept(self, partition: Partition, offset: int, after: int | None) -> bool:
        """Accept every record."""
        return True


@pytest.fixture
def control() -> RecordingControl:
    """A consumer."""
    return RecordingControl()


@pytest.fixture
def inbox(control: RecordingControl) -> Inbox:
    """An inbox that pauses a partition at four records."""
    inbox = Inbox(["poster-requests"], cap=4)
    inbox.attach(control)
    return inbox


async def test_records_are_acknowledged_in_order_whatever_finishes_first(inbox: Inbox) -> None:
    """The acknowledgement of a later record waits for the earlier one."""
    acknowledged: list[int] = []
    for offset in range(3):
        inbox.deliver(delivery(offset), lambda offset=offset: acknowledged.append(offset))  # type: ignore[misc]
    first, second, third = await inbox.take(10)

    inbox.finish([third, second])
    before = list(acknowledged)
    inbox.finish([first])

    assert before == []
    assert acknowledged == [0, 1, 2]


async def test_a_full_partition_is_paused_and_resumed_at_half(inbox: Inbox, control: RecordingControl) -> None:
    """Records beyond the cap are accepted, as the rest of a fetch may still arrive, but the partition is paused."""
    for offset in range(6):
        inbox.deliver(delivery(offset), lambda: None)
    paused_when_full = set(control.paused)
    taken = await inbox.take(10)
    inbox.finish(taken[:3])
    paused_above_half = set(control.paused)
    inbox.finish(taken[3:4])

    assert paused_when_full == paused_above_half == {("poster-requests", 0)}
    assert control.paused == set()


async def test_a_record_delivered_again_joins_the_work_in_progress(inbox: Inbox) -> None:
    """After a rebalance a record in flight is not started again, and its new delivery is acknowledged."""
    acknowledged: list[str] = []
    inbox.deliver(delivery(1), lambda: acknowledged.append("old"))
    taken = await inbox.take(1)
    inbox.revoke([("poster-requests", 0)])
    inbox.deliver(delivery(1), lambda: acknowledged.append("new"))
    queued = inbox.queued

    inbox.finish(taken)

    assert queued == 0
    assert acknowledged == ["new"]


async def test_a_late_finish_after_revocation_acknowledges_nothing(inbox: Inbox) -> None:
    """The partition may have another owner by now."""
    acknowledged: list[int] = []
    inbox.deliver(delivery(1), lambda: acknowledged.append(1))
    inbox.deliver(delivery(2), lambda: acknowledged.append(2))
    taken = await inbox.take(1)

    inbox.revoke([("poster-requests", 0)])
    inbox.finish(taken)

    assert acknowledged == []
    assert inbox.queued == 0


async def test_a_drain_hands_out_nothing_and_waits_for_records_in_flight(inbox: Inbox) -> None:
    """Drain ends when the last taken record is finished; queued records stay unacknowledged."""
    acknowledged: list[int] = []
    for offset in range(2):
        inbox.deliver(delivery(offset), lambda offset=offset: acknowledged.append(offset))  # type: ignore[misc]
    taken = await inbox.take(1)
    drain = asyncio.create_task(inbox.drain(5))
    waiting = asyncio.create_task(inbox.take(1))
    await asyncio.wait({drain, waiting}, timeout=0.01)
    early = drain.done() or waiting.done()

    inbox.finish(taken)

    assert not early
    assert await drain
    assert not waiting.done()
    assert acknowledged == [0]
    waiting.cancel()


async def test_a_drain_gives_up_after_its_time(inbox: Inbox) -> None:
    """Unfinished work is left to be delivered again."""
    inbox.deliver(delivery(0), lambda: None)
    await inbox.take(1)

    assert not await inbox.drain(0.01)


async def test_a_drain_does_not_wait_for_deferred_records(inbox: Inbox) -> None:
    """A deferred record is left unfinished, and not queued when it is delivered again."""
    inbox.deliver(delivery(0), lambda: None)
    (taken,) = await inbox.take(1)
    inbox.defer(taken)

    drained = await inbox.drain(0.01)
    inbox.revoke([("poster-requests", 0)])
    inbox.deliver(delivery(0), lambda: None)

    assert drained
    assert inbox.queued == 0


async def test_lingering_fills_a_batch_and_ends_in_time(inbox: Inbox) -> None:
    """A batch is full, or as full as it got."""
    inbox.deliver(delivery(0), lambda: None)
    task = asyncio.create_task(inbox.take(2, linger=30))
    await asyncio.wait({task}, timeout=0.01)
    early = task.done()
    inbox.deliver(delivery(1), lambda: None)
    full = await task
    inbox.deliver(delivery(2), lambda: None)
    late = await inbox.take(2, linger=0.01)

    assert not early
    assert [each.offset for each in full] == [0, 1]
    assert [each.offset for each in late] == [2]


async def test_records_that_the_queue_holds_back_wait_for_a_recheck() -> None:
    """A queue may hold records back; `recheck_queue` hands them out once it does not."""

    class Holding(Fifo):
        holds = True

        def __len__(self) -> int:
            return 0 if self.holds else super().__len__()

    queue = Holding()
    inbox = Inbox(["poster-requests"], cap=4, queue=queue)
    inbox.deliver(delivery(0), lambda: None)
    taking = asyncio.create_task(inbox.take(1))
    inbox.recheck_queue()
    await asyncio.wait({taking}, timeout=0.01)
    early = taking.done()
    queue.holds = False
    inbox.recheck_queue()

    assert not early
    assert [each.offset for each in await asyncio.wait_for(taking, 1)] == [0]


@pytest.mark.parametrize("what", ["drain", "pause", "revoke"])
async def test_a_change_while_a_fetch_arrives_takes_effect(inbox: Inbox, what: str) -> None:
    """A batch about to be handed out is not, where the inbox is closed, paused or emptied meanwhile."""
    inbox.deliver(delivery(0), lambda: None)
    taking = asyncio.create_task(inbox.take(10))
    await asyncio.sleep(0)
    if what == "drain":
        assert await inbox.drain(0.01)
    elif what == "pause":
        inbox.pause("the storage is unavailable")
    else:
        inbox.revoke([("poster-requests", 0)])
    await asyncio.wait({taking}, timeout=0.01)

    assert not taking.done()
    assert inbox.in_flight == 0
    taking.cancel()


async def test_a_requeued_record_is_handed_out_once_more(inbox: Inbox) -> None:
    """It is acknowledged after that, and a drain that comes first does not wait for it."""
    acknowledged: list[int] = []
    inbox.deliver(delivery(0), lambda: acknowledged.append(0))
    (taken,) = await inbox.take(1)
    inbox.defer(taken)
    inbox.requeue(taken)
    again = await inbox.take(10)
    inbox.finish(again)

    assert again == [taken]
    assert acknowledged == [0]
    assert await inbox.drain(0.01)


@pytest.mark.parametrize("is_back", [False, True], ids=["revoked", "assigned again"])
async def test_a_record_is_not_requeued_after_its_partition_was_revoked(inbox: Inbox, is_back: bool) -> None:
    """It is not handed out, and where the partition is back it is delivered again: once."""
    inbox.deliver(delivery(1), lambda: None)
    (taken,) = await inbox.take(1)
    inbox.defer(taken)
    inbox.revoke([("poster-requests", 0)])
    if is_back:
        inbox.deliver(delivery(0), lambda: None)
    inbox.requeue(taken)
    after_requeue = inbox.queued
    inbox.deliver(delivery(1), lambda: None)

    assert after_requeue == int(is_back)
    assert inbox.queued == after_requeue + 1
