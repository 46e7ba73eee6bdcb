"""Patterns that Babel writes without an error and that print something else than their author means."""

import pytest
from babel import Locale
from babel.localedata import locale_identifiers

from renderer.language.advice.date_mistakes import likely_mistake
from renderer.language.template import Template
from tests.renderer.language.reading import errors_of

MISTAKES = {
    "d de MMMM de yyyy": ("date", "d 'de' MMMM 'de' yyyy"),
    "d du MMMM": ("date", "d 'du' MMMM"),
    "EEEE am d. MMMM": ("date", "EEEE 'am' d. MMMM"),
    "d. MMMM um HH:mm": ("datetime", "d. MMMM 'um' HH:mm"),
    "d/M às HH:mm": ("datetime", "d/M 'às' HH:mm"),
    "d de MMMM HH:MM": ("datetime", "d 'de' MMMM HH:mm"),
    "HHhmm": ("time", "HH'h'mm"),
    "HH:mm h": ("time", "HH:mm 'h'"),
    "dd.MM.yyyy HH:MM": ("datetime", "dd.MM.yyyy HH:mm"),
    "MM/dd HH:MM": ("datetime", "MM/dd HH:mm"),
    "yyyyMMddHHMM": ("datetime", "yyyyMMddHHmm"),
    "H:M d/m": ("datetime", "H:m d/M"),
    "d/m H:mm": ("datetime", "d/M H:mm"),
    "d.m. HH:mm": ("datetime", "d.M. HH:mm"),
    "d mmmm yyyy HH:mm": ("datetime", "d MMMM yyyy HH:mm"),
    "d 'mm' yyyy mm": ("datetime", "d 'mm' yyyy MM"),
    "HH:mm:SS": ("time", "HH:mm:ss"),
    "yyyy-ww": ("date", "YYYY-ww"),
    "w yyyy": ("date", "w YYYY"),
    "yyyy-'W'WW": ("date", "YYYY-'W'ww"),
    "dddd, d MMMM": ("date", "EEEE, d MMMM"),
    "d 'o''clock": ("date", "an apostrophe is written as two"),
}
MEANT = (
    *("yyyyMMdd", "HHmm", "yyyyMMddHHmmss", "h:mma", "ha", "mm:ss", "mm:ss.SS", "MMM d, yyyy", "EEEE", "EEEd", "MMMyy"),
    *("YYYY-'W'ww", "YYYY-ww-e", "dd.MM.yyyy '(KW' ww')'", "yyyyDDD", "QQQ yyyy", "d 'o''clock'", "HH'h'mm"),
    *("d 'de' MMMM 'de' yyyy", "hh:mm a (HH:mm)", "y年M月d日", "HH:mmZ", "HH:mm:ssz", "HH.mm, d.M.y"),
    *("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "dd MMM yyyy mm", "d. E H:mm", "yyyy.MM.dd.HH.mm", "short", "medium", "full"),
)


@pytest.mark.parametrize(("pattern", "expected"), MISTAKES.items())
def test_a_pattern_that_prints_something_else_is_refused_at_upload(pattern: str, expected: tuple[str, str]) -> None:
    """The answer holds the pattern to write, which is accepted."""
    kind, better = expected
    (error,) = errors_of("{{ x | " + f'{kind}("{pattern}")' + " }}")

    assert "does not fit" in error.message
    assert better in error.message
    assert better.startswith("an apostrophe") or likely_mistake(better) is None


@pytest.mark.parametrize("pattern", MEANT)
def test_a_pattern_that_is_meant_is_accepted(pattern: str) -> None:
    """Compact patterns, quoted texts and weeks with their own year are no mistakes."""
    assert likely_mistake(pattern) is None


def test_no_pattern_of_cldr_is_a_mistake() -> None:
    """Whatever a locale writes itself can be written in a template."""
    patterns = set()
    for name in locale_identifiers():
        locale = Locale.parse(name)
        patterns |= {each.pattern for each in (*locale.date_formats.values(), *locale.time_formats.values())}
        patterns |= {str(getattr(each, "pattern", each)) for each in locale.datetime_skeletons.values()}

    assert len(patterns) > 1_000
    assert {pattern: likely_mistake(pattern) for pattern in patterns if likely_mistake(pattern)} == {}


@pytest.mark.parametrize(
    "html",
    ["{{ x|date('d de MMMM', l) }}", "{{ xs|map('date', 'd de MMMM')|join }}", "{{ x|date(style='d de MMMM') }}"],
)
def test_a_pattern_is_checked_wherever_it_stands(html: str) -> None:
    """A locale from data, a keyword and `map` make no difference."""
    assert "write \"d 'de' MMMM\"" in errors_of(html)[0].message


def test_a_version_that_has_such_a_pattern_is_still_drawn() -> None:
    """It was accepted once, so only new uploads are refused."""
    assert Template("{{ x|date('d de') }}").render({"x": "2025-01-31"}) == "31 316"
