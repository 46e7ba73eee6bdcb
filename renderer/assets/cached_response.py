"""An answer as it is kept: for as long as it is fresh, and then for asking whether it still holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

from aiohttp import ClientResponse, hdrs

from renderer.assets.freshness import fresh_seconds, may_be_kept
from renderer.assets.port import Fetched

_LASTING: Final = (hdrs.CACHE_CONTROL, hdrs.EXPIRES, hdrs.VARY, hdrs.ETAG, hdrs.LAST_MODIFIED)
"""What an answer without a body leaves as it was, where it does not say otherwise."""
_HEADERS: Final = (*_LASTING, hdrs.DATE, hdrs.AGE)
_LISTS: Final = (hdrs.CACHE_CONTROL, hdrs.VARY)
_VALIDATOR_MAX: Final = 1_024
"""Characters of a validator: it goes out with every question."""


def told(answer: ClientResponse) -> dict[str, str]:
    """Return what an answer says of its own keeping: the first field of a name, or all of a list."""
    headers = answer.headers
    return {
        str(name): ", ".join(headers.getall(name)) if name in _LISTS else headers[name]
        for name in _HEADERS
        if name in headers
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An asset, the address that it came from in the end, and what its answer said of keeping it."""

    fetched: Fetched
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def may_be_kept(self) -> bool:
        """Whether a cache may have it at all."""
        return may_be_kept(self.headers)

    @property
    def conditions(self) -> dict[str, str]:
        """Return the request headers that ask for the asset only if it has changed; none where that cannot be asked."""
        validators = {
            hdrs.IF_NONE_MATCH: self.headers.get(hdrs.ETAG, ""),
            hdrs.IF_MODIFIED_SINCE: self.headers.get(hdrs.LAST_MODIFIED, ""),
        }
        return {
            str(name): value
            for name, value in validators.items()
            if 0 < len(value) <= _VALIDATOR_MAX and value.isascii() and value.isprintable()
        }

    def confirmed(self, headers: Mapping[str, str], *, now: float, time_of_day: float, at_most: float) -> Self:
        """Return it with the freshness of an answer that says it still holds, by `now` and `at_most` of the clock."""
        lasting = {str(name): self.headers[name] for name in _LASTING if name in self.headers}
        merged: dict[str, str] = {**lasting, **headers}
        fresh_until = min(at_most, now + fresh_seconds(merged, time_of_day))
        return replace(self, fetched=replace(self.fetched, fresh_until=fresh_until), headers=merged)
