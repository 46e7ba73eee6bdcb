"""Which data an uploaded template takes: names, types, defaults, what is required, and what an upload can declare."""

import msgspec
import pytest

from renderer.language.placeholders.placeholders import sample_data
from renderer.language.placeholders.samples import MOMENT
from renderer.language.template import Template
from schemas.placeholders import PlaceholderSet, value_problem
from schemas.templates import Placeholder, PlaceholderDeclaration
from tests.renderer.language.reading import checked, errors_of

TYPES = {
    "text": ("{{ x }}", "text"),
    "image": ('<img src="{{ x }}">', "image"),
    "image, and printed": ('<img src="{{ x }}">{{ x }}', "image"),
    "image in CSS": ("<style>p { background: url('{{ x }}') }</style>", "image"),
    "font in CSS": ("<style>@font-face { src: url('{{ x }}') }</style>", "url"),
    "url": ('<a href="{{ x }}">y</a>', "url"),
    "image and url": ('<a href="{{ x }}"><img src="{{ x }}"></a>', "image"),
    "part of an address": ('<a href="https://a.example/{{ x }}">y</a>', "text"),
    "color": ('<p style="color: {{ x }}">', "color"),
    "color in SVG": ('<svg><path fill="{{ x }}"/></svg>', "color"),
    "color by its name": ('<p style="--brand-color: {{ x }}">', "color"),
    "color or number, by a name that says neither": ('<p style="--a: {{ x }}">', "text"),
    "number by its name": ('<p style="--bg-opacity: {{ x }}">', "number"),
    "number by its format": ("{{ '%.2f €'|format(x) }}", "number"),
    "list by its element": ("{{ x[0].name }}", "list"),
    "text by its character": ("{{ x[0] }}", "text"),
    "number in CSS": ('<p style="width: {{ x }}%">', "number"),
    "rating": ("{{ x|stars }}", "rating"),
    "rating, also compared": ("{% if x > 4 %}y{% endif %}{{ x|stars }}", "rating"),
    "number by filter": ("{{ x|money('EUR') }}", "number"),
    "number by calculation": ("{{ x * 2 }}", "number"),
    "number by comparison": ("{% if x > 3 %}y{% endif %}", "number"),
    "date": ("{{ x|date('long') }}", "date"),
    "boolean": ("{% if x %}y{% endif %}", "boolean"),
    "boolean, negated": ("{{ 'y' if not x else 'z' }}", "boolean"),
    "text, also asked for": ("{% if x %}{{ x }}{% endif %}", "text"),
    "text, also compared": ("{% if x == 'a' %}b{% endif %}", "text"),
    "list": ("{% for y in x %}{{ y }}{% endfor %}", "list"),
    "list by filter": ("{{ x|join(', ') }}", "list"),
    "object": ("{{ x.name }}", "object"),
    "object by key": ("{{ x['name'] }}", "object"),
    "object by its pairs": ("{% for k, v in x.items() %}{{ k }}{% endfor %}", "object"),
    "through set": ("{% set y = x %}{{ y|stars }}", "rating"),
    "through with": ("{% with y = x %}{{ y|stars }}{% endwith %}", "rating"),
    "through a macro": ("{% macro m(y) %}{{ y|stars }}{% endmacro %}{{ m(x) }}", "rating"),
    "through a condition": ("<img src=\"{{ x if x else 'https://a/b.png' }}\">", "image"),
    "through default": ("<img src=\"{{ x|default('https://a/b.png') }}\">", "image"),
    "through or": ("<img src=\"{{ x or 'https://a/b.png' }}\">", "image"),
    "JSON alone": ("<script>let y = {{ x|tojson }};</script>", "text"),
}


@pytest.mark.parametrize(("html", "data_type"), TYPES.values(), ids=TYPES)
def test_the_type_follows_from_the_use(html: str, data_type: str) -> None:
    """One placeholder is found, with this type and a sample that fits it."""
    found = checked(html)
    (placeholder,) = found.placeholders

    assert "sample_data" not in [warning.code for warning in found.warnings]
    assert (placeholder.name, placeholder.data_type) == ("x", data_type)
    assert value_problem(placeholder.data_type, placeholder.sample_value) is None


REQUIRED = {
    "printed": ("{{ x }}", True),
    "with a default": ("{{ x|default('a') }}", False),
    # The default is filled in before the template gets the data, so it serves every use.
    "with a default once, without another time": ("{{ x|default('a') }}{{ x }}", False),
    "in a branch": ("{% if y %}{{ x }}{% endif %}", False),
    "in every branch": ("{% if y %}{{ x }}{% else %}<b>{{ x }}</b>{% endif %}", True),
    "in every branch but one": ("{% if y %}{{ x }}{% elif z %}{{ x }}{% endif %}", False),
    "in a branch and outside": ("{% if y %}{{ x }}{% endif %}{{ x }}", True),
    "asked for only": ("{% if x %}y{% endif %}", False),
    "asked for and printed": ("{% if x %}{{ x }}{% endif %}", False),
    "is defined": ("{% if x is defined %}{{ x }}{% endif %}", False),
    "compared": ("{% if x == 1 %}y{% endif %}", True),
    "in a loop": ("{% for y in ys %}{{ x }}{% endfor %}", True),
    "loop itself": ("{% for y in x %}{{ y }}{% endfor %}", True),
    "loop with a default": ("{% for y in x|default([]) %}{{ y }}{% endfor %}", False),
    "part of an object": ("{{ x.name }}", True),
    "part of an object with a default": ("{{ x.name|default('a') }}", True),
    "first of two": ("{{ x or y }}", False),
    "set aside": ("{% set y = x %}", False),
    "set aside and printed": ("{% set y = x %}{{ y }}", True),
    "conditional expression": ("{{ x if y else 'z' }}", False),
    "given to a macro": ("{% macro m(v) %}{{ v }}{% endmacro %}{{ m(x) }}", True),
    "given to a macro that asks first": ("{% macro m(v) %}{% if v %}{{ v }}{% endif %}{% endmacro %}{{ m(x) }}", False),
}


@pytest.mark.parametrize(("html", "required"), REQUIRED.values(), ids=REQUIRED)
def test_required_is_what_every_poster_needs(html: str, required: bool) -> None:
    """A name is required unless a default, a condition or an `is defined` spares it."""
    found = {item.name: item.required for item in checked(html).placeholders}

    assert found["x"] is required


def test_the_parts_of_lists_and_objects_have_samples() -> None:
    """The sample of a list of objects has every field that the loop uses, each of the type it is used as."""
    html = (
        "{% for item in items %}<img src='{{ item.photo }}'>{{ item.price|money('EUR') }}{{ item.rating|stars }}"
        "{% for tag in item.tags %}{{ tag }}{% endfor %}{% endfor %}{{ owner.name }}{{ owner.since|date }}"
    )
    found = checked(html)
    items, owner = found.placeholders

    assert not found.warnings
    assert set(items.sample_value[0]) == {"photo", "price", "rating", "tags"}
    assert set(owner.sample_value) == {"name", "since"}


SAMPLED = {
    "{% for city, rows in people|groupby('city') %}{{ city }}{{ rows|map(attribute='age')|sum }}{% endfor %}": (
        "Lisbon102"
    ),
    "{% for g in people|groupby('a.city') %}{{ g.grouper }}{{ g.list|length }}{% endfor %}": "Lisbon3",
    "{% for row in items|batch(2) %}[{% for x in row %}{{ x.year|number }} {% endfor %}]{% endfor %}": (
        "[2,025 2,025 ][2,025 ]"
    ),
    "{% for k, v in stats.items() %}{{ k }}{{ v|number }} {% endfor %}": "First42 Second42 Third42 ",
    "{% for k, v in stats|dictsort %}{{ k }}{{ v }} {% endfor %}": "FirstFirst SecondSecond ThirdThird ",
    "{% for v in stats.values() %}{{ v|number }}{% endfor %}": "424242",
    "{% for city, n in rows %}{{ city }}{{ n|number }} {% endfor %}": "Lisbon42 Lisbon42 Lisbon42 ",
    "{% set top = people|first %}{{ top.city }}": "Lisbon",
    "{{ (people|last).city }}": "Lisbon",
    "{{ rows|map(attribute='price')|sum|money('EUR') }}": "€59.70",
    "{% for p in people|selectattr('active') %}{{ p.city }}{% endfor %}": "LisbonLisbonLisbon",
    "{% for p in people|selectattr('kind', 'equalto', 'vip') %}{{ p.kind }}{% endfor %}": "vipvipvip",
}


@pytest.mark.parametrize(("html", "text"), SAMPLED.items(), ids=SAMPLED)
def test_what_filters_make_of_lists_and_objects_has_samples(html: str, text: str) -> None:
    """A preview without data shows something in each place."""
    found = checked(html)

    assert found.warnings == []
    assert Template(html).render(sample_data(found.placeholders)) == text


def test_placeholders_come_in_the_order_of_their_first_use() -> None:
    """Names that the template binds itself are none."""
    html = "{% set a = b %}{{ z }}{{ a }}{% for i in y %}{{ i }}{{ loop.index }}{% endfor %}{{ range(3)|length }}"

    assert [item.name for item in checked(html).placeholders] == ["b", "z", "y"]


def test_a_default_in_the_template_is_that_of_the_placeholder() -> None:
    """It is told to the site, so that a form can show it."""
    (placeholder,) = checked("{{ x|default('Hello') }}").placeholders

    assert placeholder == Placeholder(name="x", required=False, default="Hello", sample_value="Hello", exact=False)


def declare(**fields: object) -> PlaceholderDeclaration:
    """Return a declaration of `x`."""
    return PlaceholderDeclaration(name="x", **fields)  # type: ignore[arg-type]


NARROWED = {
    "text to color": ("{{ x }}", "color"),
    "text to number": ("{{ x }}", "number"),
    "number to rating": ("{{ x * 2 }}", "rating"),
    "url to image": ("<a href='{{ x }}'>y</a>", "image"),
    "truth to text": ("{% if x %}y{% endif %}", "text"),
    "printed to list": ("{{ x }}", "list"),
    "JSON to list": ("<script>let y = {{ x|tojson }};</script>", "list"),
}


@pytest.mark.parametrize(("html", "data_type"), NARROWED.values(), ids=NARROWED)
def test_a_declaration_may_narrow_a_type(html: str, data_type: str) -> None:
    """The placeholder has the declared type and a sample that fits."""
    (placeholder,) = checked(html, declare(data_type=data_type)).placeholders

    assert placeholder.data_type == data_type
    assert value_problem(placeholder.data_type, placeholder.sample_value) is None


EXACT = {
    "address": ("<img src='{{ x }}'>", True),
    "color": ("<p style='color: {{ x }}'>", True),
    "number in CSS": ("<p style='width: {{ x }}px'>", True),
    "date": ("{{ x|date }}", True),
    "rating": ("{{ x|stars }}", True),
    "number written by locale": ("{{ x|number }}", True),
    "money": ("{{ x|money('EUR') }}", True),
    "text": ("{{ x }}", False),
    "part of an address": ("<img src='https://a.example/{{ x }}'>", False),
    "truth": ("{% if x %}y{% endif %}", False),
    "comparison": ("{% if x > 3 %}y{% endif %}", False),
    "loop": ("{% for y in x %}{{ y }}{% endfor %}", False),
    "index": ("{{ x[0] }}", False),
    "length": ("{{ x|length }}", False),
    "first": ("{{ x|first }}", False),
    "calculation": ("{{ x * 2 }}", False),
    "part": ("{{ x.name }}", False),
    "JSON": ("<script>let y = {{ x|tojson }}</script>", False),
    "color or number": ("<p style='--a: {{ x }}'>", False),
}


@pytest.mark.parametrize(("html", "exact"), EXACT.values(), ids=EXACT)
def test_a_type_is_required_only_where_the_place_requires_it(html: str, exact: bool) -> None:
    """Data of another type is refused by its name where no value of it could stand, and taken anywhere else."""
    found = checked(html)
    values = ["a", 1, 2.5, True, [1, 2], {"name": "a"}]
    refused = [value for value in values if not PlaceholderSet(found.placeholders).check({"x": value}).is_usable]

    assert [item.exact for item in found.placeholders] == [exact]
    assert bool(refused) is exact
    assert checked(html, declare(data_type=found.placeholders[0].data_type)).placeholders[0].exact


def test_a_placeholder_that_says_nothing_of_it_is_exact() -> None:
    """The catalog has entries of an older version, whose types were all checked."""
    old = msgspec.convert({"name": "x", "data_type": "number"}, Placeholder)

    assert not PlaceholderSet([old]).check({"x": "a"}).is_usable


def test_a_time_has_a_sample_with_a_time() -> None:
    """A preview without data shows the time of day."""
    found = checked("{{ x|date }}{{ x|time('HH:mm') }}{{ y|datetime }}{{ z|date }}")

    assert not found.warnings
    assert [item.sample_value for item in found.placeholders] == [MOMENT, MOMENT, "2025-01-31"]


CONTRADICTIONS = {
    "wider type": ("{{ x|stars }}", declare(data_type="number"), "the template uses it as rating"),
    "another type": ("<img src='{{ x }}'>", declare(data_type="text"), "the template uses it as image"),
    "text that is calculated with": ("{{ x * 2 }}", declare(data_type="text"), "the template uses it as number"),
    "default of another type": ("{{ x|stars }}", declare(default=7), "its default must be a rating"),
    "sample of another type": ("{{ x|stars }}", declare(sample_value="a"), "its sample_value must be a rating"),
    "not required, and needed": ("{{ x|stars }}", declare(required=False), "declare a default"),
}


@pytest.mark.parametrize(("html", "declaration", "reason"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_declaration_that_contradicts_the_template_is_refused(
    html: str, declaration: PlaceholderDeclaration, reason: str
) -> None:
    """The error names the placeholder and says what the template asks for."""
    (error,) = errors_of(html, declaration)

    assert error.code == "invalid_request"
    assert error.message.startswith("`x`")
    assert reason in error.message


def test_a_declaration_of_something_unused_is_a_warning() -> None:
    """A mistyped name does not stop the upload, but is told; one declared twice is an error."""
    found = checked("{{ x }}", PlaceholderDeclaration(name="y"))

    assert [(item.code, item.message) for item in found.warnings] == [
        ("placeholder_unknown", "`y` is declared, but the template does not use it")
    ]
    assert [item.name for item in found.placeholders] == ["x"]
    assert errors_of("{{ x }}", declare(), declare())[0].message == "the placeholder `x` is declared twice"


def test_a_declared_default_fills_what_is_not_given() -> None:
    """The placeholder is no longer required, and its default is what the template gets, for null too."""
    found = checked("{{ x|stars }}{{ y }}", declare(default=4.5), PlaceholderDeclaration(name="y", required=False))
    placeholders = PlaceholderSet(found.placeholders)

    assert [(item.required, item.default) for item in found.placeholders] == [(False, 4.5), (False, "")]
    assert placeholders.check({}).is_usable
    assert placeholders.filled({"x": None}) == {"x": 4.5, "y": ""}
    assert placeholders.filled({"x": 1, "y": "z", "other": 2}) == {"x": 1, "y": "z", "other": 2}


@pytest.mark.parametrize(
    "html",
    [
        "<img src='{{ x|default('') }}'>",
        "{{ x|default('soon')|date }}",
        "{{ x|default(3)|stars }}{{ y }}{% if z %}{{ z }}{% endif %}",
        "{% for i in x|default([]) %}{{ i.name }}{% endfor %}{{ o.a }}",
        "<script>let x = {{ x|tojson }}</script>{% if y > 3 %}{{ y }}{% endif %}",
    ],
)
def test_what_was_found_can_be_declared(html: str) -> None:
    """An update declares what the version before it had; nothing of that contradicts the template."""
    found = checked(html)
    again = checked(
        html,
        *(
            PlaceholderDeclaration(
                name=item.name,
                data_type=item.data_type if item.exact else None,
                required=item.required,
                default=item.default,
                sample_value=item.sample_value,
                description=item.description,
            )
            for item in found.placeholders
        ),
    )

    assert again.placeholders == found.placeholders


def test_a_template_no_value_suits_is_told() -> None:
    """A name used as an image and as a color gets warnings; no poster could be made."""
    codes = [warning.code for warning in checked("<img src='{{ x }}'><p style='color: {{ x }}'>").warnings]

    assert codes == ["placeholder_contradiction", "sample_data"]


@pytest.mark.parametrize(
    ("html", "line", "column"),
    [("<p>{{ x", 1, 4), ("<p>\n{% if x %}", 2, 1), ("<p>\n  {% nothing %}", 2, 6), ("<p>{{ x y }}", 1, 9)],
)
def test_what_does_not_compile_is_refused_with_its_place(html: str, line: int, column: int) -> None:
    """Line and column count characters from 1."""
    (error,) = errors_of(html)

    assert (error.code, error.line, error.column) == ("template_syntax", line, column)


@pytest.mark.parametrize(
    "html", ["a" * 1_048_577, "é" * 524_289, "a\0", "a\ud800"], ids=["size", "bytes", "NUL", "half"]
)
def test_what_cannot_be_kept_is_refused(html: str) -> None:
    """1 MB of UTF-8 is the limit; Postgres keeps no U+0000 and no half of a surrogate pair."""
    assert [error.code for error in errors_of(html)] == ["template_syntax"]


def test_a_template_of_the_full_size_is_accepted() -> None:
    """Exactly 1 MB passes."""
    assert errors_of("é" * 524_283 + "{{ xx }}" + "yy") == []


@pytest.mark.parametrize(
    ("html", "declaration"),
    [
        ("{{ x }}", [declare(description="d" * 600_000)]),
        ("".join(f"{{{{v{number}}}}}" for number in range(20_000)), []),
    ],
    ids=["one long description", "very many"],
)
def test_placeholders_that_no_record_could_hold_are_refused(
    html: str, declaration: list[PlaceholderDeclaration]
) -> None:
    """The catalog repeats them in one record, so that what they take is limited when the template is uploaded."""
    (error,) = errors_of(html, *declaration)

    assert error.code == "invalid_request"
    assert "524,288 are allowed" in error.message


@pytest.mark.parametrize("value", ["9" * 30, "1e999", "[1e999]", "'\\x00'", "{'a': '\\x00'}"])
def test_values_that_no_json_holds_are_refused_at_the_upload(value: str) -> None:
    """A literal of the template that could not be stored or sent on is answered, with the name of its placeholder."""
    errors = errors_of("{{ x | default(" + value + ") }}")

    assert errors
    assert all("`x`" in error.message for error in errors)
