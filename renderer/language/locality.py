"""The locale and time zone that filters take where the template names none: those of the poster's output."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

from babel import Locale, UnknownLocaleError
from babel.core import get_global, parse_locale

from renderer.language.time_zones import time_zone
from renderer.language.values import ValueRefusedError, described

DEFAULT_LOCALE: Final = "en-US"
_UNKNOWN_REGION: Final = "ZZ"


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


def unknown_locale(name: str | None) -> str | None:
    """Return what to know of the locale of a poster's output that filters do not know; None for a known one."""
    if name is None or _parsed(name) is not None:
        return None
    taken = str(_nearest(name)).replace("_", "-")
    return f"filters do not know the locale {described(name)} of `output`, and write as in {taken}"


@lru_cache(maxsize=64)
def _named(name: object) -> Locale:
    known = _parsed(str(name))
    if known is None:
        advice = f"; for decimals write `decimals={name}`" if isinstance(name, int) else ""
        raise ValueRefusedError(f"{name!r} is no locale such as 'de-DE'{advice}")
    return known


@lru_cache(maxsize=64)
def _parsed(name: str) -> Locale | None:
    """Return the locale of a name, None for a name of none.

    A language in a country that has no conventions of its own for it, such as `fr-DE`, is written as in general.
    """
    name = name.replace("-", "_")
    try:
        return Locale.parse(name)
    except UnknownLocaleError:
        language, territory, script, *_ = parse_locale(name)
        return _parsed("_".join(filter(None, (language, script)))) if territory in _territories() else None
    except (ValueError, TypeError, AttributeError):
        return None


@lru_cache(maxsize=64)
def _nearest(name: str) -> Locale:
    """Return the locale that the beginning of a name is one of: `de` for `de-XX`, else that of US English."""
    parts = name.replace("-", "_").split("_")
    beginnings = (_parsed("_".join(parts[:count])) for count in range(len(parts), 0, -1))
    return next((known for known in beginnings if known is not None), _named(DEFAULT_LOCALE))


@lru_cache(maxsize=1)
def _territories() -> frozenset[str]:
    return frozenset(_named(DEFAULT_LOCALE).territories) - {_UNKNOWN_REGION}


@lru_cache(maxsize=64)
def _locality(locale: str, timezone: str | None) -> Locality:
    # A browser takes any name for its locale, so no poster fails for one that only filters do not know: it has a
    # warning, see `unknown_locale`. Where there is no such zone, times stay as the data gives them: Chromium, which
    # gets the same name, refuses it with `output_invalid`, so that no image shows them.
    return Locality(_nearest(locale), None if timezone is None else time_zone(timezone))


_NOTHING_SAID: Final = Locality(Locale("en", "US"), None)
_current: Final = ContextVar("locality", default=_NOTHING_SAID)
