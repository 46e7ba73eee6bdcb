"""Who gets the next worker, and that none gets lost."""

import asyncio

from renderer.lane_policy import NORMAL_IN_A_ROW, LanePolicy
from renderer.pool import RESERVE_SECONDS, Pool
from schemas.fields import Priority


async def order_of(pool: Pool[str], *lanes: Priority) -> list[int]:
    """Return in which order documents get the only worker that, in this order, wait for it."""
    got: list[int] = []

    async def draw(number: int) -> None:
        worker = await pool.acquire(lanes[number])
        got.append(number)
        pool.release(worker)

    worker = await pool.acquire("normal")
    drawing = [asyncio.ensure_future(draw(number)) for number in range(len(lanes))]
    await asyncio.sleep(0)
    pool.release(worker)
    await asyncio.gather(*drawing)
    return got


def one() -> Pool[str]:
    """Return a pool of one worker."""
    pool: Pool[str] = Pool()
    pool.add("the only one")
    return pool


async def test_a_normal_document_is_next() -> None:
    """It comes before those of a batch that were there first; among each other all keep their order."""
    assert await order_of(one(), "bulk", "bulk", "normal", "normal") == [2, 3, 0, 1]


async def test_bulk_keeps_a_fifth() -> None:
    """However many normal ones wait, after four of them one of bulk is next."""
    normal: list[Priority] = ["normal"] * 10
    order = await order_of(one(), "bulk", "bulk", *normal)

    assert order.index(0) == 4
    assert order.index(1) == 9


def test_bulk_without_room_is_next_once_there_is_room() -> None:
    """Its turn is not lost while it has no room, and without anything else there is nothing to take."""
    policy = LanePolicy()
    both: dict[Priority, list[int]] = {"normal": [1], "bulk": [1]}
    taken = [policy.next(both, room_for_bulk=False) for _ in range(NORMAL_IN_A_ROW + 3)]

    assert taken == ["normal"] * (NORMAL_IN_A_ROW + 3)
    assert policy.next(both) == "bulk"
    assert policy.next({"normal": [], "bulk": [1]}, room_for_bulk=False) is None
    assert policy.next({"normal": [], "bulk": []}) is None


async def test_a_cancelled_document_keeps_no_worker() -> None:
    """Neither while it waits, nor at the moment in which it is given one."""
    pool = one()
    worker = await pool.acquire("normal")
    waiting, given = (asyncio.ensure_future(pool.acquire("normal")) for _ in range(2))
    await asyncio.sleep(0)
    waiting.cancel()
    pool.release(worker)
    given.cancel()
    await asyncio.gather(waiting, given, return_exceptions=True)

    assert pool.waiting == 0
    async with asyncio.timeout(1):
        assert await pool.acquire("bulk") == worker


async def waiting_for(pool: Pool[str], lane: Priority) -> asyncio.Task[str]:
    """Begin to wait for a worker, and return once that has been looked at."""
    task = asyncio.ensure_future(pool.acquire(lane))
    for _ in range(3):
        await asyncio.sleep(0)
    return task


async def test_bulk_has_every_worker_while_nothing_normal_comes() -> None:
    """No worker stands idle for documents that nobody asks for."""
    pool: Pool[str] = Pool()
    for name in "abc":
        pool.add(name)
    drawing = [await waiting_for(pool, "bulk") for _ in range(3)]

    assert sorted(task.result() for task in drawing) == ["a", "b", "c"]


async def test_a_worker_is_reserved_for_the_next_normal_document() -> None:
    """For some seconds after the last one; then bulk has it again."""
    time = 0.0
    pool: Pool[str] = Pool(lambda: time)
    for name in "abc":
        pool.add(name)
    first = await pool.acquire("normal")
    batch = [await waiting_for(pool, "bulk") for _ in range(4)]
    pool.release(first)

    assert [task.done() for task in batch] == [True, True, False, False]
    assert (await waiting_for(pool, "normal")).result() == first
    time = RESERVE_SECONDS - 0.1
    pool.release(first)
    pool.release(await batch[0])
    await batch[2]
    assert not batch[3].done()
    time = RESERVE_SECONDS
    pool.release(await batch[1])
    await batch[3]


async def test_a_worker_is_free_for_a_neighbour_while_it_is_active() -> None:
    """A source has all workers but one while another had a normal document in the last seconds; alone it has all."""
    time = 0.0
    pool: Pool[str] = Pool(lambda: time)
    for name in "abc":
        pool.add(name)
    flood = [asyncio.ensure_future(pool.acquire("normal", "flood")) for _ in range(5)]
    await asyncio.sleep(0)
    alone = [task.done() for task in flood]
    neighbour = asyncio.ensure_future(pool.acquire("normal", "neighbour"))
    await asyncio.sleep(0)
    pool.release(await flood[0])
    pool.release(await neighbour)
    await asyncio.sleep(0)
    beside = [task.done() for task in flood]
    time = RESERVE_SECONDS
    pool.release(await flood[1])
    await asyncio.sleep(0)

    assert alone == [True, True, True, False, False]
    assert beside == [True, True, True, False, False]
    assert [task.done() for task in flood] == [True] * 5


async def test_a_source_pays_for_the_seconds_it_held_a_worker() -> None:
    """Whoever drew for ten seconds waits until the other had as many."""
    time = 0.0
    pool: Pool[str] = Pool(lambda: time)
    pool.add("the only one")
    order = []
    worker = await pool.acquire("normal", "slow", 0.1)
    turns = {
        (source, number): asyncio.ensure_future(pool.acquire("normal", source, 0.1))
        for number in range(12)
        for source in ("slow", "fast")
    }
    await asyncio.sleep(0)
    time += 10.0
    for _ in range(24):
        pool.release(worker)
        await asyncio.sleep(0)
        source, number = next(key for key, turn in turns.items() if turn.done())
        worker = turns.pop((source, number)).result()
        order.append(source)
        time += 1.0

    assert order[:9] == ["fast"] * 9
    assert sorted(order) == ["fast"] * 12 + ["slow"] * 12
