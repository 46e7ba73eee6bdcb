"""The filters of templates that are ours: text, dates, numbers, money and the rating.

Each takes the value and what the template adds; a value that does not fit raises ValueRefusedError.
"""

import inspect
from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, Final

import regex
from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent
from jinja2 import Undefined
from markupsafe import Markup, soft_str

from renderer.language.stars import stars_svg
from renderer.language.values import ValueRefusedError, moment_of, number_of

DEFAULT_LOCALE: Final = "en-US"
DEFAULT_TRUNCATION: Final = 255
LEEWAY: Final = 5
_GRAPHEME: Final = regex.compile(r"\X")
_STYLES: Final = ("short", "medium", "long", "full")
_PATTERN_MAX_CHARACTERS: Final = 100
_COMPACTED_FROM: Final = 1000


def default(value: Any, other: Any = "", boolean: bool = False) -> Any:
    """Return `other` where the value is not given or null, or, with `boolean`, empty."""
    if value is None or isinstance(value, Undefined) or (boolean and not value):
        return other
    return value


def truncate(
    value: Any,
    length: int = DEFAULT_TRUNCATION,
    killwords: bool = False,
    end: str = "...",
    leeway: int = LEEWAY,
) -> str:
    """Return at most `length` characters, `end` included, cut between words unless `killwords` is set.

    A text that is longer by no more than `leeway` is left whole. Characters are those that a reader sees (grapheme
    clusters of UAX 29): a flag, a family or a letter with its marks is never cut.
    """
    characters, ending = graphemes(str.__str__(soft_str(value))), str(end)
    if length < len(ending):
        raise ValueRefusedError(f"truncate: a length of {length!r} leaves no room for {ending!r}")
    if len(characters) <= length + leeway:
        return "".join(characters)
    kept = "".join(characters[: length - len(ending)])
    return (kept if killwords else kept.rsplit(" ", 1)[0]) + ending


def graphemes(text: str) -> list[str]:
    """Return the grapheme clusters of a text."""
    return list(text) if text.isascii() else _GRAPHEME.findall(text)


def split(value: Any, separator: str | None = None, maxsplits: int = -1) -> list[str]:
    """Return the parts of a text between separators; without one, between runs of whitespace."""
    return str.__str__(soft_str(value)).split(separator, maxsplits)


def truth(value: Any) -> bool:
    """Return whether there is anything in the value."""
    return bool(value)


def number(value: Any, locale: str = DEFAULT_LOCALE, decimals: int | None = None) -> str:
    """Return the number as the locale writes it, with its own decimals (3 at most) or exactly `decimals` (0-20)."""
    known = locale_of(locale)
    written = format_decimal(
        number_of(value), format=_pattern("#,##0", decimals), locale=known, numbering_system="default"
    )
    return _in_own_digits(written, known)


def percent(value: Any, locale: str = DEFAULT_LOCALE, decimals: int = 0) -> str:
    """Return a share as the locale writes percentages: 0.87 is 87 %."""
    known = locale_of(locale)
    pattern = known.percent_formats[None].pattern.replace("#,##0", _pattern("#,##0", decimals) or "")
    written = format_percent(number_of(value), format=pattern, locale=known, numbering_system="default")
    return _in_own_digits(written, known)


def compact(value: Any, locale: str = DEFAULT_LOCALE, decimals: int = 1) -> str:
    """Return the number in short: 12,345 is 12.3K."""
    if not isinstance(decimals, int) or not 0 <= decimals <= 3:
        raise ValueRefusedError(f"compact: decimals are 0 to 3, got {decimals!r}")
    known = locale_of(locale)
    amount = number_of(value)
    if abs(amount) < _COMPACTED_FROM:
        # Babel leaves these as they are, with all their decimals.
        amount = round(amount, decimals)
    written = format_compact_decimal(amount, locale=known, fraction_digits=decimals, numbering_system="default")
    return _in_own_digits(written, known)


def money(value: Any, currency: str, locale: str = DEFAULT_LOCALE) -> str:
    """Return the amount in `currency` (ISO 4217), with the decimals that the currency has, as the locale writes it."""
    if not isinstance(currency, str) or currency not in _currencies():
        raise ValueRefusedError(f"money: {currency!r} is no currency of ISO 4217 such as 'EUR'")
    known = locale_of(locale)
    return _in_own_digits(format_currency(number_of(value), currency, locale=known, numbering_system="default"), known)


def format_a_date(value: Any, style: str = "medium", locale: str = DEFAULT_LOCALE) -> str:
    """Return the date in `style`: short, medium, long, full, or a pattern of Unicode TR 35 such as `d MMMM y`."""
    return _formatted("date", format_date, moment_of(value), style, locale)


def format_a_time(value: Any, style: str = "short", locale: str = DEFAULT_LOCALE) -> str:
    """Return the time of day in `style`, in the value's own time zone."""
    moment = moment_of(value)
    if not isinstance(moment, datetime):
        raise ValueRefusedError(f"time: {value!r} has no time of day")
    return _formatted("time", format_time, moment.timetz(), style, locale)


def format_a_datetime(value: Any, style: str = "medium", locale: str = DEFAULT_LOCALE) -> str:
    """Return date and time of day in `style`, in the value's own time zone."""
    moment = moment_of(value)
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    return _formatted("datetime", _as_it_says, moment, style, locale)


def stars(value: Any) -> Markup:
    """Return five stars in SVG, filled up to the rating, 0 to 5, decimals drawn."""
    rating = number_of(value)
    if not 0 <= rating <= 5:
        raise ValueRefusedError(f"must be a rating from 0 to 5, got {rating}")
    return stars_svg(abs(float(rating)))


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "default": default,
    "d": default,
    "truncate": truncate,
    "split": split,
    "bool": truth,
    "number": number,
    "percent": percent,
    "compact": compact,
    "money": money,
    "date": format_a_date,
    "time": format_a_time,
    "datetime": format_a_datetime,
    "stars": stars,
}
_SIGNATURES: Final = {name: inspect.signature(function) for name, function in FILTERS.items()}


class FilterCallError(ValueError):
    """A filter is used with arguments that it does not take."""


def check_filter_call(name: str, positional: int, keywords: Iterable[str]) -> None:
    """Raise FilterCallError where one of our filters does not take this many arguments, or not of these names."""
    try:
        _SIGNATURES[name].bind(None, *[None] * positional, **dict.fromkeys(keywords))
    except TypeError as error:
        raise FilterCallError(f"`{name}`: {error}") from None


@lru_cache(maxsize=64)
def locale_of(name: str) -> Locale:
    """Return the locale of a name such as `de-DE`. Raises ValueRefusedError where there is none."""
    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError, AttributeError):
        raise ValueRefusedError(f"{name!r} is no locale such as 'de-DE'") from None


def _pattern(whole: str, decimals: int | None) -> str | None:
    if decimals is None:
        return None
    if not isinstance(decimals, int) or not 0 <= decimals <= 20:
        raise ValueRefusedError(f"decimals are 0 to 20, got {decimals!r}")
    return whole + ("." + "0" * decimals if decimals else "")


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


def _in_own_digits(text: str, locale: Locale) -> str:
    zero = _ZEROS.get(locale.default_numbering_system)
    return text if zero is None else text.translate({ord("0") + digit: zero + digit for digit in range(10)})


@lru_cache(maxsize=1)
def _currencies() -> frozenset[str]:
    return frozenset(get_global("all_currencies"))


def _as_it_says(moment: datetime, style: str, locale: Locale) -> str:
    # Babel would convert to UTC; a poster shows the time that the data says.
    return format_datetime(moment, style, tzinfo=moment.tzinfo, locale=locale)


def _formatted(name: str, function: Callable[..., str], moment: date | time, style: str, locale: str) -> str:
    if not isinstance(style, str) or len(style) > _PATTERN_MAX_CHARACTERS:
        raise ValueRefusedError(f"{name}: a style is short, medium, long, full or a pattern such as 'd MMMM y'")
    known = locale_of(locale)
    try:
        return _in_own_digits(function(moment, style, locale=known), known)
    except (ValueError, AttributeError, KeyError, LookupError) as error:
        raise ValueRefusedError(f"{name}: the pattern {style!r} does not fit: {error}") from None
