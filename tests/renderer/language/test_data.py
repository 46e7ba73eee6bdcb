"""The data of a poster against its template's placeholders, before any browser and fast enough for intake."""

import time
from typing import Any

import orjson
import pytest

from schemas.codec import canonical
from schemas.placeholders import PlaceholderSet, check_data, value_problem
from schemas.templates import DataType, Placeholder

FITS: dict[DataType, list[Any]] = {
    "text": ["", "a", 1, 1.5, True, "<b>"],
    "number": [0, -1, 2.5, "19.90", "-3", "+4", ".5"],
    "rating": [0, 5, 4.7, "4.7"],
    "url": ["https://a.example", "http://a.example:8080/b?c=d#e", "https://[::1]/", "HTTPS://A.example/é b(1)'"],
    "image": ["https://a.example/b.png", "data:image/png;base64,AAAA", "data:image/svg+xml;utf8,%3Csvg/%3E"],
    "color": ["red", "Transparent", "#fff", "#ffff", "#a0b1c2", "#a0b1c2d3", "rgb(1, 2, 3)", "rgb(1 2 3 / 50%)"],
    "date": ["2025-01-31", "2025-01-31T18:00:00Z", "2025-01-31T18:00:00.5+02:00", "2025-01-31 18:00"],
    "boolean": [True, False],
    "list": [[], [1]],
    "object": [{}, {"a": 1}],
}
FITS["color"] += [" #fff ", "\tred"]
FITS["url"] += [" https://a.example/ "]
FITS["image"] += [" data:image/png;base64,AAAA "]
FITS["number"] += [" 19.90 "]
FITS["date"] += [" 2025-01-31 "]
FITS["color"] += ["hsl(120deg 50% 50%)", "oklch(70% 0.1 200 / .5)", "color(display-p3 1 0 0)", "HSLA(1,2%,3%,.4)"]
WRONG: dict[DataType, list[Any]] = {
    "text": [[], {}],
    "number": ["", "abc", True, [], "1,5", "1e5", "0x10", float("nan"), float("inf"), "1" * 50],
    "rating": [6, -0.1, 5.01, "abc", "6", True, None],
    "url": ["", "a", "//a.example", "javascript:alert(1)", "file:///a", "ftp://a.example", "https://", "https:///a", 1],
    "image": [
        "data:text/html,a",
        "data:image/png",
        "https://a.example/\n",
        'https://a.example/"',
        "blob:https://a",
        [],
    ],
    "color": ["", "notacolor", "#ff", "#fffff", "red;", "rgb(1,2)", "rgb(a,b,c)", "url(https://a)", "var(--a)", 1],
    "date": ["", "31.01.2025", "2025-13-01", "2025-02-30", "tomorrow", 20250131, "2025-01-31T25:00"],
    "boolean": ["true", 1, 0, ""],
    "list": ["a", {}, 1],
    "object": ["a", [], 1],
}
WRONG["url"] += ["https://a b.example", "https://a\\b", "https://a.example/<b>", "https://a.example\x00"]
WRONG["color"] += ["rgb(1 2 3);}", "#fff }", "expression(1)", "rgb(1 2 3 / url(a))", "red" * 50]


@pytest.mark.parametrize(("data_type", "value"), [(kind, value) for kind in FITS for value in FITS[kind]])
def test_a_value_of_the_type_fits(data_type: DataType, value: Any) -> None:
    """Nothing is said against it."""
    assert value_problem(data_type, value) is None


@pytest.mark.parametrize(("data_type", "value"), [(kind, value) for kind in WRONG for value in WRONG[kind]])
def test_a_value_of_another_type_is_named(data_type: DataType, value: Any) -> None:
    """The placeholder and the reason come back, and the poster cannot be made."""
    if value is None:
        return
    check = check_data([Placeholder(name="x", data_type=data_type)], {"x": value})

    assert [name for name, _ in check.wrong] == ["x"]
    assert not check.is_usable
    assert check.problem.startswith("`x` ")


def test_every_missing_name_is_listed() -> None:
    """Null counts as missing; what is not required may be missing."""
    placeholders = [Placeholder(name=name, required=name != "d") for name in "abcd"]
    check = check_data(placeholders, {"b": None, "c": "", "e": 1})

    assert check.missing == ["a", "b"]
    assert check.unknown == ["e"]
    assert check.wrong == []
    assert check.problem == "missing required data: `a`, `b`"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"title": "a"}, "; the data has `title`, which the template does not use"),
        ({"Titel": "a", "b": 1}, "; the data has `Titel`, which the template does not use"),
        ({"colour": "a", "t\x1btel": 1, "titel" * 20: 1}, ""),
    ],
)
def test_a_misspelt_key_is_named_beside_the_missing_one(data: dict[str, Any], says: str) -> None:
    """Names that are like none that is missing are a warning of their own."""
    check = check_data([Placeholder(name="titel")], data)

    assert check.problem == "missing required data: `titel`" + says


def test_a_key_with_a_minus_is_answered_with_the_name_that_a_template_can_have() -> None:
    """`{{ first-name }}` takes two names."""
    check = check_data([Placeholder(name="first"), Placeholder(name="name")], {"first-name": "a"})

    assert check.problem.endswith(
        "the data has `first-name`, but `-` is minus in a template: name it `first_name` in both"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (42, "the number 42"),
        (True, "true"),
        ([], "a list"),
        ({}, "an object"),
        ("a", "'a'"),
        (10**70, "the number 100"),
    ],
)
def test_a_value_that_is_no_address_is_told_in_plain_words(value: Any, shown: str) -> None:
    """The message names the value, not a type of Python's."""
    problem = check_data([Placeholder(name="photo", data_type="image")], {"photo": value}).problem

    assert problem.startswith(f"`photo` must be an http(s) or data:image address, got {shown}")
    assert len(problem) < 200


def test_an_empty_field_of_a_form_is_no_value() -> None:
    """An empty text passes for an optional image, not for a required one."""
    optional = Placeholder(name="x", data_type="image", required=False)
    required = Placeholder(name="x", data_type="image")

    assert check_data([optional], {"x": ""}).is_usable
    assert not check_data([required], {"x": ""}).is_usable


def test_numbers_that_came_as_text_are_numbers_for_the_template() -> None:
    """Django sends decimals as text; templates calculate with them."""
    placeholders = PlaceholderSet([Placeholder(name="x", data_type="number"), Placeholder(name="y")])

    assert placeholders.filled({"x": "19.90", "y": "19.90"}) == {"x": 19.9, "y": "19.90"}
    assert placeholders.filled({"x": "7", "y": None}) == {"x": 7, "y": None}


@pytest.mark.parametrize("digits", ["9" * 40, "-" + "9" * 39, str(2**64), str(2**64 - 1)])
def test_a_number_of_many_digits_can_be_sent_on(digits: str) -> None:
    """Beyond 64 bits it becomes the nearest float: no JSON of ours holds a longer integer."""
    filled = PlaceholderSet([Placeholder(name="x", data_type="number")]).filled({"x": digits})

    assert float(orjson.loads(canonical(filled))["x"]) == float(digits)


def test_a_long_value_is_cut_in_the_message() -> None:
    """A message does not repeat 64 KB of data."""
    check = check_data([Placeholder(name="x", data_type="image")], {"x": "a" * 60_000})

    assert len(check.problem) < 200


def test_intake_can_check_thousands_a_second() -> None:
    """A usual poster takes far less than the fifth of a millisecond that 5,000 a second leave for everything."""
    names: list[DataType] = ["text", "text", "text", "image", "url", "color", "rating", "number", "date", "list"]
    placeholders = PlaceholderSet([Placeholder(name=f"p{n}", data_type=kind) for n, kind in enumerate(names)])
    data = {f"p{n}": FITS[kind][1] for n, kind in enumerate(names)}
    began = time.process_time()
    for _ in range(2_000):
        assert placeholders.check(data).is_usable
        placeholders.filled(data)

    assert (time.process_time() - began) / 2_000 < 0.0001
