"""Too many dead letters pause a role: then the role is at fault, not the records."""

import asyncio
from random import Random

import pytest

from streams.dead_letter_limit import CONSECUTIVE_LIMIT, RECENT_RECORDS, DeadLetterCount, DeadLetterLimit
from streams.delivery import Delivery
from streams.errors import UnavailableError
from streams.inbox import Inbox
from streams.liveness import Liveness
from streams.topics import Role
from tests.streams.deliveries import delivery


class States:
    """The stored states, in memory."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.unavailable = False

    async def exceeded_reason(self, role: Role) -> str | None:
        """Return the reason."""
        if self.unavailable:
            raise UnavailableError("the database is unavailable")
        return self.reason

    async def save_exceeded(self, role: Role, reason: str) -> None:
        """Store the reason."""
        if self.unavailable:
            raise UnavailableError("the database is unavailable")
        self.reason = reason


class Letters:
    """Dead letters, in memory."""

    def __init__(self) -> None:
        self.offsets: list[int] = []

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Store it."""
        self.offsets.append(delivery.offset)


class Role_:  # noqa: N801 - the type of that name is taken
    """A role with a dead-letter limit."""

    def __init__(self) -> None:
        self.inbox = Inbox(["poster-requests"], cap=10_000)
        self.states = States()
        self.letters = Letters()
        self.limit = DeadLetterLimit("intake", self.inbox, self.letters, self.states)
        self.liveness = Liveness("intake", [self.inbox])

    async def take(self, count: int) -> list[Delivery]:
        """Deliver and take some records."""
        for offset in range(count):
            self.inbox.deliver(delivery(offset), lambda: None)
        return await self.inbox.take(count)

    def put_all(self, deliveries: list[Delivery]) -> list[asyncio.Task[None]]:
        """Make dead letters of records at the same time, as intake does."""
        return [asyncio.create_task(self.limit.put(each, "invalid_request", "bad")) for each in deliveries]


@pytest.fixture
async def role() -> Role_:
    """A role within its limit."""
    return Role_()


async def settle() -> None:
    """Let every task come as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_twenty_in_a_row_pause_the_role(role: Role_) -> None:
    """No further dead letter is written, no record is handed out, and readiness gives the reason and the remedy."""
    taken = await role.take(60)
    role.inbox.deliver(delivery(60), lambda: None)
    puts = role.put_all(taken)
    taking = asyncio.create_task(role.inbox.take(1))
    await settle()

    assert role.letters.offsets == list(range(CONSECUTIVE_LIMIT))
    assert not taking.done()
    assert "posters dead-letters resume --where role=intake" in role.liveness.reasons()[0]
    for task in [*puts, taking]:
        task.cancel()


async def test_bad_records_among_good_ones_do_not_pause_it(role: Role_) -> None:
    """One in three is bad, and all are in flight at once, so that the good ones are not finished yet."""
    taken = await role.take(300)
    puts = role.put_all(taken[::3])
    await asyncio.gather(*puts)

    assert len(role.letters.offsets) == 100
    assert role.liveness.reasons() == []


async def test_half_of_the_last_hundred_pause_the_role(role: Role_) -> None:
    """Every second record is bad: the limit is exceeded after a hundred records, and not before."""
    taken = await role.take(300)
    puts = role.put_all(taken[1::2])
    await settle()

    assert role.letters.offsets == list(range(1, RECENT_RECORDS, 2))
    for task in puts:
        task.cancel()


async def test_the_state_is_stored_and_resuming_loses_nothing(role: Role_) -> None:
    """Waiting dead letters are written once the role is resumed; the state survives an unavailable database."""
    puts = role.put_all(await role.take(30))
    await settle()
    role.states.unavailable = True
    with pytest.raises(UnavailableError):
        await role.limit.synchronize()
    role.states.unavailable = False
    await role.limit.synchronize()
    stored = role.states.reason
    await role.limit.synchronize()
    still_paused = role.liveness.reasons()
    role.states.reason = None
    await role.limit.synchronize()
    await asyncio.gather(*puts)

    assert stored is not None
    assert still_paused
    assert sorted(role.letters.offsets) == list(range(30))
    assert role.liveness.reasons() == []


async def test_another_process_of_the_role_pauses_too(role: Role_) -> None:
    """A limit exceeded in another process, or before a restart, pauses this process as well."""
    role.states.reason = "20 records in a row are dead letters"
    await role.limit.synchronize()

    assert role.liveness.reasons() == ["intake: 20 records in a row are dead letters"]


@pytest.mark.parametrize(("share", "least", "most"), [(0.1, 0, 0), (0.42, 1, 19), (0.9, 20, 20)])
def test_the_order_of_taking_counts_not_that_of_failing(share: float, least: int, most: int) -> None:
    """Reported as taken, records exceed the limit exactly by its rule; in any other order never without reason."""
    random = Random(5)  # noqa: S311 - repeatable on purpose
    exceeded = 0
    for _ in range(20):
        bad = [random.random() < share for _ in range(400)]
        in_a_row = any(all(bad[start : start + CONSECUTIVE_LIMIT]) for start in range(401 - CONSECUTIVE_LIMIT))
        half = any(
            bad[end - 1] and 2 * sum(bad[end - RECENT_RECORDS : end]) >= RECENT_RECORDS
            for end in range(RECENT_RECORDS, 401)
        )
        taken_order = [offset for offset in range(400) if bad[offset]]
        any_order = random.sample(taken_order, len(taken_order))

        assert exceeds(taken_order) == (in_a_row or half)
        assert in_a_row or half or not exceeds(any_order)
        exceeded += in_a_row or half
    assert least <= exceeded <= most


def exceeds(dead_letters: list[int]) -> bool:
    """Say whether 400 records exceed the limit, of which these become dead letters in this order."""
    count = DeadLetterCount()
    for offset in range(400):
        count.add_taken(("t", 0, offset))
    return any(count.add_dead_letter(("t", 0, offset)) for offset in dead_letters)
