"""Poison messages are recognised by what workers leave behind in a journal that they share; simulated crashes."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from streams.crash_guard import CRASH_LIMIT, GuardedInbox, Note, Verdict
from streams.delivery import Delivery
from tests.streams.deliveries import delivery

TOPIC = "poster-renders"
Children = Callable[[Sequence[Delivery]], Verdict]


class SharedJournal:
    """The journal of all workers, in memory; `worker` is set by `View`."""

    def __init__(self) -> None:
        self.notes: dict[tuple[str, str, int], Note] = {}

    def view(self, worker: str) -> "View":
        """Return it as one worker sees it."""
        return View(self, worker)


class View:
    """The journal as one worker sees it."""

    def __init__(self, shared: SharedJournal, worker: str) -> None:
        self.shared = shared
        self.worker = worker

    async def begin(self, notes: Sequence[Note]) -> Sequence[Note]:
        """Write notes, and return those of others."""
        found = [
            left
            for (worker, _, _), left in self.shared.notes.items()
            if worker != self.worker and any(left.shares_a_record(note) for note in notes)
        ]
        self.shared.notes |= {(self.worker, note.subject, note.first): note for note in notes}
        return found

    async def adopt(self, notes: Sequence[Note]) -> None:
        """Replace the notes of others."""
        for (worker, subject, first), left in list(self.shared.notes.items()):
            for note in notes:
                if worker != self.worker and left.shares_a_record(note):
                    del self.shared.notes[worker, subject, first]
                    if left.last > note.last:
                        rest = Note(subject, note.last + 1, left.last, left.crashes)
                        self.shared.notes[worker, subject, rest.first] = rest
        self.shared.notes |= {(self.worker, note.subject, note.first): note for note in notes}

    async def end(self, notes: Sequence[Note]) -> None:
        """Remove own notes."""
        for note in notes:
            self.shared.notes.pop((self.worker, note.subject, note.first), None)

    async def leave(self) -> None:
        """Remove all own notes."""
        self.shared.notes = {key: note for key, note in self.shared.notes.items() if key[0] != self.worker}


class Worker:
    """One worker of a role: its inbox, the children it started and the records it rejected."""

    def __init__(self, shared: SharedJournal, name: str, children: Children, **options: Any) -> None:
        self.inbox = GuardedInbox([TOPIC], 1_000, **options)
        self.children: list[list[int]] = []
        self.rejected: list[tuple[int, str]] = []
        self.acknowledged: list[int] = []
        self._children = children
        self.inbox.guard(shared.view(name), self._isolate, self._reject)

    def deliver(self, *offsets: int) -> None:
        """Deliver records."""
        for offset in offsets:
            self.inbox.deliver(delivery(offset, topic=TOPIC), partial(self.acknowledged.append, offset))

    async def take(self, limit: int = 1_000) -> list[int]:
        """Take records and return their offsets, none where all of them are handled by the guard."""
        taking = asyncio.ensure_future(self.inbox.take(limit))
        await passes()
        if not taking.done():
            taking.cancel()
            return []
        self.taken = taking.result()
        return [each.offset for each in self.taken]

    async def _isolate(self, deliveries: Sequence[Delivery]) -> Verdict:
        self.children.append([each.offset for each in deliveries])
        return self._children(deliveries)

    async def _reject(self, delivery: Delivery, reason: str) -> None:
        self.rejected.append((delivery.offset, reason))


async def passes() -> None:
    """Let everything run until it waits."""
    for _ in range(100):
        await asyncio.sleep(0)


def killer(*offsets: int) -> Children:
    """Children that crash where they have one of these records."""
    return lambda deliveries: "crashed" if any(each.offset in offsets for each in deliveries) else "finished"


async def never(_: Sequence[Delivery]) -> Verdict:
    """A child that is at work when it and its worker are killed."""
    await asyncio.Event().wait()
    return "finished"


async def crash(shared: SharedJournal, name: str, *offsets: int, **options: Any) -> list[int]:
    """Let a worker take records and crash; return those it took."""
    worker = Worker(shared, name, killer(), **options)
    worker.deliver(*offsets)
    return await worker.take()


async def test_after_two_crashes_only_the_cause_is_poison() -> None:
    """Two workers crash; the third finds the one among many that crashes children, twice, and finishes the others."""
    shared = SharedJournal()
    offsets = range(40)
    taken = [await crash(shared, name, *offsets) for name in ("first", "second")]
    third = Worker(shared, "third", killer(17))
    third.deliver(*offsets, 40)
    rest = await third.take()

    assert taken == [list(offsets)] * CRASH_LIMIT
    assert rest == [40]
    assert [offset for offset, _ in third.rejected] == [17]
    assert "2 workers crashed" in third.rejected[0][1]
    assert third.children[-2:].count([17]) <= 2
    assert third.children.count([17]) == 2
    assert third.acknowledged == list(offsets)
    third.inbox.finish(third.taken)
    await passes()
    assert shared.notes == {}


async def test_kills_from_outside_make_nothing_poison() -> None:
    """Ten workers are killed, whatever they do: also while they try a record alone. Then everything is finished."""
    shared = SharedJournal()
    for number in range(10):
        victim = Worker(shared, f"victim-{number}", killer())
        victim.inbox.guard(shared.view(f"victim-{number}"), never, victim._reject)
        victim.deliver(0, 1, 2)
        await victim.take()
        assert victim.rejected == []
    last = Worker(shared, "last", killer())
    last.deliver(0, 1, 2)
    await last.take()

    assert last.rejected == []
    assert last.acknowledged == [0, 1, 2]


async def test_one_crash_costs_nothing() -> None:
    """After a single crash its records are handled as usual; once they are finished nothing is left of it."""
    shared = SharedJournal()
    await crash(shared, "first", 0, 1, 2)
    second = Worker(shared, "second", killer())
    second.deliver(0, 1, 2)
    taken = await second.take()
    second.inbox.finish(second.taken)
    await passes()

    assert taken == [0, 1, 2]
    assert second.children == []
    assert shared.notes == {}


async def test_batches_of_another_size() -> None:
    """The next worker may take the records of a crash in smaller pieces, also across two notes."""
    shared = SharedJournal()
    await crash(shared, "first", *range(10))
    second = Worker(shared, "second", killer())
    second.deliver(*range(10))
    pieces = [await second.take(4) for _ in range(3)]
    third = Worker(shared, "third", killer(9))
    third.deliver(*range(12))
    rest = await third.take()

    assert pieces == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert rest == [10, 11]
    assert [offset for offset, _ in third.rejected] == [9]


async def test_two_workers_that_have_the_same_record_in_a_rebalance() -> None:
    """The next owner of a partition handles what the one before still works on; neither of the two has crashed."""
    shared = SharedJournal()
    before, after = (Worker(shared, name, killer()) for name in ("before", "after"))
    before.deliver(0)
    after.deliver(0)
    taken = [await before.take(), await after.take()]
    before.inbox.finish(before.taken)
    after.inbox.finish(after.taken)
    await passes()

    assert taken == [[0], [0]]
    assert shared.notes == {}


async def test_unordered_records_do_not_wait_for_suspects() -> None:
    """Neighbours of a suspect are handed out while a child has it; a drain does not wait for it."""
    shared = SharedJournal()
    for name in ("first", "second"):
        await crash(shared, name, 0, 1, ordered=False)
    held = asyncio.Event()

    async def isolate(_: Sequence[Delivery]) -> Verdict:
        await held.wait()
        return "finished"

    third = Worker(shared, "third", killer(), ordered=False)
    third.inbox.guard(shared.view("third"), isolate, third._reject)
    third.deliver(0, 1, 2, 3)
    rest = await third.take()
    third.inbox.finish(third.taken)
    drained = await third.inbox.drain(1)
    early = list(third.acknowledged)
    held.set()
    await passes()

    assert rest == [2, 3]
    assert drained
    assert early == []
    assert third.acknowledged == [0, 1, 2, 3]


async def test_a_copy_of_a_suspect_is_handled_alone_too() -> None:
    """A record that was published again while a child has the suspect does not reach the worker, and is poison."""

    def identify(each: Delivery) -> tuple[str, int]:
        return ("poster", 0) if each.offset in (0, 5, 6) else ("other", each.offset)

    shared = SharedJournal()
    for name in ("first", "second"):
        await crash(shared, name, 0, ordered=False, identify=identify)
    third = Worker(shared, "third", killer(0, 5, 6), ordered=False, identify=identify)
    third.deliver(0)
    await third.take()
    third.deliver(5, 6, 7)
    rest = await third.take()

    assert rest == [7]
    assert [offset for offset, _ in third.rejected] == [0, 5, 6]
    assert third.acknowledged == [0, 5, 6]


@pytest.mark.parametrize("ordered", [True, False])
async def test_what_no_child_can_handle_is_handled_as_usual(ordered: bool) -> None:
    """Where a child refuses, because the database does not fit, the worker meets the same trouble and says so."""
    shared = SharedJournal()
    for name in ("first", "second"):
        await crash(shared, name, 0, 1)
    third = Worker(shared, "third", lambda _: "refused", ordered=ordered)
    third.deliver(0, 1)
    taken = sorted(await third.take() + (await third.take() if not ordered else []))
    third.inbox.finish(third.taken)

    assert taken == [0, 1]
    assert third.rejected == []


@pytest.mark.parametrize("ordered", [True, False])
async def test_a_guard_that_fails_stops_nothing(ordered: bool) -> None:
    """Its suspects are handled as usual, those that were finished before it failed excepted."""
    shared = SharedJournal()
    for name in ("first", "second"):
        await crash(shared, name, 0, 1)

    def fail(deliveries: Sequence[Delivery]) -> Verdict:
        if len(deliveries) == 2:
            return "crashed"
        if deliveries[0].offset == 0:
            return "finished"
        raise ValueError("a bug")

    third = Worker(shared, "third", fail, ordered=ordered)
    third.deliver(0, 1)
    taken = await third.take() or await third.take()
    third.inbox.finish(third.taken)

    assert taken == [1]
    assert third.acknowledged == [0, 1]


async def test_a_shutdown_leaves_nothing_and_an_error_leaves_what_was_in_flight() -> None:
    """Records that a drain could not finish were in no crash; those of a role that failed were."""
    for drained, left in ((True, 0), (False, 1)):
        shared = SharedJournal()
        worker = Worker(shared, "worker", killer())
        worker.deliver(0)
        await worker.take()
        if drained:
            await worker.inbox.drain(0)
        await worker.inbox.close()

        assert len(shared.notes) == left


async def test_records_that_only_wait_are_not_noted() -> None:
    """A role whose deferred records do nothing removes their notes until they are resumed."""
    shared = SharedJournal()
    worker = Worker(shared, "worker", killer(), note_deferred=False)
    worker.deliver(0)
    await worker.take()
    noted = len(shared.notes)
    worker.inbox.defer(worker.taken[0])
    await passes()

    assert (noted, len(shared.notes)) == (1, 0)


async def test_records_between_those_that_were_taken_are_no_suspects() -> None:
    """Another source's records lie between them: two crashes prove nothing against what was not in flight."""
    shared, options = SharedJournal(), dict[str, Any](ordered=False)
    for name in ("first", "second"):
        await crash(shared, name, 1, 2, 5, 9, **options)
    worker = Worker(shared, "third", killer(), **options)
    worker.deliver(*range(11))
    taken = await worker.take()

    await passes()

    assert taken == [0, 3, 4, 6, 7, 8, 10]
    assert worker.children == [[1, 2, 5, 9]]
