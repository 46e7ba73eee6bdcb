"""Dead-letter limit: pauses a role when most of its records become dead letters, because then the role is at fault."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from typing import Final, Protocol

from streams.dead_letters import DeadLetters
from streams.delivery import Delivery
from streams.errors import UnavailableError
from streams.inbox import Inbox, Position
from streams.liveness import declare_wait
from streams.metrics import DEAD_LETTER_LIMIT_EXCEEDED
from streams.retry import Sleep
from streams.topics import Role

logger = logging.getLogger(__name__)

CONSECUTIVE_LIMIT: Final = 20
RECENT_RECORDS: Final = 100
HISTORY_SIZE: Final = 10_000
POLL_SECONDS: Final = 3.0


class DeadLetterLimitStates(Protocol):
    """Stores which roles exceeded their limit, for every process of a role and across restarts."""

    async def exceeded_reason(self, role: Role) -> str | None:
        """Return why the role exceeded its limit under this build, or None. Raises UnavailableError."""
        ...

    async def save_exceeded(self, role: Role, reason: str) -> None:
        """Store that the role exceeded its limit. Raises UnavailableError."""
        ...


class DeadLetterCount:
    """Dead letters among the taken records, in the order of taking: many are in flight at once."""

    def __init__(self) -> None:
        self._is_dead_letter: OrderedDict[Position, bool] = OrderedDict()

    def add_taken(self, position: Position) -> None:
        """Add a record that is in flight from now on."""
        self._is_dead_letter.pop(position, None)
        self._is_dead_letter[position] = False
        if len(self._is_dead_letter) > HISTORY_SIZE:
            self._is_dead_letter.popitem(last=False)

    def add_dead_letter(self, position: Position) -> str | None:
        """Mark a record as a dead letter. Return why that exceeds the limit, or None."""
        if position not in self._is_dead_letter:
            self.add_taken(position)
        self._is_dead_letter[position] = True
        recent = list(islice(self._from_newest(position), RECENT_RECORDS))
        if len(recent) >= CONSECUTIVE_LIMIT and all(recent[:CONSECUTIVE_LIMIT]):
            return f"{CONSECUTIVE_LIMIT} records in a row are dead letters"
        if len(recent) == RECENT_RECORDS and sum(recent) * 2 >= RECENT_RECORDS:
            return f"{sum(recent)} of the last {RECENT_RECORDS} records are dead letters"
        return None

    def reset(self) -> None:
        """Count from zero again; records in flight keep their places."""
        for position in self._is_dead_letter:
            self._is_dead_letter[position] = False

    def _from_newest(self, position: Position) -> Iterator[bool]:
        """Yield whether each record is a dead letter: the given one first, then those taken before it."""
        newest_first = reversed(self._is_dead_letter.items())
        for each, is_dead_letter in newest_first:
            if each == position:
                yield is_dead_letter
                break
        for _, is_dead_letter in newest_first:
            yield is_dead_letter


class DeadLetterLimit:
    """Dead letters with a limit: after 20 in a row, or half of the last 100 records, the role pauses.

    A paused role takes no records and writes no dead letters until an operator resumes it (`posters dead-letters
    resume`), or another build runs. In-flight records stay unacknowledged.
    """

    def __init__(
        self,
        role: Role,
        inbox: Inbox,
        inner: DeadLetters,
        states: DeadLetterLimitStates,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._role = role
        self._inbox = inbox
        self._inner = inner
        self._states = states
        self._sleep = sleep
        self._count = DeadLetterCount()
        self._reason: str | None = None
        self._unsaved = asyncio.Event()
        self._within_limit = asyncio.Event()
        self._within_limit.set()
        inbox.on_taken = self._on_taken
        DEAD_LETTER_LIMIT_EXCEEDED.labels(role).set(0)

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Write the dead letter, after waiting while the limit is exceeded. Raises UnavailableError."""
        await self._wait_until_within_limit()
        self._add(delivery)
        await self._inner.put(delivery, reason, error)

    async def run(self) -> None:
        """Keep this process and the stored state in step, until cancelled."""
        state_unknown = False
        while True:
            try:
                await self.synchronize()
                state_unknown = False
            except UnavailableError as error:
                if not state_unknown:
                    logger.warning("%s: whether the role is paused elsewhere is not known: %s", self._role, error)
                state_unknown = True
            await self._wait_until_next_poll()

    async def synchronize(self) -> None:
        """Store a limit exceeded here; take over what was stored or resumed elsewhere. Raises UnavailableError."""
        if self._unsaved.is_set() and self._reason is not None:
            await self._states.save_exceeded(self._role, self._reason)
            self._unsaved.clear()
            return
        stored = await self._states.exceeded_reason(self._role)
        if stored is not None and self._reason is None:
            self._pause(stored)
        elif stored is None and self._reason is not None and not self._unsaved.is_set():
            self._resume()

    async def _wait_until_next_poll(self) -> None:
        if self._unsaved.is_set():
            await self._sleep(POLL_SECONDS)
            return
        unsaved = asyncio.ensure_future(self._unsaved.wait())
        next_poll = asyncio.ensure_future(self._sleep(POLL_SECONDS))
        try:
            await asyncio.wait({unsaved, next_poll}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            unsaved.cancel()
            next_poll.cancel()

    async def _wait_until_within_limit(self) -> None:
        while self._reason is not None:
            declare_wait(self._reason)
            await self._within_limit.wait()
            declare_wait(None)

    def _add(self, delivery: Delivery) -> None:
        exceeded = self._count.add_dead_letter((delivery.topic, delivery.partition, delivery.offset))
        if exceeded is not None:
            self._unsaved.set()
            self._pause(f"{exceeded}; fix the cause, then: posters dead-letters resume --where role={self._role}")

    def _on_taken(self, delivery: Delivery) -> None:
        self._count.add_taken((delivery.topic, delivery.partition, delivery.offset))

    def _pause(self, reason: str) -> None:
        logger.error("%s: pausing: %s", self._role, reason)
        self._reason = reason
        self._within_limit.clear()
        self._inbox.pause(reason)
        DEAD_LETTER_LIMIT_EXCEEDED.labels(self._role).set(1)

    def _resume(self) -> None:
        logger.warning("%s: resumed", self._role)
        reason, self._reason = self._reason, None
        self._count.reset()
        self._inbox.resume(reason or "")
        self._within_limit.set()
        DEAD_LETTER_LIMIT_EXCEEDED.labels(self._role).set(0)
