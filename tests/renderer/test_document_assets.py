"""Limits of all assets of a document together, and when a document yields its page while it waits for them."""

import asyncio
import contextlib

import pytest

from renderer.assets.port import AssetError, Fetched, Kind, Received, ignore
from renderer.concurrency_limit import RESERVED, RESERVED_MAX, YIELDED_MAX, ConcurrencyLimit, Permit
from renderer.page.document_assets import BYTES_MAX, YIELDS_MAX, DocumentAssets

PART = 2**18


class Large:
    """A fetcher of assets of nine mebibytes, which arrive in pieces."""

    def __init__(self) -> None:
        self.under_way: dict[str, int] = {}
        self.most = 0

    async def fetch(self, url: str, kind: Kind, received: Received = ignore) -> Fetched:
        """Return an asset."""
        try:
            for size in range(PART, 36 * PART + 1, PART):
                self.under_way[url] = size
                self.most = max(self.most, sum(self.under_way.values()))
                received(size)
                await asyncio.sleep(0)
            return Fetched(body=bytes(36 * PART), content_type="image/png")
        finally:
            del self.under_way[url]


async def test_assets_that_come_together_are_no_more_than_a_document_may_have() -> None:
    """Of many large ones the first are there, and the rest is refused before it is all in memory."""
    large = Large()
    assets = DocumentAssets(large, 60)
    came = await asyncio.gather(
        *(assets.get(f"http://h/{number}", "image") for number in range(40)), return_exceptions=True
    )

    assert [isinstance(each, Fetched) for each in came] == [True] * 3 + [False] * 37
    assert {each.code for each in came if isinstance(each, AssetError)} == {"asset_too_large"}
    assert large.most <= BYTES_MAX + 40 * PART
    assert large.under_way == {}


class BlockedFetcher:
    """A fetcher that returns nothing before `go` is set."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def fetch(self, url: str, kind: Kind, received: Received = ignore) -> Fetched:
        """Return an asset, some time."""
        await self.go.wait()
        return Fetched(body=b"x", content_type="image/png")


async def test_a_page_is_yielded_only_where_it_is_wanted_and_a_few_times() -> None:
    """Where nobody waits for it, it is kept. Else it is yielded, and every time the assets are there afterwards."""
    fetcher, wanted = BlockedFetcher(), False
    assets = DocumentAssets(fetcher, 60, lambda: wanted)
    first = asyncio.ensure_future(assets.get("http://h/a", "image"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(assets.late.wait(), 0.5)
    wanted = True
    for number in range(YIELDS_MAX):
        await asyncio.wait_for(assets.late.wait(), 10)
        settled = asyncio.ensure_future(assets.wait_idle())
        fetcher.go.set()
        await settled
        fetcher.go.clear()
        again = asyncio.ensure_future(assets.get(f"http://h/{number}", "image"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(assets.late.wait(), 0.5)
    fetcher.go.set()

    assert (await first).body == (await again).body == b"x"


def acquired(limit: ConcurrencyLimit) -> Permit | None:
    """Return a permit for a bulk document, or None where there is no room."""
    return limit.acquire("bulk", "s") if limit.has_room("bulk", "s") else None


def test_a_yielded_permit_is_anothers_until_it_is_needed_again() -> None:
    """While a document waits another comes in; after the wait nobody new does until both have finished."""
    limit = ConcurrencyLimit(1)
    first = acquired(limit)
    with limit.yielded():
        second = acquired(limit)
    assert first is not None
    assert second is not None
    limit.release(first)
    early = acquired(limit)
    limit.release(second)

    assert early is None
    assert acquired(limit) is not None


def test_only_so_many_permits_are_yielded() -> None:
    """Above the limit a document that waits keeps its permit."""
    limit = ConcurrencyLimit(0)
    with contextlib.ExitStack() as yielded:
        for _ in range(YIELDED_MAX + 5):
            yielded.enter_context(limit.yielded())
        for _ in range(YIELDED_MAX):
            assert acquired(limit) is not None
        assert acquired(limit) is None


def test_a_source_with_few_documents_in_flight_begins_although_no_permit_is_free() -> None:
    """So a neighbour's single poster waits for nothing; the reserve of all sources is bounded, and bulk has none."""
    limit = ConcurrencyLimit(1)
    taken = limit.acquire("normal", "flood")
    flood = [limit.acquire("normal", "flood") for _ in range(RESERVED) if limit.has_room("normal", "flood")]
    sources = map(str, range(RESERVED_MAX))
    reserved = [limit.acquire("normal", source) for source in sources if limit.has_room("normal", source)]
    full = limit.has_room("normal", "one more")
    limit.release(reserved.pop())

    assert len(flood) == RESERVED - 1
    assert len(reserved) + 1 + len(flood) == RESERVED_MAX
    assert not full
    assert limit.has_room("normal", "one more")
    assert not limit.has_room("bulk", "one more")
    limit.release(taken)
    assert limit.has_room("bulk", "one more")
