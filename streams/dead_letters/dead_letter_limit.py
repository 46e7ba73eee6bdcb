"""Dead-letter limit: pauses a role when everything it takes becomes a dead letter, because then the role is at fault.

A producer that sends bad records stops nobody. It has a budget: what is over it becomes a dead letter, but is not
counted. While another source is known to send good records, or where any record was good a minute ago, the producers
are at fault and the role goes on: so nobody stops it by bad records in the names of all sources. Where none was good,
as after a start, waiting records are read before the role is judged: one that it can decode comes first.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Container
from typing import Final, Protocol

from streams.dead_letters.dead_letter_count import STEADY_SECONDS, DeadLetterCount
from streams.dead_letters.dead_letters import DeadLetters
from streams.dead_letters.read_ahead import ReadAhead
from streams.delivery import Delivery
from streams.errors import UnavailableError
from streams.inbox import Inbox, Position, position_of
from streams.metrics import DEAD_LETTER_LIMIT_EXCEEDED, DEAD_LETTERS_SUPPRESSED
from streams.producers import GoodSources, Producer, ProducerBudgets, producer_of
from streams.retry import Sleep
from streams.topics import Role

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 3.0
FIRST_PROBE_SECONDS: Final = 1.0
LONGEST_PROBE_SECONDS: Final = 600.0


def _never(_: Delivery) -> bool:
    return False


class DeadLetterLimitStates(Protocol):
    """Stores which roles exceeded their limit, for every process of a role and across restarts."""

    async def exceeded_reason(self, role: Role) -> str | None:
        """Return why the role exceeded its limit under this build, or None. Raises UnavailableError."""
        ...

    async def save_exceeded(self, role: Role, reason: str) -> None:
        """Store that the role exceeded its limit. Raises UnavailableError."""
        ...

    async def save_reopened(self, role: Role) -> None:
        """Store that the role works again. Raises UnavailableError."""
        ...


class DeadLetterLimit:
    """Dead letters with a limit: where all records are dead letters, whoever produced them, the role pauses.

    A paused role takes no records, except one from time to time as a probe. It works again once a probe is no dead
    letter, an operator resumes it (`posters dead-letters resume`), or another build runs.

    `is_decodable` returns whether the role can read a record; `refusals` are reasons for which it refuses records that
    it could read. Those prove nothing against it; an unreadable record with such a reason counts like any other.
    """

    def __init__(
        self,
        role: Role,
        inbox: Inbox,
        inner: DeadLetters,
        states: DeadLetterLimitStates,
        *,
        is_decodable: Callable[[Delivery], bool] = _never,
        refusals: Container[str] = (),
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._role = role
        self._inbox = inbox
        self._inner = inner
        self._states = states
        self._sleep = sleep
        self._clock = clock
        self._count = DeadLetterCount()
        self._budgets = ProducerBudgets()
        self._good_sources = GoodSources()
        self._reason: str | None = None
        self._unsaved = asyncio.Event()
        """Set while the stored state is not yet that of `_reason`."""
        self._probe: Position | None = None
        self._probe_seconds = FIRST_PROBE_SECONDS
        self._next_probe = 0.0
        self._is_decodable = is_decodable
        self._read_ahead = ReadAhead(is_decodable)
        self._refusals = refusals
        self._failed: Counter[str | None] = Counter()
        """How often a record of each source has failed since the pause."""
        inbox.on_taken = self._on_taken
        inbox.on_ended = self._on_ended
        DEAD_LETTER_LIMIT_EXCEEDED.labels(role).set(0)
        DEAD_LETTERS_SUPPRESSED.labels(role).inc(0)

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Write the dead letter, and pause the role where it is one of too many. Raises UnavailableError."""
        self._add(delivery, reason, delivery.unreadable or error)
        await self._inner.put(delivery, reason, error)

    async def run(self) -> None:
        """Keep this process and the stored state in step, and probe while the role is paused, until cancelled."""
        state_unknown = False
        while True:
            try:
                await self.synchronize()
                state_unknown = False
            except UnavailableError as error:
                if not state_unknown:
                    logger.warning("%s: whether the role is paused elsewhere is not known: %s", self._role, error)
                state_unknown = True
            self.tick()
            await self._wait_until_next_poll()

    async def synchronize(self) -> None:
        """Store what happened here; take over what was stored or resumed elsewhere. Raises UnavailableError."""
        if self._unsaved.is_set():
            reason = self._reason
            if reason is not None:
                await self._states.save_exceeded(self._role, reason)
            else:
                await self._states.save_reopened(self._role)
            if self._reason == reason:
                self._unsaved.clear()
            return
        stored = await self._states.exceeded_reason(self._role)
        if self._unsaved.is_set():
            return
        if stored is not None and self._reason is None:
            self._pause(stored)
        elif stored is None and self._reason is not None:
            self._resume("by an operator or another process")

    def tick(self) -> None:
        """Log what was suppressed, and hand out a probe where one is due."""
        suppressed = self._budgets.take_suppressed(self._clock())
        for source, count in suppressed.items():
            logger.warning(
                "%s: %d more dead letters of %s in the last minute; they do not count towards a pause",
                self._role,
                count,
                "producers that name no source" if source is None else f"the source `{source}`",
            )
        if self._probe is not None and not self._inbox.is_admitted_or_in_flight(self._probe):
            self._probe = None  # its partition was revoked before it was taken
        if self._reason is not None and self._probe is None and self._inbox.pause_reasons == (self._reason,):
            self._probe_one()

    def _probe_one(self) -> None:
        """Hand out one record: at once where it is decodable or its source has not failed, else when a probe is due.

        Of several it is one that is decodable, and of the source that has failed least often.
        """
        waiting = self._inbox.queue_heads()
        decodable = self._read_ahead.decodable(waiting)
        heads = [(producer_of(head).source, head) for head in decodable or waiting]
        if not heads:
            return
        source, chosen = min(heads, key=lambda head: (self._failed[head[0]], head[0] is None))
        if not decodable and self._clock() < self._next_probe and (source is None or self._failed[source]):
            return
        self._probe = position_of(chosen)
        logger.info("%s: paused; trying %s[%d]@%d", self._role, *self._probe)
        self._inbox.admit(chosen)

    async def _wait_until_next_poll(self) -> None:
        if self._unsaved.is_set():
            await self._sleep(POLL_SECONDS)
            return
        unsaved = asyncio.ensure_future(self._unsaved.wait())
        seconds = POLL_SECONDS if self._reason is None else min(POLL_SECONDS, self._probe_seconds)
        next_poll = asyncio.ensure_future(self._sleep(seconds))
        try:
            await asyncio.wait({unsaved, next_poll}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            unsaved.cancel()
            next_poll.cancel()

    def _add(self, delivery: Delivery, reason: str, error: str) -> None:
        position, producer, now = position_of(delivery), producer_of(delivery), self._clock()
        within_budget = self._budgets.spend(producer, now)
        if within_budget:
            logger.warning("dead letter: %s[%d]@%d: %s", *position, error)
        else:
            DEAD_LETTERS_SUPPRESSED.labels(self._role).inc()
        is_refused = reason in self._refusals and self._is_decodable(delivery)
        counts = within_budget and not is_refused
        exceeded = self._count.add_dead_letter(position, producer if counts else None, now)
        if counts:
            self._read_ahead.add_failure(delivery)
        if position == self._probe:
            if is_refused:
                self._unsaved.set()
                self._resume("a record that was tried again could be read")
            else:
                self._on_probe_failed(producer)
        if exceeded is None or self._reason is not None or self._good_sources.had_one_within(STEADY_SECONDS, now):
            return
        sources = self._count.sources_before(position)
        if self._good_sources.besides(sources, now) is not None:
            return
        if not self._read_ahead.has_decodable(self._inbox.queue_heads, now):
            self._unsaved.set()
            self._failed = Counter(sources)
            self._pause(
                f"{exceeded}; one record is tried again from time to time; to resume at once, fix the cause, then: "
                f"posters dead-letters resume --where role={self._role}"
            )

    def _on_taken(self, delivery: Delivery) -> None:
        self._count.add_taken(position_of(delivery), self._clock())

    def _on_ended(self, delivery: Delivery) -> None:
        position = position_of(delivery)
        if self._count.is_dead_letter(position):
            return
        self._good_sources.add(delivery, self._clock())
        self._read_ahead.reset()
        if position == self._probe:
            self._unsaved.set()
            self._resume("a record that was tried again is no dead letter")

    def _on_probe_failed(self, producer: Producer) -> None:
        self._probe = None
        self._failed[producer.source] += 1
        self._probe_seconds = min(LONGEST_PROBE_SECONDS, self._probe_seconds * 2)
        self._next_probe = self._clock() + self._probe_seconds

    def _pause(self, reason: str) -> None:
        logger.error("%s: pausing: %s", self._role, reason)
        self._reason = reason
        self._probe, self._probe_seconds = None, FIRST_PROBE_SECONDS
        self._next_probe = self._clock() + FIRST_PROBE_SECONDS
        self._inbox.pause(reason)
        DEAD_LETTER_LIMIT_EXCEEDED.labels(self._role).set(1)

    def _resume(self, why: str) -> None:
        logger.warning("%s: resumed: %s", self._role, why)
        reason, self._reason, self._probe = self._reason, None, None
        self._failed.clear()
        self._read_ahead.reset()
        self._count.reset()
        self._inbox.resume(reason or "")
        DEAD_LETTER_LIMIT_EXCEEDED.labels(self._role).set(0)
