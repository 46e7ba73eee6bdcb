"""The filters of templates that are ours: text, dates, numbers, money and the rating.

Each takes the value and what the template adds; a value that does not fit raises ValueRefusedError.
"""

import decimal
import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, time
from decimal import Decimal
from functools import partial
from typing import Any, Final

import regex
from babel import Locale
from babel.dates import format_date, format_datetime, format_time, get_datetime_format
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent, parse_pattern
from jinja2 import Undefined
from jinja2.filters import do_indent
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup, escape, soft_str

from renderer.language.date_patterns import Kind, pattern_problem, without_zone
from renderer.language.locality import currencies, current_zone, in_own_digits, locale_of
from renderer.language.stars import stars_svg
from renderer.language.values import ValueRefusedError, described, moment_of, number_of, read
from schemas.addresses import BLANKS

DEFAULT_TRUNCATION: Final = 255
LEEWAY: Final = 5
INDENT_MAX: Final = 16
_GRAPHEME: Final = regex.compile(r"\X")
_TIME_ALONE: Final = re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?")
_WITH_ZONE: Final = ("long", "full")
_GROUPED_IN_SHORT: Final = re.compile(r"[0-9]{5,}")
"""Digits of a number in short that are grouped: four stand together, as in CLDR's examples and in scripts."""
# Enough for every float, written out in full.
_DIGITS: Final = 700


def default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    """Return `default_value` where the value is not given or null, or, with `boolean`, empty."""
    if value is None or isinstance(value, Undefined) or (boolean and not value):
        return default_value
    return value


def truncate(
    value: Any,
    length: int = DEFAULT_TRUNCATION,
    killwords: bool = False,
    end: str = "...",
    leeway: int | None = None,
) -> str:
    """Return at most `length` characters, `end` included, cut between words unless `killwords` is set.

    A text that is longer by no more than `leeway`, 5, is left whole. Characters are those that a reader sees (grapheme
    clusters of UAX 29): a flag, a family or a letter with its marks is never cut.
    """
    characters, ending = graphemes(read(soft_str(value))), str(end)
    if not isinstance(length, int | float):
        raise ValueRefusedError(f"truncate: a length is a number of characters such as 80, got {described(length)}")
    if length < len(ending):
        raise ValueRefusedError(f"truncate: a length of {length!r} leaves no room for {ending!r}")
    if len(characters) <= length + (LEEWAY if leeway is None else leeway):
        return "".join(characters)
    kept = "".join(characters[: length - len(ending)])
    return (kept if killwords else kept.rsplit(" ", 1)[0]) + ending


def graphemes(text: str) -> list[str]:
    """Return the grapheme clusters of a text."""
    return list(text) if text.isascii() else _GRAPHEME.findall(text)


def split(value: Any, separator: str | None = None, maxsplits: int = -1) -> list[str]:
    """Return the parts of a text between separators; without one, between runs of whitespace."""
    return read(soft_str(value)).split(separator, maxsplits)


def indent(s: Any, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    """Return the text with its lines indented, as Jinja2 does, which would take `width` for markup."""
    if isinstance(width, str):
        width = escape(width) if isinstance(s, Markup) else str.__str__(width)
    return do_indent(s, width, first, blank)


def tojson(value: Any, indent: int | None = None) -> Markup:
    """Return JSON that can stand in a script or a single-quoted attribute; `indent` counts spaces."""
    if indent is not None and not (isinstance(indent, int) and 0 <= indent <= INDENT_MAX):
        raise ValueRefusedError(f"tojson: an indent is 0 to {INDENT_MAX} spaces, got {indent!r}")
    return htmlsafe_json_dumps(value, dumps=_dumps, indent=indent)


def truth(value: Any) -> bool:
    """Return whether there is anything in the value."""
    return bool(value)


def number(value: Any, locale: str | None = None, decimals: int | None = None) -> str:
    """Return the number as the locale writes it, with its own decimals (3 at most) or exactly `decimals` (0-20)."""
    known = locale_of(locale)
    pattern = _pattern(known.decimal_formats[None].pattern.partition(".")[0], decimals)
    with _halves_up():
        written = format_decimal(_exact(value), format=pattern, locale=known, numbering_system="default")
    return in_own_digits(written, known)


def percent(value: Any, locale: str | None = None, decimals: int = 0) -> str:
    """Return a share as the locale writes percentages: 0.87 is 87 %."""
    known = locale_of(locale)
    pattern = known.percent_formats[None].pattern.replace("#,##0", _pattern("#,##0", decimals) or "")
    with _halves_up():
        written = format_percent(_exact(value), format=pattern, locale=known, numbering_system="default")
    return in_own_digits(written, known)


def compact(value: Any, locale: str | None = None, decimals: int = 1) -> str:
    """Return the number in short: 12,345 is 12.3K."""
    if not isinstance(decimals, int) or not 0 <= decimals <= 3:
        raise ValueRefusedError(f"compact: decimals are 0 to 3, got {decimals!r}")
    known = locale_of(locale)
    with _halves_up():
        amount = _rounded_in_short(_exact(value), decimals, known)
        written = format_compact_decimal(amount, locale=known, fraction_digits=decimals, numbering_system="default")
    return in_own_digits(_GROUPED_IN_SHORT.sub(lambda digits: number(digits[0], locale), written), known)


def money(value: Any, currency: str, locale: str | None = None) -> str:
    """Return the amount in `currency` (ISO 4217), with the decimals that the currency has, as the locale writes it."""
    if not isinstance(currency, str) or currency not in currencies():
        code = str(currency).upper()
        advice = f"; write {code!r}" if code in currencies() else " such as 'EUR'"
        raise ValueRefusedError(f"money: {currency!r} is no currency of ISO 4217{advice}")
    known = locale_of(locale)
    with _halves_up():
        written = format_currency(_exact(value), currency, locale=known, numbering_system="default")
    return in_own_digits(written, known)


def format_a_date(value: Any, style: str = "medium", locale: str | None = None) -> str:
    """Return the date in `style`: short, medium, long, full, or a pattern of Unicode TR 35 such as `d MMMM y`."""
    moment = moment_of(value)
    return _formatted("date", format_date, _in_zone(moment) if isinstance(moment, datetime) else moment, style, locale)


def format_a_time(value: Any, style: str = "short", locale: str | None = None) -> str:
    """Return the time of day in `style`, in the poster's time zone if it has one and the value says its own."""
    if isinstance(value, str) and _TIME_ALONE.fullmatch(value.strip(BLANKS)):
        raise ValueRefusedError(
            f"time: {described(value)} has no date; send both, such as '2025-01-31T18:05', or print it without `time`"
        )
    moment = moment_of(value)
    if not isinstance(moment, datetime):
        raise ValueRefusedError(f"time: {value!r} has no time of day")
    moment = _in_zone(moment)
    write = _time_alone if moment.tzinfo is None else partial(format_time, tzinfo=moment.tzinfo)
    return _formatted("time", write, moment, style, locale)


def format_a_datetime(value: Any, style: str = "medium", locale: str | None = None) -> str:
    """Return date and time of day in `style`, in the poster's time zone if it has one and the value says its own."""
    moment = moment_of(value)
    moment = _in_zone(moment) if isinstance(moment, datetime) else datetime.combine(moment, time())
    # Without `tzinfo`, Babel would convert to UTC.
    write = _datetime_alone if moment.tzinfo is None else partial(format_datetime, tzinfo=moment.tzinfo)
    return _formatted("datetime", write, moment, style, locale)


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
    "indent": indent,
    "tojson": tojson,
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
DATE_FILTERS: Final[dict[str, Kind]] = {"date": "date", "time": "time", "datetime": "datetime"}


def _exact(value: Any) -> Decimal:
    """Return the decimal number that is written, not the binary one that is nearest to it."""
    number = number_of(value)
    # A text may have more digits than a binary number holds.
    return Decimal(read(value).strip(BLANKS) if isinstance(value, str) else repr(number))


def _rounded_in_short(amount: Decimal, decimals: int, locale: Locale) -> Decimal:
    """Return the amount with the decimals of its unit, so that 999,999 is a million and not 1000 thousand.

    Babel takes the unit of the amount before it is rounded, and leaves what has no unit with all its decimals.
    """
    patterns = locale.compact_decimal_formats["short"]["other"]
    magnitude = max((int(each) for each in patterns if abs(amount) >= int(each)), default=1)
    pattern = parse_pattern(patterns[str(magnitude)]).pattern if magnitude > 1 else "0"
    unit = 1 if pattern == "0" else magnitude // 10 ** (pattern.count("0") - 1)
    return round(amount / unit, decimals) * unit


def _halves_up() -> AbstractContextManager[Any]:
    return decimal.localcontext(decimal.Context(prec=_DIGITS, rounding=decimal.ROUND_HALF_UP))


def _pattern(whole: str, decimals: int | None) -> str | None:
    if decimals is None:
        return None
    if not isinstance(decimals, int) or not 0 <= decimals <= 20:
        raise ValueRefusedError(f"decimals are 0 to 20, got {decimals!r}")
    return whole + ("." + "0" * decimals if decimals else "")


def _in_zone(moment: datetime) -> datetime:
    zone = current_zone()
    return moment if zone is None or moment.tzinfo is None else moment.astimezone(zone)


def _time_alone(moment: datetime, style: str, locale: Locale) -> str:
    """Return the time of a moment that names no time zone: without one, where Babel would write UTC."""
    return format_time(moment, "medium" if style in _WITH_ZONE else without_zone(style), locale=locale)


def _datetime_alone(moment: datetime, style: str, locale: Locale) -> str:
    if style not in _WITH_ZONE:
        return format_datetime(moment, without_zone(style), locale=locale)
    both = str(get_datetime_format("full" if style == "full" else "long", locale=locale)).replace("'", "")
    day, hour = format_date(moment, style, locale=locale), _time_alone(moment, style, locale)
    return both.replace("{0}", hour).replace("{1}", day)


def _formatted(kind: Kind, function: Callable[..., str], moment: Any, style: str, locale: str | None) -> str:
    if not isinstance(style, str):
        raise ValueRefusedError(f"{kind}: a style is short, medium, long, full or a pattern such as 'd MMMM y'")
    problem = pattern_problem(kind, style)
    if problem is not None:
        raise ValueRefusedError(f"{kind}: {problem}")
    known: Locale = locale_of(locale)
    try:
        return in_own_digits(function(moment, style, locale=known), known)
    except (ValueError, AttributeError, LookupError, OverflowError) as error:
        raise ValueRefusedError(f"{kind}: the pattern {style!r} does not fit: {error}") from None


def _dumps(value: Any, **options: Any) -> str:
    return json.dumps(value, sort_keys=True, default=_unwritable, **options)


def _unwritable(value: Any) -> Any:
    if isinstance(value, Undefined):
        raise ValueRefusedError("has no value, which `tojson` could write; `| default(none) | tojson` writes null")
    raise ValueRefusedError(f"is a {type(value).__name__}, which `tojson` cannot write; put `| list` before it")
