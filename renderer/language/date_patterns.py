"""Patterns of dates and times (Unicode TR 35), and the letters of other libraries that mean something else in them."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal

from renderer.language.advice.date_mistakes import (
    QUOTED,
    RUN,
    STYLES,
    likely_mistake,
    with_months_and_minutes,
    with_quoted_texts,
)

Kind = Literal["date", "time", "datetime"]

PATTERN_MAX_CHARACTERS: Final = 100
_DATE: Final = frozenset("GyYuQqMLwWdDEec")
_TIME: Final = frozenset("abBhHKkmsSzZOvVxX")
_FIELDS: Final[dict[Kind, frozenset[str]]] = {"date": _DATE, "time": _TIME, "datetime": _DATE | _TIME}
_ZONE: Final = re.compile(r"\s*(?:\([zZOvVxX]+\)|[zZOvVxX]+)")
_STRFTIME: Final = {
    "d": "dd",
    "m": "MM",
    "Y": "yyyy",
    "y": "yy",
    "B": "MMMM",
    "b": "MMM",
    "h": "MMM",
    "A": "EEEE",
    "a": "EEE",
    "H": "HH",
    "I": "hh",
    "M": "mm",
    "S": "ss",
    "p": "a",
    "j": "DDD",
    "Z": "z",
    "z": "Z",
    "e": "d",
    "F": "yyyy-MM-dd",
    "T": "HH:mm:ss",
    "R": "HH:mm",
    "D": "MM/dd/yy",
    "%": "%",
    "-d": "d",
    "-m": "M",
    "-H": "H",
    "-I": "h",
}
_DJANGO: Final = {
    "d": "dd",
    "j": "d",
    "D": "EEE",
    "l": "EEEE",
    "m": "MM",
    "n": "M",
    "M": "MMM",
    "b": "MMM",
    "N": "MMM",
    "F": "MMMM",
    "E": "MMMM",
    "Y": "yyyy",
    "y": "yy",
    "o": "YYYY",
    "W": "w",
    "z": "D",
    "g": "h",
    "G": "H",
    "h": "hh",
    "H": "HH",
    "i": "mm",
    "s": "ss",
    "A": "a",
    "a": "a",
    "P": "h:mm a",
    "e": "z",
}
# `D.M.Y` has no day of the month where `D` is a name: it is no pattern of Django or PHP, but day, month and year.
_DAY_AND_MONTH: Final = {"D": "dd", "M": "MM"}
_MOMENT: Final = {
    "YYYY": "yyyy",
    "YY": "yy",
    "DD": "dd",
    "D": "d",
    "dddd": "EEEE",
    "ddd": "EEE",
    "A": "a",
    "a": "a",
    "MMMM": "MMMM",
    "MMM": "MMM",
    "MM": "MM",
    "M": "M",
    "HH": "HH",
    "H": "H",
    "hh": "hh",
    "h": "h",
    "mm": "mm",
    "m": "m",
    "ss": "ss",
    "s": "s",
}

_MONTHS: Final = {"mm": "MM", "m": "M", "YYYY": "yyyy", "YY": "yy", "DD": "dd"}


@lru_cache(maxsize=512)
def pattern_problem(kind: Kind, pattern: str) -> str | None:
    """Return why a style or pattern is not one of `kind`, and what to write instead; None where it is one."""
    if len(pattern) > PATTERN_MAX_CHARACTERS:
        return "a style is short, medium, long, full or a pattern such as 'd MMMM y'"
    problem = _problem(kind, pattern)
    if problem is None:
        return None
    better = _suggestion(kind, pattern)
    return f"the pattern {pattern!r} does not fit: {problem}" + (f"; write {better!r}" if better else "")


def without_zone(pattern: str) -> str:
    """Return a pattern without the letters of time zones and what stands between them and the rest."""
    if pattern in STYLES:
        return pattern
    pieces = re.split("('[^']*')", pattern)
    return "".join(piece if piece.startswith("'") else _ZONE.sub("", piece) for piece in pieces)


def _problem(kind: Kind, pattern: str) -> str | None:
    if pattern in STYLES:
        return None
    if "%" in pattern:
        return "`%` is how strftime writes, a pattern is made of letters such as `yyyy-MM-dd`"
    runs = [match.group() for match in RUN.finditer(QUOTED.sub("''", pattern))]
    letters = {run[0] for run in runs}
    for run in runs:
        if run[0] not in _FIELDS[kind]:
            return _misplaced(kind, run)
    if "Y" in letters and "w" not in letters:
        return "`Y` is the year that a week belongs to, `y` is the year of the date"
    if "D" in letters and letters & {"M", "L"}:
        return "`D` counts the days of the year, `d` those of the month"
    return None


def _misplaced(kind: Kind, run: str) -> str:
    if run[0] in _TIME:
        return f"`{run}` is a part of the time of day, which `datetime` and `time` write"
    if run[0] in _DATE:
        return f"`{run}` is a part of the date, which `datetime` and `date` write"
    return f"`{run}` stands for nothing; put letters that are text between single quotes, as in \"d. 'de' MMMM\""


def _suggestion(kind: Kind, pattern: str) -> str | None:
    """Return the pattern that means what another library would make of this one."""
    attempts = (
        _from_strftime(pattern),
        _from_runs(pattern, _MOMENT),
        _from_letters(pattern),
        _from_case(kind, pattern),
        with_quoted_texts(pattern),
    )
    for translated in attempts:
        if translated is None:
            continue
        # PHP's `h:m` is the hour and the month as well.
        better = with_months_and_minutes(translated)
        if _problem(kind, better) is None and likely_mistake(better) is None:
            return better
    return None


def _from_strftime(pattern: str) -> str | None:
    if "%" not in pattern:
        return None
    return re.sub(r"%(-?[a-zA-Z%])", lambda match: _STRFTIME.get(match.group(1), match.group()), pattern)


def _from_runs(pattern: str, names: Mapping[str, str]) -> str | None:
    if not re.search("YYYY|YY|DD|dddd", pattern):
        return None
    return RUN.sub(lambda match: names.get(match.group(), match.group()), pattern)


def _from_letters(pattern: str) -> str | None:
    if any(len(match.group()) > 1 for match in RUN.finditer(pattern)):
        return None
    names = _DJANGO if set(pattern) & set("djl") else _DJANGO | _DAY_AND_MONTH
    return RUN.sub(lambda match: names.get(match.group(), match.group()), pattern)


def _from_case(kind: Kind, pattern: str) -> str | None:
    """Months and minutes taken for each other."""
    if kind == "date":
        return RUN.sub(lambda match: _MONTHS.get(match.group(), match.group()), pattern)
    return pattern.replace("M", "m") if kind == "time" else None
