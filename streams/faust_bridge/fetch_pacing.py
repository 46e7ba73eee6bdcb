"""Lets more records come with one fetch while they keep coming.

A consumer of many partitions asks for all of them in each fetch, and gets each record by itself where they come one by
one: that is most of the work of a role that writes in batches anyway, and much of the broker's. So, after a fetch that
brought records, the next may wait for more of them; after one that brought none, the first record is handed over at
once.
"""

from typing import Any, Final

ENOUGH_BYTES: Final = 64 * 1024
"""As much is handed over without waiting for more."""


class AdaptiveFetchWait:
    """Stands in for the function with which aiokafka's fetcher carries out one fetch."""

    def __init__(self, fetcher: Any, seconds: float) -> None:
        self._fetcher = fetcher
        self._fetch = fetcher._proc_fetch_request
        self._at_rest: tuple[int, int] = (fetcher._fetch_min_bytes, fetcher._fetch_max_wait_ms)
        self._in_flow: tuple[int, int] = (ENOUGH_BYTES, int(seconds * 1000))

    async def __call__(self, assignment: Any, node_id: Any, request: Any) -> bool:
        """Carry out a fetch and set how long the next one waits. True where records came."""
        came: bool = await self._fetch(assignment, node_id, request)
        self._fetcher._fetch_min_bytes, self._fetcher._fetch_max_wait_ms = self._in_flow if came else self._at_rest
        return came


def wait_for_more_while_flowing(fetcher: Any, seconds: float) -> None:
    """Let a fetch wait up to `seconds` for more records while they keep coming."""
    fetcher._proc_fetch_request = AdaptiveFetchWait(fetcher, seconds)
