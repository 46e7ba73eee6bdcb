"""A role with a dead-letter limit, which uses good records and makes dead letters of all others."""

import asyncio

import orjson

from streams.dead_letters.dead_letter_limit import DeadLetterLimit
from streams.delivery import Delivery
from streams.errors import UnavailableError
from streams.health.liveness import Liveness
from streams.inbox import Inbox
from streams.topics import Role
from tests.streams.deliveries import delivery

TOPIC = "poster-requests"


class States:
    """The stored states, in memory."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.unavailable = False

    async def exceeded_reason(self, role: Role) -> str | None:
        """Return the reason."""
        self._answer()
        return self.reason

    async def save_exceeded(self, role: Role, reason: str) -> None:
        """Store the reason."""
        self._answer()
        self.reason = reason

    async def save_reopened(self, role: Role) -> None:
        """Forget the reason."""
        self._answer()
        self.reason = None

    def _answer(self) -> None:
        if self.unavailable:
            raise UnavailableError("the database is unavailable")


class Letters:
    """Dead letters, in memory."""

    def __init__(self) -> None:
        self.offsets: list[int] = []

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Store it."""
        self.offsets.append(delivery.offset)


class Role_:  # noqa: N801 - the type of that name is taken
    """A role with a dead-letter limit, which cannot use any record that is not `good`."""

    def __init__(self, states: States | None = None) -> None:
        self.now = 1_000.0
        self.inbox = Inbox([TOPIC], cap=100_000)
        self.states = states or States()
        self.letters = Letters()
        self.limit = DeadLetterLimit(
            "intake",
            self.inbox,
            self.letters,
            self.states,
            is_decodable=lambda each: b'"version":2' not in (each.value or b""),
            refusals={"source_mismatch"},
            clock=lambda: self.now,
        )
        self.liveness = Liveness("intake", [self.inbox])
        self.worked: list[int] = []
        self._next: dict[int, int] = {}

    def send(self, value: bytes, *, key: bytes = b"k", partition: int = 0) -> None:
        """Deliver a record."""
        offset = self._next.get(partition, 0)
        self._next[partition] = offset + 1
        self.inbox.deliver(delivery(offset, partition=partition, key=key, value=value), lambda: None)

    async def work(self) -> int:
        """Handle what is handed out, one record after the other, and return how many records that were."""
        handled = 0
        while True:
            taking = asyncio.create_task(self.inbox.take(1))
            await settle()
            if not taking.done():
                taking.cancel()
                return handled
            for each in taking.result():
                handled += 1
                if each.value == good():
                    self.worked.append(each.offset)
                else:
                    is_refused = b'"refused"' in (each.value or b"")
                    await self.limit.put(each, "source_mismatch" if is_refused else "invalid_request", "bad")
                self.inbox.finish([each])

    async def tick(self, seconds: float = 0.0) -> int:
        """Let time pass, and return how many records were handled in consequence."""
        self.now += seconds
        await self.limit.synchronize()
        self.limit.tick()
        handled = await self.work()
        await self.limit.synchronize()
        return handled


def good() -> bytes:
    """Return the value of a record that the role can use."""
    return b'{"source":"shop","good":true}'


def bad(source: object) -> bytes:
    """Return the value of one that it cannot use."""
    return orjson.dumps({"source": source, "version": 2})


async def settle() -> None:
    """Let every task come as far as it can."""
    for _ in range(8):
        await asyncio.sleep(0)
