"""Locales: filters write as they say, and a name of none is an error or a warning, never English in silence."""

import pytest

from renderer.language.locality import unknown_locale
from renderer.language.template import Template, TemplateDataProblemError
from tests.renderer.language.reading import errors_of

NARROW = "\u202f"
NUMBER = "{{ x|number(decimals=1) }}"
WRITTEN = {
    "de-DE": "1.234,5",
    "de_DE": "1.234,5",
    "fr-DE": f"1{NARROW}234,5",
    "de-US": "1.234,5",
    "zh-Hant-DE": "1,234.5",
    "sr-Latn-DE": "1.234,5",
    "iw": "1,234.5",
}
NEAREST = {
    "de-XX": ("1.234,5", "de"),
    "de-DE-u-nu-latn": ("1.234,5", "de-DE"),
    "fr--FR": (f"1{NARROW}234,5", "fr"),
    "tlh-QX": ("1,234.5", "en-US"),
    "german": ("1,234.5", "en-US"),
    "de DE": ("1,234.5", "en-US"),
    "": ("1,234.5", "en-US"),
}
"""What is written, and the locale that the warning names."""


@pytest.mark.parametrize(("locale", "written"), WRITTEN.items())
def test_a_known_locale_is_no_warning(locale: str, written: str) -> None:
    """A language in a country without conventions of its own for it is written as everywhere else."""
    assert Template(NUMBER).render({"x": 1234.5}, locale=locale) == written
    assert Template("{{ x|number(l, 1) }}").render({"x": 1234.5, "l": locale}) == written
    assert errors_of("{{ x|number('" + locale + "', 1) }}") == []
    assert unknown_locale(locale) is None


@pytest.mark.parametrize(("locale", "nearest"), NEAREST.items())
def test_an_unknown_locale_of_the_output_is_told_of(locale: str, nearest: tuple[str, str]) -> None:
    """Filters write in the locale that its beginning names, else in US English, and the warning says in which."""
    written, taken = nearest
    message = unknown_locale(locale)

    assert Template(NUMBER).render({"x": 1234.5}, locale=locale or " ") == written
    assert message is not None
    assert message.endswith(f"and write as in {taken}")


def test_no_locale_is_no_warning() -> None:
    """An output that names none has US English."""
    assert unknown_locale(None) is None


@pytest.mark.parametrize(
    "html",
    [
        "{{ x|date('long', 'klingon') }}",
        "{{ x|date(style, 'klingon') }}",
        "{{ x|money(currency, locale='klingon') }}",
        "{{ x|compact('klingon', n) }}",
        "{{ xs|map('number', 'klingon')|join }}",
        "{{ x|percent('de' if y else 'klingon') }}",
        "{{ x|percent('klingon' if y else 'de') }}",
        "{{ x|number(language|default('klingon')) }}",
        "{% if y %}{{ x|datetime(locale='klingon') }}{% endif %}",
    ],
)
def test_an_unknown_locale_in_the_template_is_refused_at_upload(html: str) -> None:
    """Whatever the filter's other arguments are; a version that was accepted once fails when the filter is reached."""
    [error] = errors_of(html)

    assert "'klingon' is no locale such as 'de-DE'" in error.message
    assert (error.line, error.column is not None) == (1, True)
    Template(html)


@pytest.mark.parametrize("html", ["{{ x|number('de' if y == 'klingon' else 'fr') }}", "{{ x|number(none, 2) }}"])
def test_what_is_no_locale_argument_is_not_taken_for_one(html: str) -> None:
    """What a condition compares with, and nothing."""
    assert errors_of(html) == []


def test_an_unknown_locale_of_the_data_fails_the_poster() -> None:
    """The error names the expression and the locale."""
    with pytest.raises(TemplateDataProblemError) as error:
        Template("{{ x|number(l) }}").render({"x": 1, "l": "klingon"})

    assert "`x|number(l)` 'klingon' is no locale such as 'de-DE'" in str(error.value)
