"""A cached response: served while it is fresh, then revalidated."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

from aiohttp import ClientResponse, hdrs

from renderer.assets.freshness import fresh_seconds, may_be_cached
from renderer.assets.port import Fetched

_STORED: Final = (hdrs.CACHE_CONTROL, hdrs.EXPIRES, hdrs.VARY, hdrs.ETAG, hdrs.LAST_MODIFIED)
"""Headers that a 304 leaves as they were, where it does not have them itself."""
_HEADERS: Final = (*_STORED, hdrs.DATE, hdrs.AGE)
_LISTS: Final = (hdrs.CACHE_CONTROL, hdrs.VARY)
_VALIDATOR_MAX: Final = 1_024
"""Characters of a validator: it is sent with every revalidation."""


def caching_headers(response: ClientResponse) -> dict[str, str]:
    """Return the headers that decide about caching: the first field of a name, or all of a list."""
    headers = response.headers
    return {
        str(name): ", ".join(headers.getall(name)) if name in _LISTS else headers[name]
        for name in _HEADERS
        if name in headers
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedResponse:
    """An asset, the address that it came from after redirects, and the caching headers of its response."""

    fetched: Fetched
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def may_be_cached(self) -> bool:
        """Whether a cache may store it at all."""
        return may_be_cached(self.headers)

    @property
    def conditions(self) -> dict[str, str]:
        """Return the request headers that revalidate it; none where it has no validator."""
        validators = {
            hdrs.IF_NONE_MATCH: self.headers.get(hdrs.ETAG, ""),
            hdrs.IF_MODIFIED_SINCE: self.headers.get(hdrs.LAST_MODIFIED, ""),
        }
        return {
            str(name): value
            for name, value in validators.items()
            if 0 < len(value) <= _VALIDATOR_MAX and value.isascii() and value.isprintable()
        }

    def revalidated(self, headers: Mapping[str, str], *, now: float, time_of_day: float, at_most: float) -> Self:
        """Return it with the freshness of a 304 response, by `now` and `at_most` of the clock."""
        stored = {str(name): self.headers[name] for name in _STORED if name in self.headers}
        merged: dict[str, str] = {**stored, **headers}
        fresh_until = min(at_most, now + fresh_seconds(merged, time_of_day))
        return replace(self, fetched=replace(self.fetched, fresh_until=fresh_until), headers=merged)
