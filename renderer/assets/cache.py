"""Assets at hand, as long as there is room."""

from collections import OrderedDict

from renderer.assets.cached_response import Kept
from renderer.assets.port import Kind

Key = tuple[str, Kind]


class Cache:
    """Assets by address and kind, the least recently used ones dropped beyond `max_bytes`, addresses included."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[Key, Kept] = OrderedDict()

    def get(self, key: Key) -> Kept | None:
        """Return a kept asset, which may be stale."""
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def put(self, key: Key, kept: Kept, now: float) -> None:
        """Take an asset in place of the former, if it may be kept, takes no quarter of the room, and will be of use.

        It is of use while it is fresh at `now`, in seconds of the clock that `fresh_until` is given in, or where its
        server can be asked whether it still holds.
        """
        self._drop(key)
        of_use = kept.fetched.fresh_until > now or kept.conditions
        size = _size(key, kept)
        if not of_use or not kept.may_be_kept or size > self._max_bytes // 4:
            return
        self._kept[key] = kept
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        dropped = self._kept.pop(key, None)
        if dropped is not None:
            self._bytes -= _size(key, dropped)


def _size(key: Key, kept: Kept) -> int:
    return len(kept.fetched.body) + len(key[0]) + len(kept.url)
