"""Too many dead letters pause a role: then it is not the records that are bad."""

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
    """The kept states, in memory."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.away = False

    async def exceeded_reason(self, role: Role) -> str | None:
        """Return the reason."""
        if self.away:
            raise UnavailableError("away")
        return self.reason

    async def save_exceeded(self, role: Role, reason: str) -> None:
        """Keep the reason."""
        if self.away:
            raise UnavailableError("away")
        self.reason = reason


class Letters:
    """Dead letters, kept."""

    def __init__(self) -> None:
        self.offsets: list[int] = []

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Keep it."""
        self.offsets.append(delivery.offset)


class Role_:  # noqa: N801 - the type of that name is taken
    """A role with a fuse."""

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
        """Set records aside at the same time, as intake does."""
        return [asyncio.create_task(self.limit.put(each, "invalid_request", "bad")) for each in deliveries]


@pytest.fixture
async def role() -> Role_:
    """A role with a whole fuse."""
    return Role_()


async def settle() -> None:
    """Let every task come as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_twenty_in_a_row_pause_the_role(role: Role_) -> None:
    """Not one dead letter more is made, nothing is handed out, and readiness says why and what to do."""
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


async def test_bad_records_among_good_ones_do_not(role: Role_) -> None:
    """One in three is bad, and all are in hand at once: nobody knows yet of the good ones that they are."""
    taken = await role.take(300)
    puts = role.put_all(taken[::3])
    await asyncio.gather(*puts)

    assert len(role.letters.offsets) == 100
    assert role.liveness.reasons() == []


async def test_half_of_the_last_hundred_pause_the_role(role: Role_) -> None:
    """Every second record is bad: after a hundred of them it is enough, and not before."""
    taken = await role.take(300)
    puts = role.put_all(taken[1::2])
    await settle()

    assert role.letters.offsets == list(range(1, RECENT_RECORDS, 2))
    for task in puts:
        task.cancel()


async def test_the_state_is_kept_and_resuming_goes_on_without_loss(role: Role_) -> None:
    """What waited is set aside once somebody resumes; the state outlives a database that was away."""
    puts = role.put_all(await role.take(30))
    await settle()
    role.states.away = True
    with pytest.raises(UnavailableError):
        await role.limit.synchronize()
    role.states.away = False
    await role.limit.synchronize()
    kept = role.states.reason
    await role.limit.synchronize()
    still = role.liveness.reasons()
    role.states.reason = None
    await role.limit.synchronize()
    await asyncio.gather(*puts)

    assert kept is not None
    assert still
    assert sorted(role.letters.offsets) == list(range(30))
    assert role.liveness.reasons() == []


async def test_another_process_of_the_role_pauses_too(role: Role_) -> None:
    """A fuse that blew elsewhere, or before a restart, holds here as well."""
    role.states.reason = "20 records in a row are dead letters"
    await role.limit.synchronize()

    assert role.liveness.reasons() == ["intake: 20 records in a row are dead letters"]


def test_the_order_of_taking_counts_not_that_of_failing() -> None:
    """In whatever order work ends, the same records blow the fuse."""
    random = Random(5)  # noqa: S311 - repeatable on purpose
    for _ in range(50):
        bad = [random.random() < 0.4 for _ in range(400)]
        runs = any(all(bad[start : start + CONSECUTIVE_LIMIT]) for start in range(400 - CONSECUTIVE_LIMIT))
        shares = any(sum(bad[start : start + 100]) >= 50 and bad[start + 99] for start in range(301))
        count = DeadLetterCount()
        for offset in range(400):
            count.add_taken(("t", 0, offset))
        order = [offset for offset in range(400) if bad[offset]]
        random.shuffle(order)
        verdicts = [count.add_dead_letter(("t", 0, offset)) for offset in order]

        assert runs or shares or not any(verdicts)
