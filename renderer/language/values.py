"""Values of a poster's data, as the filters and guards of templates want them."""

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from datetime import date
from html import unescape
from typing import Any

from jinja2 import Undefined
from markupsafe import Markup

from schemas.addresses import shown
from schemas.placeholders import as_moment, as_number, unit_advice


class ValueRefusedError(ValueError):
    """A value does not fit where the template puts it; the message says why, the caller knows where."""


def read(text: str) -> str:
    """Return a text as a reader sees it: of markup that was escaped already, what was escaped."""
    return unescape(str.__str__(text)) if isinstance(text, Markup) else text


def text_of(value: Any) -> str:
    """Return a text, number or truth value as a plain text, never as markup. Raises ValueRefusedError for the rest."""
    if isinstance(value, str):
        return read(value)
    if isinstance(value, bool | int | float):
        return str(value)
    raise ValueRefusedError(f"must be a text, got {described(value)}")


def written(value: Any) -> str:
    """Return a value as Jinja2 writes it, nothing for null. Raises ValueRefusedError for what is no value of JSON."""
    if isinstance(value, str):
        return read(value)
    if value is None:
        return ""
    _check_written(value)
    return str(value)


def _check_written(value: Any) -> None:
    if isinstance(value, dict):
        for each in value.values():
            _check_written(each)
    elif isinstance(value, list | tuple):
        for each in value:
            _check_written(each)
    elif isinstance(value, Undefined):
        raise ValueRefusedError("has a part that has no value")
    elif isinstance(value, Iterator):
        raise ValueRefusedError("is not a list yet; put `| list` or `| join(', ')` after it")
    elif value is not None and not isinstance(
        value, str | bool | int | float | range | KeysView | ValuesView | ItemsView
    ):
        raise ValueRefusedError(f"is {described(value)}, which cannot be printed")


def number_of(value: Any) -> int | float:
    """Return a number, or the number that a text spells. Raises ValueRefusedError for the rest."""
    number = as_number(value)
    if number is None:
        raise ValueRefusedError(f"must be a number, got {described(value)}{unit_advice(value)}")
    return number


def moment_of(value: Any) -> date:
    """Return the date, or date and time, of a text in ISO 8601. Raises ValueRefusedError for the rest."""
    moment = as_moment(value)
    if moment is None:
        raise ValueRefusedError(f"must be a date in ISO 8601 such as 2025-01-31, got {described(value)}")
    return moment


def described(value: Any) -> str:
    """Return what a value is, as an error message may show it."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, bool | int | float):
        return shown(str(value))[1:-1]
    if isinstance(value, list | tuple):
        return "a list"
    return "an object" if isinstance(value, dict) else f"a {type(value).__name__}"
