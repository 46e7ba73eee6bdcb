"""Assets at hand, as long as HTTP lets them stand and there is room."""

from collections import OrderedDict

from agents.assets.port import Fetched, Kind

Key = tuple[str, Kind]


class Cache:
    """Fresh assets by address and kind, the least recently used ones dropped beyond `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[Key, Fetched] = OrderedDict()

    def get(self, key: Key, now: float) -> Fetched | None:
        """Return a kept asset that is fresh at `now`, in seconds of the clock that `fresh_until` is given in."""
        fetched = self._kept.get(key)
        if fetched is None:
            return None
        if fetched.fresh_until <= now:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return fetched

    def put(self, key: Key, fetched: Fetched, now: float) -> None:
        """Keep an asset if it is fresh for a while, and no quarter of the whole room."""
        if fetched.fresh_until <= now or len(fetched.body) > self._max_bytes // 4:
            return
        self._drop(key)
        self._kept[key] = fetched
        self._bytes += len(fetched.body)
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        dropped = self._kept.pop(key, None)
        if dropped is not None:
            self._bytes -= len(dropped.body)
