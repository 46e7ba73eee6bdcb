"""Stops a role that sets nearly everything aside: then it is not the records that are bad."""

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
from streams.liveness import waiting_for
from streams.metrics import FUSE_BLOWN
from streams.retry import Sleep
from streams.topics import Role

logger = logging.getLogger(__name__)

IN_A_ROW: Final = 20
OF_THE_LAST: Final = 100
KEPT: Final = 10_000
LOOK_SECONDS: Final = 3.0


class DeadLetterLimitStates(Protocol):
    """Where it is kept which fuses have blown, for every process of a role and over restarts."""

    async def blown(self, role: Role) -> str | None:
        """Return why the role's fuse has blown under this build, or None. Raises UnavailableError."""
        ...

    async def blow(self, role: Role, reason: str) -> None:
        """Keep that it has blown. Raises UnavailableError."""
        ...


class Count:
    """Bad records among those taken, in the order in which they were taken: many are in hand at once."""

    def __init__(self) -> None:
        self._bad: OrderedDict[Position, bool] = OrderedDict()

    def taken(self, position: Position) -> None:
        """Note a record that is worked on from now."""
        self._bad.pop(position, None)
        self._bad[position] = False
        if len(self._bad) > KEPT:
            self._bad.popitem(last=False)

    def bad(self, position: Position) -> str | None:
        """Note that a record is bad. Return why that is too much, or None."""
        if position not in self._bad:
            self.taken(position)
        self._bad[position] = True
        before = list(islice(self._up_to(position), OF_THE_LAST))
        if len(before) >= IN_A_ROW and all(before[:IN_A_ROW]):
            return f"{IN_A_ROW} records in a row are dead letters"
        if len(before) == OF_THE_LAST and sum(before) * 2 >= OF_THE_LAST:
            return f"{sum(before)} of the last {OF_THE_LAST} records are dead letters"
        return None

    def clear(self) -> None:
        """Begin anew; what is in hand is still in hand."""
        for position in self._bad:
            self._bad[position] = False

    def _up_to(self, position: Position) -> Iterator[bool]:
        """Yield whether records are bad: this one, then those taken before it."""
        newest_first = reversed(self._bad.items())
        for each, bad in newest_first:
            if each == position:
                yield bad
                break
        for _, bad in newest_first:
            yield bad


class DeadLetterLimit:
    """Dead letters with a fuse: 20 in a row, or half of the last 100, and the role pauses.

    It then takes nothing and sets nothing aside until somebody resumes it (`posters dead-letters resume`), or another
    build runs. What is in hand stays unacknowledged.
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
        self._count = Count()
        self._reason: str | None = None
        self._unsaved = asyncio.Event()
        self._whole = asyncio.Event()
        self._whole.set()
        inbox.on_take = self._taken
        FUSE_BLOWN.labels(role).set(0)

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Set the record aside, once the fuse is whole. Raises UnavailableError."""
        await self._admitted(delivery)
        await self._inner.put(delivery, reason, error)

    async def follow(self) -> None:
        """Keep this process and the kept state in step, until cancelled."""
        blind = False
        while True:
            try:
                await self.look()
                blind = False
            except UnavailableError as error:
                if not blind:
                    logger.warning("%s: which fuses have blown elsewhere is not known: %s", self._role, error)
                blind = True
            await self._wait()

    async def look(self) -> None:
        """Keep what has blown here; take over what has blown or was resumed elsewhere. Raises UnavailableError."""
        if self._unsaved.is_set() and self._reason is not None:
            await self._states.blow(self._role, self._reason)
            self._unsaved.clear()
            return
        kept = await self._states.blown(self._role)
        if kept is not None and self._reason is None:
            self._blow(kept)
        elif kept is None and self._reason is not None and not self._unsaved.is_set():
            self._resume()

    async def _wait(self) -> None:
        if self._unsaved.is_set():
            await self._sleep(LOOK_SECONDS)
            return
        unsaved = asyncio.ensure_future(self._unsaved.wait())
        later = asyncio.ensure_future(self._sleep(LOOK_SECONDS))
        try:
            await asyncio.wait({unsaved, later}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            unsaved.cancel()
            later.cancel()

    async def _admitted(self, delivery: Delivery) -> None:
        while self._reason is not None:
            waiting_for(self._reason)
            await self._whole.wait()
            waiting_for(None)
        why = self._count.bad((delivery.topic, delivery.partition, delivery.offset))
        if why is not None:
            self._unsaved.set()
            self._blow(f"{why}; mend what is wrong, then: posters dead-letters resume --where role={self._role}")

    def _taken(self, delivery: Delivery) -> None:
        self._count.taken((delivery.topic, delivery.partition, delivery.offset))

    def _blow(self, reason: str) -> None:
        logger.error("%s: pausing: %s", self._role, reason)
        self._reason = reason
        self._whole.clear()
        self._inbox.pause(reason)
        FUSE_BLOWN.labels(self._role).set(1)

    def _resume(self) -> None:
        logger.warning("%s: resumed", self._role)
        reason, self._reason = self._reason, None
        self._count.clear()
        self._inbox.resume(reason or "")
        self._whole.set()
        FUSE_BLOWN.labels(self._role).set(0)
