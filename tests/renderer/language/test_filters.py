"""What the filters write: text, dates, numbers and money by locale, and the rating as stars."""

from html import unescape
from typing import Any
from xml.etree import ElementTree

import pytest

from renderer.language.filters import FILTERS
from renderer.language.stars import GAP, WIDTH
from renderer.language.template import Template, TemplateDataProblemError
from renderer.language.time_zones import SHORT_NAMES, time_zone
from tests.renderer.language.reading import errors_of

NO_BREAK = "\u00a0"
NARROW = "\u202f"

WRITTEN = {
    "number": ("{{ x|number }}", 1234567.891, "1,234,567.891"),
    "number in German": ("{{ x|number('de-DE') }}", 1234567.891, "1.234.567,891"),
    "number in French": ("{{ x|number('fr-FR', 2) }}", 1234.5, f"1{NARROW}234,50"),
    "number in Hindi": ("{{ x|number('hi-IN') }}", 1234567, "12,34,567"),
    "number, no decimals": ("{{ x|number(decimals=0) }}", 2.7, "3"),
    "number that came as text": ("{{ x|number('de-DE', decimals=2) }}", "19.90", "19,90"),
    "number in Arabic": ("{{ x|number('ar-EG', 1) }}", 1234.5, "١٬٢٣٤٫٥"),
    "number in Marathi": ("{{ x|number('mr-IN') }}", 1234567, "१२,३४,५६७"),
    "percent": ("{{ x|percent }}", 0.873, "87%"),
    "percent in German": ("{{ x|percent('de-DE', 1) }}", 0.873, f"87,3{NO_BREAK}%"),
    "compact": ("{{ x|compact }}", 12_345, "12.3K"),
    "compact of little": ("{{ x|compact }}", 5.0000000001, "5"),
    "compact of little, with decimals": ("{{ x|compact(decimals=2) }}", 12.3456, "12.35"),
    "compact of nearly a thousand": ("{{ x|compact }}", 999.96, "1K"),
    "compact of nearly a million": ("{{ x|compact }}", 999_999, "1M"),
    "compact of less than nearly a million": ("{{ x|compact }}", 999_949, "999.9K"),
    "compact of nearly minus a million": ("{{ x|compact }}", -999_950, "-1M"),
    "compact of nearly a unit in Japanese": ("{{ x|compact('ja') }}", 99_999_999, "1億"),
    "money with more digits than a float": (
        "{{ x|money('EUR') }}",
        "12345678901234567.89",
        "€12,345,678,901,234,567.89",
    ),
    "number with more digits than a float": ("{{ x|number }}", " 12345678901234567.891 ", "12,345,678,901,234,567.891"),
    "compact in German": ("{{ x|compact('de-DE') }}", 12_345_678, f"12,3{NO_BREAK}Mio."),
    "compact of thousands in German": ("{{ x|compact('de') }}", 12_345, "12.345"),
    "compact of a thousand in German": ("{{ x|compact('de') }}", 1_234, "1234"),
    "compact of minus thousands in Italian": ("{{ x|compact('it') }}", -123_456, "-123.456"),
    "compact of thousands in Switzerland": ("{{ x|compact('de-CH') }}", 12_345, "12’345"),
    "compact of decimals in German": ("{{ x|compact('de', 2) }}", 12_345.678, "12.345,68"),
    "compact beyond the largest unit": ("{{ x|compact }}", 10**18, "1,000,000T"),
    "compact beyond the largest unit in Hindi": ("{{ x|compact('hi') }}", 10**18, f"1,00,000{NO_BREAK}नील"),
    "compact of a thousand units in Spanish": ("{{ x|compact('es') }}", 15 * 10**8, f"1500{NO_BREAK}M"),
    "number with decimals in India": ("{{ x|number('en-IN', 2) }}", 1_234_567, "12,34,567.00"),
    "money": ("{{ x|money('USD') }}", 1234.5, "$1,234.50"),
    "money in German": ("{{ x|money('EUR', 'de-DE') }}", 1234.5, f"1.234,50{NO_BREAK}€"),
    "money without decimals": ("{{ x|money('JPY', 'ja-JP') }}", 1234, "￥1,234"),
    "date": ("{{ x|date }}", "2025-01-31", "Jan 31, 2025"),
    "date in German": ("{{ x|date('long', 'de-DE') }}", "2025-01-31", "31. Januar 2025"),
    "date in Arabic": ("{{ x|date('d MMMM', 'ar-SA') }}", "2025-01-31", "٣١ يناير"),
    "date by a pattern": ("{{ x|date('EEEE, d MMM', 'fr-FR') }}", "2025-01-31T10:00:00Z", "vendredi, 31 janv."),
    "time": ("{{ x|time('short', 'de-DE') }}", "2025-01-31T23:30:00+02:00", "23:30"),
    "datetime": ("{{ x|datetime('short', 'en-GB') }}", "2025-01-31T23:30:00+02:00", "31/01/2025, 23:30"),
    "datetime of a date": ("{{ x|datetime('d.M.y HH:mm') }}", "2025-01-31", "31.1.2025 00:00"),
    "upper": ("{{ x|upper }}", "straße", "STRASSE"),
    "lower": ("{{ x|lower }}", "ÄB", "äb"),
    "capitalize": ("{{ x|capitalize }}", "äB", "Äb"),
    "title": ("{{ x|title }}", "it's o'neil", "It's O'neil"),
    "truncate": ("{{ x|truncate(12) }}", "hello big wide world", "hello..."),
    "truncate within a word": ("{{ x|truncate(8, true, '.', 0) }}", "hello big", "hello b."),
    "truncate what is a little longer": ("{{ x|truncate(12) }}", "hello big world", "hello big world"),
    "truncate what fits": ("{{ x|truncate(9) }}", "hello big", "hello big"),
    "truncate flags": ("{{ x|truncate(3, true, '…', 0) }}", "🇩🇪🇫🇷🇮🇹🇪🇸", "🇩🇪🇫🇷…"),
    "truncate families": ("{{ x|truncate(2, true, '…', 0) }}", "👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧", "👨‍👩‍👧…"),
    "truncate letters with marks": ("{{ x|truncate(3, true, '…', 0) }}", "नमस्ते सब", "नम…"),
    "split": ("{{ x|split(',')|join('/') }}", "a,b", "a/b"),
    "bool": ("{{ x|bool }}", [1], "True"),
    "indent": ("{{ x|indent(2) }}", "a\nb", "a\n  b"),
    "tojson": ("{{ x|tojson }}", [1, None, "a"], '[1, null, "a"]'),
    "wordcount": ("{{ x|wordcount }}", "a b c", "3"),
    "round": ("{{ x|round }}", 2.1, "2.0"),
    "int": ("{{ x|int }}", "abc", "0"),
    "a list": ("{{ x }}", [1, 2.0, True], "[1, 2.0, True]"),
    "an item": ("{{ x[0] }}{{ x[-1] }}{{ x|first }}{{ x|length }}", ["a", "b"], "aba2"),
    "a slice": ("{% for t in x[:2] %}{{ t }}{% endfor %}", ["a", "b", "c"], "ab"),
    "a method": ("{{ x.upper().replace('A', 'o') }}", "banana", "BoNoNo"),
    "mapped money": ("{{ x|map('money', 'EUR')|join(' ') }}", [1, 2], "€1.00 €2.00"),
    "a half": ("{{ x|money('EUR') }}", 12.345, "€12.35"),
    "a half, as text": ("{{ x|money('EUR') }}", "12.345", "€12.35"),
    "a half of a number": ("{{ x|number('en', 0) }}", 2.5, "3"),
    "a half of a percentage": ("{{ x|percent('en', 1) }}", 0.98650, "98.7%"),
    "a half in short": ("{{ x|compact }}", 12_250, "12.3K"),
    "a half of little": ("{{ x|compact }}", 1.25, "1.3"),
    "a negative half": ("{{ x|number('en', 0) }}", -2.5, "-3"),
    "a date of another year's week": ("{{ x|date('dd.MM.yyyy') }}", "2024-12-30", "30.12.2024"),
    "replace": ("{{ x|replace('a', 'o') }}", "banana", "bonono"),
    "trim": ("{{ x|trim }}", "  a ", "a"),
    "default": ("{{ x|default('d') }}{{ y|default('e') }}{{ z|d }}", None, "de"),
    "default of the empty": ("{{ x|default('d', true) }}", "", "d"),
    "null": ("{{ x }}", None, ""),
    "join": ("{{ x|join(', ') }}", ["a", "b"], "a, b"),
    "sum": ("{{ x|sum }}", [1, 2], "3"),
    "pairs of an object": ("{% for k, v in x.items() %}{{ k }}{{ v }}{% endfor %}", {"a": 1}, "a1"),
    "pairs of the template's own": ("{% for k, v in {'a': x}.items() %}{{ k }}{{ v }}{% endfor %}", 1, "a1"),
}


@pytest.mark.parametrize(("html", "value", "written"), WRITTEN.values(), ids=WRITTEN)
def test_a_filter_writes_what_the_locale_asks_for(html: str, value: object, written: str) -> None:
    """The document holds exactly this text."""
    document = Template(html).render({"x": value})

    assert unescape(document) == written


KEPT = {
    "set block in an attribute": ("{% set c %}a {{ x }}{% endset %}<p class='{{ c }}'>", "<p class='a &lt;&amp;'>"),
    "escaped in an attribute": ("<p title='{{ x|e }}'>", "<p title='&lt;&amp;'>"),
    "escaped in an address": ("<a href='https://a.example/{{ x|e }}'>", "<a href='https://a.example/&lt;&amp;'>"),
    "set block, cut": ("{% set c %}{{ x }}{% endset %}{{ c|truncate(1, true, '', 0) }}", "&lt;"),
    "set block with tags, cut": ("{% set c %}<b>{{ x }}</b>{% endset %}{{ c[:4] }}", "&lt;b&gt;&lt;"),
    "set block in text": ("{% set c %}<b>{{ x }}</b>{% endset %}{{ c }}", "<b>&lt;&amp;</b>"),
}


@pytest.mark.parametrize(("html", "document"), KEPT.values(), ids=KEPT)
def test_a_value_is_escaped_once(html: str, document: str) -> None:
    """What a block or a macro made of a value is not escaped again."""
    assert Template(html).render({"x": "<&"}) == document


TRIMMED = {
    "color": ("<p style='color: {{ x }}'>", " #fff ", "<p style='color: #fff'>"),
    "address": ("<img src='{{ x }}'>", " https://a.example/b ", "<img src='https://a.example/b'>"),
    "address in CSS": ("<p style='background: url(\"{{ x }}\")'>", " https://a.example/b ", "https://a.example/b"),
    "number": ("{{ x|number }}", " 1234 ", "1,234"),
    "date": ("{{ x|date }}", " 2025-01-31 ", "Jan 31, 2025"),
}


@pytest.mark.parametrize(("html", "value", "written"), TRIMMED.values(), ids=TRIMMED)
def test_blanks_around_a_value_do_not_count(html: str, value: str, written: str) -> None:
    """Forms leave them; a browser takes them off too."""
    document = unescape(Template(html).render({"x": value}))

    assert written in document
    assert value not in document


def test_times_are_those_of_the_posters_time_zone() -> None:
    """A time with an offset is converted, one without stays, and a date may become the next day."""
    template = Template("{{ x|datetime('d HH:mm') }} {{ x|time }} {{ x|date('d') }}")

    assert template.render({"x": "2025-01-30T23:30:00Z"}) == "30 23:30 11:30\u202fPM 30"
    assert template.render({"x": "2025-01-30T23:30:00Z"}, timezone="Europe/Berlin") == "31 00:30 12:30\u202fAM 31"
    assert template.render({"x": "2025-01-30T23:30:00"}, timezone="Europe/Berlin") == "30 23:30 11:30\u202fPM 30"
    assert template.render({"x": "2025-01-30T23:30:00Z"}, locale="de-DE") == "30 23:30 23:30 30"
    assert template.render({"x": "2025-01-30T23:30:00Z"}, locale="tlh-QX") == "30 23:30 11:30\u202fPM 30"


@pytest.mark.parametrize(
    ("html", "alone", "with_zone"),
    [
        ("{{ x|time('full') }}", f"6:05:00{NARROW}PM", f"6:05:00{NARROW}PM Coordinated Universal Time"),
        ("{{ x|time('long', 'de') }}", "18:05:00", "18:05:00 UTC"),
        ("{{ x|datetime('full', 'de') }}", "Freitag, 31. Januar 2025, 18:05:00", " Koordinierte Weltzeit"),
        ("{{ x|time('HH:mm z') }}", "18:05", "18:05 UTC"),
        ("{{ x|datetime(\"d. MMM HH:mm (z) 'z'\") }}", "31. Jan 18:05 z", "31. Jan 18:05 (UTC) z"),
        ("{{ x|time('HH:mmXXX') }}", "18:05", "18:05Z"),
        ("{{ x|time('z') }}{{ x|datetime('zzzz') }}", "", "UTCCoordinated Universal Time"),
    ],
)
def test_a_time_without_offset_names_no_time_zone(html: str, alone: str, with_zone: str) -> None:
    """The data does not say which it is, so neither does the poster."""
    assert Template(html).render({"x": "2025-01-31T18:05:00"}) == alone
    assert Template(html).render({"x": "2025-01-31T18:05:00"}, timezone="Asia/Tokyo") == alone
    assert with_zone in Template(html).render({"x": "2025-01-31T18:05:00Z"})


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        ("GMT+2", "14:30"),
        ("GMT-2", "10:30"),
        ("GMT+05:30", "18:00"),
        ("GMT+530", "18:00"),
        ("gmt-9:30", "03:00"),
        ("GMT+0530", "18:00"),
        ("Etc/GMT+2", "10:30"),
        ("GMT", "12:30"),
        ("PST", "05:30"),
        ("IST", "18:00"),
        ("GMT+24", "13:30"),
        ("UTC+2", "13:30"),
        ("Mars/Base", "13:30"),
    ],
)
def test_a_time_zone_is_what_chromium_takes_it_for(zone: str, written: str) -> None:
    """Offsets and ICU's short names count as in scripts; what Chromium refuses changes nothing."""
    assert Template("{{ x|time('HH:mm') }}").render({"x": "2025-07-01T13:30:00+01:00"}, timezone=zone) == written


def test_every_short_name_is_a_time_zone() -> None:
    """None of them leads to a zone that is not there."""
    assert [name for name in SHORT_NAMES if time_zone(name) is None] == []


@pytest.mark.parametrize(
    ("html", "written"),
    [
        *((f"[{{{{ p.n|{name} }}}}]", "[]") for name in ("upper", "lower", "trim", "truncate(9)", "urlize", "title")),
        *((f"[{{{{ p.n|{name} }}}}]", "[]") for name in ("string", "e", "forceescape", "capitalize", "striptags")),
        *((f"[{{{{ p.n|{name} }}}}]", "[]") for name in ("urlencode", "replace('o', '0')", "indent", "wordwrap(2)")),
        ("{{ 'Hi ' ~ p.n ~ '!' }}", "Hi !"),
        ("{{ [1, p.n, 2]|join('-') }}", "1--2"),
        ("{{ [p, {'n': 1}]|join('-', attribute='n') }}", "-1"),
        ("{{ [p.n, 'a']|map('upper')|join('-') }}", "-A"),
        ("{{ 'a %s'|format(p.n) }}{{ 'b %s' % p.n }}{{ '%s c %s' % (p.n, 1) }}", "a b  c 1"),
        ("{{ p.n|wordcount }}{{ p.n|split|length }}", "00"),
        ("{{ p.n is none }}{{ p.n|default('d') }}{{ p.n|tojson }}", "Truednull"),
        ("{% set b %}<b>{{ p.n }}</b>{% endset %}{{ b ~ p.n }}{{ b ~ '<' }}", "<b></b><b></b>&lt;"),
    ],
)
def test_null_has_no_text(html: str, written: str) -> None:
    """Wherever a text is made of null, however deep it is in the data, nothing is printed."""
    assert Template(html).render({"p": {"n": None}}) == written


REFUSED = {
    "rating over five": ("<p>{{ x|stars }}", 6, "`x|stars` must be a rating from 0 to 5, got 6"),
    "rating below zero": ("<p>{{ x|stars }}", -0.1, "must be a rating from 0 to 5"),
    "rating that is no number": ("<p>{{ x|stars }}", "abc", "must be a number, got 'abc'"),
    "rating that is a truth value": ("<p>{{ x|stars }}", True, "must be a number, got True"),
    "a filter of the engine": ("<p>é {{ x|round(1) }}", "4.56", "`x|round(1)` cannot be used like this"),
    "a list that is none": ("<p>{{ x|join(', ') }}", 5, "`x|join(', ')` cannot be used like this"),
    "nothing": ("<p>{{ x|money('EUR') }}", None, "must be a number, got nothing"),
    "a list that is not made yet": ("<p>{{ x|map('upper') }}", ["a"], "put `| list` or `| join(', ')` after it"),
    "a function": ("<p>{{ range }}", None, "is a function, which cannot be printed"),
    "an indent that is a text": ("<p>{{ 1|tojson(x) }}", "alert(1)", "an indent is 0 to 16 spaces"),
    "a part that is missing": ("<p>{{ [x.y] }}", {}, "has a part that has no value"),
    "a missing part in JSON": ("<p>{{ [x.y]|tojson }}", {}, "has no value, which `tojson` could write"),
    "a date that is none": ("<p>{{ x|date }}", "31.01.2025", "must be a date in ISO 8601"),
    "a time of a date": ("<p>{{ x|time }}", "2025-01-31", "has no time of day"),
    "a time without its date": (
        "<p>{{ x|time }}",
        "18:05",
        "'18:05' has no date; send both, such as '2025-01-31T18:05'",
    ),
    "an address that is nothing": (
        "<img src='{{ x }}'>",
        None,
        "must be an http(s) or data:image address, got nothing",
    ),
    "an address that is a number": ("<img src='{{ x }}'>", 4, "address, got the number 4"),
    "an address that is a list": ("<img src='{{ x }}'>", [4], "address, got a list"),
    "a length that is a text": ("<p>{{ 'abc'|truncate(x) }}", "3", "a length is a number of characters such as 80"),
    "an unknown currency": ("<p>{{ 1|money(x) }}", "EURO", "no currency"),
    "a currency in small letters": ("<p>{{ 1|money(x) }}", "eur", "no currency of ISO 4217; write 'EUR'"),
    "decimals for a locale": ("<p>{{ 1|number(x) }}", 2, "no locale such as 'de-DE'; for decimals write `decimals=2`"),
    "the length of a list in another language": ("<p>{{ x.length }}", [1], "the length is `{{ items | length }}`"),
    "the length of a text in another language": ("<p>{{ x.size > 1 }}", "a", "the length is `{{ items | length }}`"),
    "an unknown locale": ("<p>{{ 1|number(x) }}", "xx-YY", "no locale"),
    "a locale that is no text": ("<p>{{ 1|number(x) }}", [1], "cannot be used like this"),
    "a pattern for times on a date": ("<p>{{ '2025-01-31'|date(x) }}", "HH:mm", "does not fit"),
}


@pytest.mark.parametrize(("html", "value", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_value_that_does_not_fit_is_refused_with_its_place(html: str, value: object, reason: str) -> None:
    """The error is one of the data, names the expression and says where it stands."""
    with pytest.raises(TemplateDataProblemError) as error:
        Template(html).render({"x": value})

    assert reason in str(error.value)
    assert (error.value.code, error.value.line) == ("template_data", 1)
    assert error.value.column in (html.index("{{") + 1, html.find("|") + 2)


@pytest.mark.parametrize(
    ("html", "column", "reason"),
    [
        ("{{ x|nothing }}", 6, "there is no filter `nothing`"),
        ("{{ x|money }}", 6, "`money`: missing a required argument: 'currency'"),
        ("{{ x|number(1, 2, 3) }}", 6, "too many positional arguments"),
        ("{{ x|date(lokale='de') }}", 6, "unexpected keyword argument 'lokale'"),
        ("{{ x|round(1, 2, 3) }}", 6, "too many positional arguments"),
        ("{{ x|join(separator='') }}", 6, "unexpected keyword argument 'separator'"),
        ("{{ x|money('eur') }}", 6, "`money`: 'eur' is no currency of ISO 4217; write 'EUR'"),
        ("{{ x|percent(1) }}", 6, "for decimals write `decimals=1`"),
        ("{{ x|number(locale='klingon') }}", 6, "'klingon' is no locale"),
        ("{{ x|date('long', 'klingon') }}", 6, "'klingon' is no locale"),
        ("{{ x|truncate(2) }}", 6, "`truncate`: a length of 2 leaves no room for '...'"),
        ("{{ x|truncate('3') }}", 6, "`truncate`: a length is a number of characters such as 80, got '3'"),
        ("{{ x|map('safe') }}", 6, "`safe` is not available"),
        ("{{ x is nothing }}", 6, "there is no test `nothing`"),
        ("{{ nothing() }}", 4, "there is no function `nothing`"),
        ("{{ x.append(1) }}", 5, "`.append()` is not available; write"),
        ("{{ x|urlize(extra_schemes=['javascript:']) }}", 6, "http(s) and mailto"),
    ],
)
def test_what_does_not_exist_is_refused_at_upload(html: str, column: int, reason: str) -> None:
    """The upload is answered with the reason and the place, not the first poster."""
    (error,) = errors_of(html)

    assert reason in error.message
    assert (error.line, error.column) == (1, column)


@pytest.mark.parametrize("html", ["{{ x|datetime('d.m.yyyy HH:mm') }}", "{% if y %}{{ x|money('eur') }}{% endif %}"])
def test_a_version_with_a_mistaken_argument_is_still_drawn(html: str) -> None:
    """It was accepted once, so only new uploads are refused."""
    assert errors_of(html)
    assert Template(html).render({"x": "2025-01-31T18:05:00Z", "y": False}) in ("31.5.2025 18:05", "")


@pytest.mark.parametrize(
    ("rating", "share_of_star"),
    [(0, (0, 0)), (0.5, (0, 0.5)), (1, (1, 0)), (3.25, (3, 0.25)), (4.7, (4, 0.7)), ("4.7", (4, 0.7)), (5, (4, 1))],
)
def test_stars_draw_the_decimals(rating: object, share_of_star: tuple[int, float]) -> None:
    """4.7 fills four stars and 70 % of the width of the fifth."""
    document = Template("{{ x|stars }}").render({"x": rating})
    drawing = ElementTree.fromstring(document)  # noqa: S314 - our own drawing
    clip: Any = drawing.find("{http://www.w3.org/2000/svg}svg")
    whole, part = share_of_star

    assert float(clip.attrib["width"]) == pytest.approx(whole * (WIDTH + GAP) + part * WIDTH, abs=0.001)
    assert drawing.attrib["aria-label"] == f"{float(str(rating)):g}/5"
    assert "id=" not in document


def test_every_filter_of_ours_has_a_row_here() -> None:
    """A new filter without a test of what it writes fails this one."""
    rows = " ".join(html for html, *_ in (*WRITTEN.values(), *REFUSED.values()))

    assert [name for name in FILTERS if f"|{name}" not in rows] == []
