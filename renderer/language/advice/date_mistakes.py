"""Patterns of dates and times that fit and nevertheless print something wrong: for uploads, not for what is drawn.

Each letter of a pattern is a field, so a word that is not quoted is printed as days, weekdays and hours, and `MM`
beside the hour prints the month. Babel writes all of that without an error.
"""

import re
from collections.abc import Iterator
from typing import Final

import regex

STYLES: Final = ("short", "medium", "long", "full")
QUOTED: Final = re.compile(r"'[^']*(?:'|\Z)")
RUN: Final = re.compile(r"([A-Za-z])\1*")
_WORD: Final = regex.compile(r"\p{Latin}+")
_KINDS: Final = {
    letter: kind
    for kind, letters in {
        "era": "G",
        "year": "yYu",
        "quarter": "Qq",
        "month": "ML",
        "week": "wW",
        "day": "dD",
        "weekday": "Eec",
        "period": "abB",
        "hour": "hHkK",
        "minute": "m",
        "second": "s",
        "fraction": "S",
        "zone": "zZOvVxX",
    }.items()
    for letter in letters
}
_TIMES: Final = ("hour", "minute", "second", "fraction")
_AFTER_HOUR: Final = re.compile(r"[hHkK][:.]?\Z")
_BEFORE_SECOND: Final = re.compile(r"[:.]?s")
_AFTER_DATE: Final = re.compile(r"[dy](?:[./-] ?)?\Z")
_BEFORE_DATE: Final = re.compile(r"(?:[./-] ?)?[dy]")
_NO_NAME: Final = 2
"""The longest number of a month, day, hour or minute; a longer run of `M` is a name."""


def likely_mistake(pattern: str) -> str | None:
    """Return why a pattern that fits is hardly what is meant, and what to write."""
    if pattern in STYLES:
        return None
    found = _mistake(pattern)
    if found is None:
        return None
    reason, better = found
    while better is not None and (next_found := _mistake(better)) is not None:
        better = next_found[1]
    return f"the pattern {pattern!r} does not fit: {reason}" + (f"; write {better!r}" if better else "")


def with_months_and_minutes(pattern: str) -> str:
    """Return the pattern with `M` where the month stands and `m` where the minute stands."""
    plain = _unquoted(pattern)
    pieces = list(pattern)
    for match in RUN.finditer(plain):
        before, after = plain[: match.start()], plain[match.end() :]
        run = match.group()
        is_timed = _AFTER_HOUR.search(before) or _BEFORE_SECOND.match(after)
        is_dated = _AFTER_DATE.search(before) or _BEFORE_DATE.match(after) or len(run) > _NO_NAME
        if run[0] == "m" and is_dated and not is_timed:
            pieces[match.start() : match.end()] = run.upper()
        elif run[0] == "M" and is_timed and len(run) <= _NO_NAME:
            pieces[match.start() : match.end()] = run.lower()
    exchanged = "".join(pieces)
    return _with_month(exchanged) if exchanged == pattern else exchanged


def with_quoted_texts(pattern: str) -> str:
    """Return the pattern with what is probably text between single quotes."""
    for start, end in reversed(list(_texts(_unquoted(pattern)))):
        pattern = f"{pattern[:start]}'{pattern[start:end]}'{pattern[end:]}"
    return pattern


def _mistake(pattern: str) -> tuple[str, str | None] | None:
    """Return the reason and a better pattern."""
    if pattern.count("'") % 2:
        return "a single quote is not closed; an apostrophe is written as two: \"h 'o''clock'\"", None
    plain = _unquoted(pattern)
    exchanged = with_months_and_minutes(pattern)
    if exchanged != pattern:
        return "`m` is the minute, `M` is the month", exchanged
    texts = list(_texts(plain))
    if texts:
        start, end = texts[0]
        reason = "is read as letters that stand for parts of the date or time; put text between single quotes"
        return f"`{pattern[start:end]}` {reason}", with_quoted_texts(pattern)
    return _wrong_field(pattern, plain)


def _wrong_field(pattern: str, plain: str) -> tuple[str, str] | None:
    letters = set(plain)
    if "S" in letters and "s" not in letters and "m" in letters:
        return "`S` is a fraction of a second, `s` is the second", _replaced(pattern, plain, {"S": "s"})
    if letters & {"w", "W"} and "y" in letters and not letters & set("MLdDQq"):
        reason = "`y` is the year of a date, `Y` the year that a week `w` of the year belongs to"
        return reason, _replaced(pattern, plain, {"y": "Y", "W": "w"})
    if re.search("d{3}", plain):
        names = {"ddd": "EEE", "dddd": "EEEE"}
        return "`d` is the number of the day, `E` its name", RUN.sub(lambda m: names.get(m[0], m[0]), pattern)
    return None


def _replaced(pattern: str, plain: str, letters: dict[str, str]) -> str:
    return "".join(
        letters.get(letter, letter) if letter == shown else letter for letter, shown in zip(pattern, plain, strict=True)
    )


def _unquoted(pattern: str) -> str:
    """Return the pattern with as many U+0000 for each text between quotes."""
    return QUOTED.sub(lambda match: "\0" * len(match.group()), pattern)


def _with_month(pattern: str) -> str:
    """Return a pattern that has a day, a year and minutes, and neither a month nor an hour, with a month."""
    runs = [match.group() for match in RUN.finditer(_unquoted(pattern))]
    letters = {run[0] for run in runs}
    minutes = [run for run in runs if run[0] == "m"]
    is_date = {"y", "d"} <= letters and not letters & set("MLEceDwWQq")
    if not is_date or not (len(minutes) > 1 or (minutes and not letters & set("hHkK"))):
        return pattern
    start = _unquoted(pattern).index("m")
    return pattern[:start] + re.sub("^m+", lambda match: match.group().upper(), pattern[start:])


def _texts(plain: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each part that is a text rather than fields of a date."""
    letters = set(plain)
    for word in _WORD.finditer(plain):
        runs = list(RUN.finditer(plain, word.start(), word.end()))
        hours = [run for run in runs if run.group() == "h"] if "H" in letters and not letters & set("abB") else []
        if hours:
            # `18h05` and `18:05 h`: the hour of twelve beside that of 24.
            yield from (run.span() for run in hours)
        elif runs and (not word.group().isascii() or _is_text([run.group() for run in runs])):
            yield word.span()


def _is_text(runs: list[str]) -> bool:
    """Say whether runs of letters without anything between them are no fields, as `yyyyMMdd` and `HHmm` are."""
    kinds = [_KINDS.get(run[0], "") for run in runs]
    if len(runs) < 2:
        return False
    if len(set(kinds)) < len(kinds):
        return True
    around = zip(["", *kinds[:-1]], runs, [*kinds[1:], ""], strict=True)
    return any(not _suits(before, run, after, kinds) for before, run, after in around)


def _suits(before: str, run: str, after: str, kinds: list[str]) -> bool:
    suits = {
        "weekday": run[0] == "E" or before == "week",
        "year": run[0] != "u" or "month" in kinds,
        "period": after == "hour" or (before in _TIMES and after in ("", "zone")),
        "minute": before == "hour" or after == "second" or (not before and after in ("period", "zone")),
        "second": before == "minute" or (not before and after in ("fraction", "period", "zone")),
        "fraction": before in ("minute", "second") or (not before and after in ("", "period", "zone")),
        "zone": (before in _TIMES or before == "period") and not after,
    }
    return suits.get(_KINDS.get(run[0], ""), True)
