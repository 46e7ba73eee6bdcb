"""What is known of posters whose object the input alone does not lead to."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from renderer.rendering import AssetUsage, Rendering
from schemas import outcomes

KEPT: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedUsage:
    """The assets that an input's document used and what was to be said of it; nothing, where nothing is known."""

    usage: AssetUsage = field(default_factory=AssetUsage)
    warnings: list[outcomes.PosterWarning] = field(default_factory=list)


NOTHING: Final = CachedUsage()


class UsageCache:
    """What the last posters used, by input digest, for as long as all their assets are fresh.

    It is kept in memory: another process, or this one after a restart, renders once and knows it then.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, CachedUsage] = OrderedDict()

    def find(self, input_digest: str, now: float) -> CachedUsage:
        """Return what is known, with `now` by the clock of `Usage.fresh_until`."""
        known = self._known.get(input_digest)
        if known is None:
            return NOTHING
        if known.usage.fresh_until <= now:
            del self._known[input_digest]
            return NOTHING
        self._known.move_to_end(input_digest)
        return known

    def note(self, input_digest: str, rendering: Rendering, now: float) -> None:
        """Keep what a rendering used or warned of, unless it may be another the next time."""
        self._known.pop(input_digest, None)
        if rendering.usage.fresh_until > now and (rendering.assets or rendering.warnings):
            self._known[input_digest] = CachedUsage(usage=rendering.usage, warnings=rendering.warnings)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
