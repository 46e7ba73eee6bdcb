"""Who gets the next slot, and that none gets lost."""

import asyncio

from renderer.pool import Pool


async def order_of(slots: Pool[str], *urgent: bool) -> list[int]:
    """Return in which order documents get the only slot that, in this order, wait for it."""
    got: list[int] = []

    async def draw(number: int) -> None:
        slot = await slots.acquire(urgent=urgent[number])
        got.append(number)
        slots.release(slot)

    slot = await slots.acquire(urgent=True)
    drawing = [asyncio.ensure_future(draw(number)) for number in range(len(urgent))]
    await asyncio.sleep(0)
    slots.release(slot)
    await asyncio.gather(*drawing)
    return got


def one() -> Pool[str]:
    """Return slots of which there is one."""
    slots: Pool[str] = Pool()
    slots.add("the only one")
    return slots


async def test_an_urgent_document_is_next() -> None:
    """It comes before those of a batch that were there first; among each other all keep their order."""
    assert await order_of(one(), False, False, True, True) == [2, 3, 0, 1]


async def test_a_batch_keeps_a_fifth() -> None:
    """However many urgent ones wait, after four of them one of the others is next."""
    order = await order_of(one(), False, False, *[True] * 10)

    assert order.index(0) == 4
    assert order.index(1) == 9


async def test_a_document_that_is_given_up_keeps_no_slot() -> None:
    """Neither while it waits, nor at the moment in which it is given one."""
    slots = one()
    slot = await slots.acquire(urgent=True)
    waiting, given = (asyncio.ensure_future(slots.acquire(urgent=True)) for _ in range(2))
    await asyncio.sleep(0)
    waiting.cancel()
    slots.release(slot)
    given.cancel()
    await asyncio.gather(waiting, given, return_exceptions=True)

    assert slots.waiting == 0
    async with asyncio.timeout(1):
        assert await slots.acquire(urgent=False) == slot


async def waiting_for(slots: Pool[str], *, urgent: bool) -> asyncio.Task[str]:
    """Begin to wait for a slot, and return once that has been looked at."""
    task = asyncio.ensure_future(slots.acquire(urgent=urgent))
    for _ in range(3):
        await asyncio.sleep(0)
    return task


async def test_a_batch_has_every_slot_while_nothing_urgent_comes() -> None:
    """Nothing stands idle for documents that nobody asks for."""
    slots: Pool[str] = Pool()
    for name in "abc":
        slots.add(name)
    drawing = [await waiting_for(slots, urgent=False) for _ in range(3)]

    assert sorted(task.result() for task in drawing) == ["a", "b", "c"]


async def test_a_slot_is_kept_for_the_next_urgent_document() -> None:
    """For some seconds after the last one; then the batch has it again."""
    time = 0.0
    slots: Pool[str] = Pool(lambda: time)
    for name in "abc":
        slots.add(name)
    first = await slots.acquire(urgent=True)
    batch = [await waiting_for(slots, urgent=False) for _ in range(4)]
    slots.release(first)

    assert [task.done() for task in batch] == [True, True, False, False]
    assert (await waiting_for(slots, urgent=True)).result() == first
    time = 4.9
    slots.release(first)
    slots.release(await batch[0])
    await batch[2]
    assert not batch[3].done()
    time = 5.0
    slots.release(await batch[1])
    await batch[3]
