"""Fetch pacing: a consumer's fetches wait for more records while records keep arriving.

A consumer of many partitions asks for all of them in each fetch. Where records arrive singly, each fetch returns one of
them, and fetching is most of the work of a role that writes in batches, and much of the broker's. So after a fetch that
returned records, the next one may wait for more; after an empty one, the first record is returned at once.
"""

from typing import Any, Final

ENOUGH_BYTES: Final = 64 * 1024
"""A fetch with this many bytes returns without waiting for more."""


class AdaptiveFetchWait:
    """Replaces the method with which aiokafka's fetcher carries out one fetch."""

    def __init__(self, fetcher: Any, seconds: float) -> None:
        self._fetcher = fetcher
        self._fetch = fetcher._proc_fetch_request
        self._idle: tuple[int, int] = (fetcher._fetch_min_bytes, fetcher._fetch_max_wait_ms)
        self._flowing: tuple[int, int] = (ENOUGH_BYTES, int(seconds * 1000))

    @property
    def min_bytes(self) -> int:
        """How many bytes the next fetch waits for."""
        return int(self._fetcher._fetch_min_bytes)

    async def __call__(self, assignment: Any, node_id: Any, request: Any) -> bool:
        """Carry out a fetch and set how long the next one waits. Return whether it had records."""
        has_records: bool = await self._fetch(assignment, node_id, request)
        minimum, longest = self._flowing if has_records else self._idle
        self._fetcher._fetch_min_bytes, self._fetcher._fetch_max_wait_ms = minimum, longest
        return has_records


def wait_for_more_while_flowing(fetcher: Any, seconds: float) -> None:
    """Let a fetch wait up to `seconds` for more records while they keep arriving."""
    fetcher._proc_fetch_request = AdaptiveFetchWait(fetcher, seconds)
