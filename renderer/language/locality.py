"""The locale and time zone that filters take where the template names none: those of the poster's output."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

from babel import Locale, UnknownLocaleError
from babel.core import get_global

from renderer.language.time_zones import time_zone
from renderer.language.values import ValueRefusedError

DEFAULT_LOCALE: Final = "en-US"


class Locality(NamedTuple):
    """`zone` is None where times stay as the data gives them."""

    locale: Locale
    zone: tzinfo | None


@contextmanager
def located(locale: str | None, timezone: str | None) -> Iterator[None]:
    """Take these as defaults; a time zone that does not exist counts as none."""
    token = _current.set(_locality(locale or DEFAULT_LOCALE, timezone))
    try:
        yield
    finally:
        _current.reset(token)


def current_zone() -> tzinfo | None:
    """Return the time zone of the poster, if it has one."""
    return _current.get().zone


def locale_of(name: str | None) -> Locale:
    """Return the locale of a name such as `de-DE`, or that of the poster. Raises ValueRefusedError for other names."""
    return _current.get().locale if name is None else _named(name)


# Babel writes the marks of a numbering system with the digits of another; these are the zeros of those it has.
_ZEROS: Final = {
    "adlm": 0x1E950,
    "arab": 0x0660,
    "arabext": 0x06F0,
    "beng": 0x09E6,
    "cakm": 0x11136,
    "deva": 0x0966,
    "hmnp": 0x1E140,
    "mtei": 0xABF0,
    "mymr": 0x1040,
    "nkoo": 0x07C0,
    "olck": 0x1C50,
    "tibt": 0x0F20,
}


def in_own_digits(text: str, locale: Locale) -> str:
    """Return the text with the digits that the locale writes."""
    zero = _ZEROS.get(locale.default_numbering_system)
    return text if zero is None else text.translate({ord("0") + digit: zero + digit for digit in range(10)})


@lru_cache(maxsize=1)
def currencies() -> frozenset[str]:
    """Return the codes of ISO 4217."""
    return frozenset(get_global("all_currencies"))


@lru_cache(maxsize=64)
def _named(name: object) -> Locale:
    try:
        return Locale.parse(str(name).replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError, AttributeError):
        advice = f"; for decimals write `decimals={name}`" if isinstance(name, int) else ""
        raise ValueRefusedError(f"{name!r} is no locale such as 'de-DE'{advice}") from None


@lru_cache(maxsize=64)
def _locality(locale: str, timezone: str | None) -> Locality:
    try:
        known = _named(locale)
    except ValueRefusedError:
        # A browser takes any name for its locale, so no poster fails for one that only Babel does not know.
        known = _named(DEFAULT_LOCALE)
    # Where there is no such zone, times stay as the data gives them: Chromium, which gets the same name, refuses it
    # with `output_invalid`, so that no image shows them.
    return Locality(known, None if timezone is None else time_zone(timezone))


_NOTHING_SAID: Final = Locality(Locale("en", "US"), None)
_current: Final = ContextVar("locality", default=_NOTHING_SAID)
