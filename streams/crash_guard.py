"""Crash guard: recognises poison messages, records that crash the worker that handles them.

A role notes the records that it takes in a journal that all workers share. What a crashed worker leaves there was in
flight. A record that was in flight in `CRASH_LIMIT` crashes is a suspect: it is handled in a child process, alone.
Where it crashes its child, and another one, while this worker lives, it is the cause. A kill from outside ends this
worker as well, so it proves nothing against a record.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Literal, Protocol

from streams.delivery import Delivery
from streams.health.liveness import declare_wait
from streams.inbox import Inbox, position_of

logger = logging.getLogger(__name__)

CRASH_LIMIT: Final = 2
"""Crashes of workers in which a record was in flight, before it is handled alone."""
CHILD_CRASHES: Final = 2
"""Children that a record has to crash, one after the other, to be the cause."""

Verdict = Literal["finished", "crashed", "refused"]
"""How a child ended: its records are finished, it crashed while it handled them, or it could not handle any."""

Isolate = Callable[[Sequence[Delivery]], Awaitable[Verdict]]
Reject = Callable[[Delivery, str], Awaitable[None]]
"""Publishes what becomes of a poison message; the text says why it is one."""
Identify = Callable[[Delivery], tuple[str, int]]
"""Returns the subject of a record in the journal, and its offset there."""


@dataclass(frozen=True, slots=True)
class Note:
    """Records in flight: those of a subject, such as a partition, with an offset from `first` to `last`."""

    subject: str
    first: int
    last: int
    crashes: int = 0
    """Crashes of workers in which they were in flight before."""

    def shares_a_record(self, other: "Note") -> bool:
        """Return whether a record may be in both."""
        return self.subject == other.subject and self.first <= other.last and other.first <= self.last


class CrashJournal(Protocol):
    """The notes of all workers. It raises nothing: while it is unavailable, nothing is noted or found."""

    async def begin(self, notes: Sequence[Note]) -> Sequence[Note]:
        """Write notes, and return those of other workers that share a record with one of them."""
        ...

    async def adopt(self, notes: Sequence[Note]) -> None:
        """Give own notes their `crashes`, and let them replace those of other workers that share a record."""
        ...

    async def end(self, notes: Sequence[Note]) -> None:
        """Remove own notes."""
        ...

    async def leave(self) -> None:
        """Remove all own notes: this worker ends without a crash."""
        ...


def by_position(delivery: Delivery) -> tuple[str, int]:
    """Identify a record by its place in its topic."""
    return f"{delivery.topic}/{delivery.partition}", delivery.offset


@dataclass(frozen=True, slots=True)
class _Guard:
    journal: CrashJournal
    isolate: Isolate
    reject: Reject


class GuardedInbox(Inbox):
    """An inbox whose records are noted while they are in flight, and which hands out no suspects.

    `ordered`: records wait for suspects before them. Otherwise suspects are handled beside them. `note_deferred`:
    deferred records are work; otherwise they only wait, and crash nothing.
    """

    def __init__(
        self,
        *arguments: Any,
        ordered: bool = True,
        note_deferred: bool = True,
        identify: Identify = by_position,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self._ordered = ordered
        self._note_deferred = note_deferred
        self._identify = identify
        self._guard: _Guard | None = None
        self._noted: dict[Delivery, list[Note]] = {}
        self._unfinished: dict[Note, int] = {}
        self._ended: list[Note] = []
        self._suspects: set[tuple[str, int]] = set()
        """Identities of suspects that are not cleared: a copy of one, in another record, is a suspect as well."""
        self._wake = asyncio.Event()
        self._alone = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    def guard(self, journal: CrashJournal, isolate: Isolate, reject: Reject) -> None:
        """Note records from now on."""
        self._guard = _Guard(journal, isolate, reject)
        self._start(self._remove_notes(journal))

    async def take(self, limit: int, linger: float = 0.0) -> list[Delivery]:
        """Wait for records and return up to `limit` that are no suspects."""
        while True:
            taken = await super().take(limit, linger)
            harmless = taken if self._guard is None else await self._without_suspects(taken, self._guard)
            if harmless:
                return harmless

    def finish(self, deliveries: Iterable[Delivery]) -> None:
        """Mark records finished, and remove the notes of which no other record is unfinished."""
        finished = list(deliveries)
        super().finish(finished)
        self._forget(finished)

    def defer(self, delivery: Delivery) -> None:
        """Mark a taken record as waiting for a later time."""
        super().defer(delivery)
        if not self._note_deferred:
            self._forget([delivery])

    async def close(self) -> None:
        """Stop, and leave the journal as it has to be: without notes after a shutdown, with them after an error."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._guard is not None:
            await self._guard.journal.end(self._ended)
            if self.draining:
                await self._guard.journal.leave()

    async def _without_suspects(self, deliveries: list[Delivery], guard: _Guard) -> list[Delivery]:
        """Note records, and return those that the role may handle."""
        identities = [self._identify(delivery) for delivery in deliveries]
        notes = self._note(deliveries, identities)
        left = await guard.journal.begin(notes)
        if left:
            await guard.journal.adopt([_adopting(note, left) for note in notes])
        self._suspects.update(
            (subject, offset)
            for subject, offset in identities
            if _adopting(Note(subject, offset, offset), left).crashes >= CRASH_LIMIT
        )
        suspects = [
            delivery for delivery, identity in zip(deliveries, identities, strict=True) if identity in self._suspects
        ]
        if not suspects:
            return deliveries
        logger.warning("%d records were in flight in %d crashes; handling them alone", len(suspects), CRASH_LIMIT)
        for suspect in suspects:
            super().defer(suspect)
        if self._ordered:
            refused = await self._clear(suspects, guard)
        else:
            refused = []
            self._start(self._clear(suspects, guard))
        return [delivery for delivery in deliveries if delivery not in suspects or delivery in refused]

    def _note(self, deliveries: Sequence[Delivery], identities: Sequence[tuple[str, int]]) -> list[Note]:
        """Return the notes of records: one for each run of consecutive offsets, so that no other record is in it."""
        notes: dict[tuple[str, int], Note] = {}
        for (subject, _), run in groupby(enumerate(sorted(set(identities))), _run):
            offsets = [offset for _, (_, offset) in run]
            note = Note(subject, offsets[0], offsets[-1])
            notes.update({(subject, offset): note for offset in offsets})
        for delivery, identity in zip(deliveries, identities, strict=True):
            note = notes[identity]
            self._noted.setdefault(delivery, []).append(note)
            self._unfinished[note] = self._unfinished.get(note, 0) + 1
        return list(dict.fromkeys(notes.values()))

    def _forget(self, deliveries: Iterable[Delivery]) -> None:
        for note in (note for each in deliveries for note in self._noted.pop(each, ())):
            self._unfinished[note] -= 1
            if not self._unfinished[note]:
                del self._unfinished[note]
                self._ended.append(note)
                self._wake.set()

    async def _clear(self, suspects: Sequence[Delivery], guard: _Guard) -> list[Delivery]:
        """Handle suspects alone: finish them, or find the poison messages. Return those that no child could handle."""
        async with self._alone:
            if self._ordered:
                declare_wait("looking for a poison message among records that were in flight in crashes")
            try:
                refused = await self._try(list(suspects), guard)
            except Exception:
                # Not raised: a guard that fails must not stop what would go on without it.
                logger.exception("the crash guard has failed; suspects are handled as usual")
                refused = [each for each in suspects if position_of(each) in self._deferred]
            finally:
                declare_wait(None)
        self._suspects.difference_update(map(self._identify, refused))
        for delivery in refused:
            self.resume_deferred(delivery)
            if not self._ordered:
                self._hand_back(delivery)
        return refused

    async def _try(self, suspects: list[Delivery], guard: _Guard) -> list[Delivery]:
        """Handle suspects in a child; where it crashes, each half of them in another one."""
        for _ in range(CHILD_CRASHES if len(suspects) == 1 else 1):
            verdict = await guard.isolate(suspects)
            if verdict == "refused":
                return suspects
            if verdict == "finished":
                self._suspects.difference_update(map(self._identify, suspects))
                self._finish_alone(suspects)
                return []
        if len(suspects) > 1:
            middle = len(suspects) // 2
            return await self._try(suspects[:middle], guard) + await self._try(suspects[middle:], guard)
        await self._end_poison(suspects[0], guard)
        return []

    async def _end_poison(self, delivery: Delivery, guard: _Guard) -> None:
        reason = f"{CRASH_LIMIT} workers crashed while this record was in flight, and {CHILD_CRASHES} that had only it"
        logger.error("poison: %s[%d]@%d: %s", delivery.topic, delivery.partition, delivery.offset, reason)
        await guard.reject(delivery, reason)
        self._finish_alone([delivery])

    def _finish_alone(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self.resume_deferred(delivery)
        self.finish(deliveries)

    def _hand_back(self, delivery: Delivery) -> None:
        """Queue a suspect that is not one: it is in no note of a crash any more."""
        self._in_flight.pop(position_of(delivery), None)
        self._queue.append(delivery)
        self.recheck_queue()

    async def _remove_notes(self, journal: CrashJournal) -> None:
        """Remove the notes of finished records, as many as there are at a time."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            ended, self._ended = self._ended, []
            await journal.end(ended)

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("a task of the crash guard has failed", exc_info=task.exception())


def _run(numbered: tuple[int, tuple[str, int]]) -> tuple[str, int]:
    """Return what the identities of a run have in common, numbered in their order."""
    number, (subject, offset) = numbered
    return subject, offset - number


def _adopting(note: Note, left: Sequence[Note]) -> Note:
    """Return the note with one crash more than the notes that share a record with it."""
    crashes = max((each.crashes + 1 for each in left if each.shares_a_record(note)), default=note.crashes)
    return Note(note.subject, note.first, note.last, crashes)
