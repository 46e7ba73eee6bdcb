"""Freshness of HTTP responses: RFC 9111, section 4.2, for a shared cache."""

import email.utils
import re
from collections.abc import Mapping
from typing import Final

LIFETIME_MAX_SECONDS: Final = 365 * 86_400.0
_DIRECTIVE: Final = re.compile(r"([a-z-]+)(?:\s*=\s*(?:\"([^\"]*)\"|([^\s,;]+)))?")
_UNCACHEABLE: Final = frozenset({"no-store", "private"})


def fresh_seconds(headers: Mapping[str, str], now: float) -> float:
    """Return for how many seconds from now a response is fresh; 0 where it does not say, or may not be cached.

    `now` is the time of day, in seconds since 1970.
    """
    directives = _directives(headers.get("Cache-Control", ""))
    if not may_be_cached(headers) or "no-cache" in directives:
        return 0.0
    date = _time(headers.get("Date"))
    lifetime = _lifetime(headers, directives, now if date is None else date)
    apparent_age = 0.0 if date is None else max(0.0, now - date)
    age = max(apparent_age, _seconds(headers.get("Age", "")) or 0.0)
    return min(max(0.0, lifetime - age), LIFETIME_MAX_SECONDS)


def may_be_cached(headers: Mapping[str, str]) -> bool:
    """Say whether a response may be cached and, once it is stale, revalidated."""
    varies = {name.strip() for name in headers.get("Vary", "").split(",")}
    return not (_UNCACHEABLE & _directives(headers.get("Cache-Control", "")).keys() or "*" in varies)


def _lifetime(headers: Mapping[str, str], directives: Mapping[str, str], date: float) -> float:
    for name in ("s-maxage", "max-age"):
        if name in directives:
            return _seconds(directives[name]) or 0.0
    expires = _time(headers.get("Expires"))
    return 0.0 if expires is None else expires - date


def _directives(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, quoted, plain in _DIRECTIVE.findall(text.lower()):
        found.setdefault(name, quoted or plain)
    return found


def _seconds(text: str) -> float | None:
    return float(min(int(text), 2**31)) if re.fullmatch(r"[0-9]{1,20}", text.strip()) else None


def _time(text: str | None) -> float | None:
    try:
        return None if text is None else email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
