"""The data of a poster against the placeholders of its template: what is missing, unknown or of the wrong type."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any, Final

from . import limits
from .addresses import BLANKS, address_problem, shown
from .colors import is_color
from .templates import DataType, Placeholder

RATING_MAX: Final = 5
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)")
_WITH_UNIT: Final = re.compile(
    rf"\s*{_NUMBER.pattern}\s*(%|px|pt|pc|cm|mm|in|r?em|ch|ex|lh|[sld]?v(?:w|h|min|max)|fr|deg|rad|turn|m?s)\s*"
)
_NUMBER_MAX_CHARACTERS: Final = 40
_NEAR_CHARACTERS: Final = 40
_NEAR_MAX: Final = 10
"""How many names, of how many characters, are compared to find a misspelt one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCheck:
    """What is wrong with the data of one poster; `unknown` names are a warning, the rest fails it."""

    missing: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_usable(self) -> bool:
        """Whether the poster can be made from this data."""
        return not self.missing and not self.wrong

    @property
    def problem(self) -> str:
        """One sentence that names every missing and every wrong placeholder; empty where the data is usable."""
        parts = []
        if self.missing:
            parts.append("missing required data: " + ", ".join(f"`{name}`" for name in self.missing) + self.near)
        parts.extend(f"`{name}` {reason}" for name, reason in self.wrong)
        return "; ".join(parts)

    @property
    def refusal(self) -> str | None:
        """Why a poster cannot be made from this data: what is missing, else what is wrong; None where it can."""
        if self.missing:
            return f"missing required data: {', '.join(self.missing)}{self.near}"
        return "; ".join(f"`{name}` {reason}" for name, reason in self.wrong) or None

    @property
    def near(self) -> str:
        """What the data has under a name like a missing one, as a clause after a list of those; empty for nothing."""
        unknown = [name for name in self.unknown if len(name) <= _NEAR_CHARACTERS and name.isprintable()]
        unknown, missing = unknown[:_NEAR_MAX], set(self.missing)
        # `{{ first-name }}` takes the two names apart, with a minus between them.
        found = {name: None for name in unknown if "-" in name and missing.issuperset(name.split("-"))}
        if found:
            name = next(iter(found))
            return (
                f"; the data has `{name}`, but `-` is minus in a template: name it `{name.replace('-', '_')}` in both"
            )
        for name in self.missing[:_NEAR_MAX]:
            found |= dict.fromkeys(get_close_matches(name[:_NEAR_CHARACTERS], unknown, n=1, cutoff=0.7))
        names = ", ".join(f"`{name}`" for name in found)
        return f"; the data has {names}, which the template does not use" if found else ""


class PlaceholderSet:
    """The placeholders of one template version, prepared once to check the data of many posters."""

    __slots__ = ("_checks", "_defaults", "_numbers", "_required")

    def __init__(self, placeholders: Iterable[Placeholder]) -> None:
        placeholders = list(placeholders)
        self._required: Final = tuple(item.name for item in placeholders if item.required)
        self._numbers: Final = tuple(item.name for item in placeholders if item.data_type in ("number", "rating"))
        self._defaults: Final = {item.name: item.default for item in placeholders if item.default is not None}
        self._checks: Final = {
            item.name: (_CHECKS[item.data_type] if item.exact else _any, item.required) for item in placeholders
        }

    def check(self, custom_data: Mapping[str, Any]) -> DataCheck:
        """Compare `custom_data` with the placeholders. None counts as not given."""
        missing = [name for name in self._required if custom_data.get(name) is None]
        unknown = []
        wrong = []
        for name, value in custom_data.items():
            known = self._checks.get(name)
            if known is None:
                unknown.append(name)
            elif value is not None:
                check, required = known
                reason = check(value)
                # An empty form field is no value, except where it may stand as a text.
                if reason is not None and (required or value != ""):
                    wrong.append((name, reason))
        return DataCheck(missing=missing, unknown=unknown, wrong=wrong)

    def filled(self, custom_data: Mapping[str, Any]) -> dict[str, Any]:
        """Return `custom_data`, once it is checked, as the template gets it.

        Every placeholder that is not given or null has its default, if there is one, and a number that came as text
        is a number, so that templates can calculate with it.
        """
        filled = dict(custom_data)
        for name, default in self._defaults.items():
            if filled.get(name) is None:
                filled[name] = default
        for name in self._numbers:
            value = filled.get(name)
            number = as_number(value) if isinstance(value, str) else None
            if number is not None:
                filled[name] = number
        return filled


def check_data(placeholders: Iterable[Placeholder], custom_data: Mapping[str, Any]) -> DataCheck:
    """Compare the data of a single poster; for many posters of one template keep a PlaceholderSet."""
    return PlaceholderSet(placeholders).check(custom_data)


def value_problem(data_type: DataType, value: Any) -> str | None:
    """Return why `value` is not of `data_type`, or None where it is."""
    return _CHECKS[data_type](value)


def unit_advice(value: Any) -> str:
    """Return where the unit belongs that a text has after its number, as a clause; empty where it has none."""
    found = _WITH_UNIT.fullmatch(value) if isinstance(value, str) else None
    return f"; its unit `{found[1]}` stands behind the value in the template" if found else ""


def as_number(value: Any) -> int | float | None:
    """Return the finite number that `value` is or spells (Django sends decimals as text), or None."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if math.isfinite(value) else None
    text = value.strip(BLANKS) if isinstance(value, str) else ""
    if len(text) <= _NUMBER_MAX_CHARACTERS and _NUMBER.fullmatch(text):
        return float(text) if "." in text else _integer(int(text))
    return None


def _integer(value: int) -> int | float:
    """Return the number in a form that JSON keeps: exact within 64 bits."""
    return value if limits.INTEGER_MIN <= value <= limits.INTEGER_MAX else float(value)


def as_moment(value: Any) -> date | None:
    """Return the date, or date and time, that a text in ISO 8601 says, or None."""
    if not isinstance(value, str):
        return None
    value = value.strip(BLANKS)
    try:
        return date.fromisoformat(value) if len(value) <= len("2025-01-31") else datetime.fromisoformat(value)
    except ValueError:
        return None


def _any(_: Any) -> str | None:
    return None


def _text(value: Any) -> str | None:
    if isinstance(value, str | int | float):
        return None
    return f"must be a text, got {_kind(value)}"


def _number(value: Any) -> str | None:
    return None if as_number(value) is not None else f"must be a number, got {_shown(value)}{unit_advice(value)}"


def _rating(value: Any) -> str | None:
    number = as_number(value)
    if number is not None and 0 <= number <= RATING_MAX:
        return None
    return f"must be a rating from 0 to {RATING_MAX}, got {_shown(value)}"


def _color(value: Any) -> str | None:
    if isinstance(value, str) and is_color(value):
        return None
    return f"must be a CSS color such as `#0a7` or `teal`, got {_shown(value)}"


def _date(value: Any) -> str | None:
    if as_moment(value) is not None:
        return None
    return f"must be a date in ISO 8601 such as `2025-01-31` or `2025-01-31T18:00:00Z`, got {_shown(value)}"


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else f"must be true or false, got {_shown(value)}"


def _list(value: Any) -> str | None:
    return None if isinstance(value, list) else f"must be a list, got {_kind(value)}"


def _object(value: Any) -> str | None:
    return None if isinstance(value, dict) else f"must be an object, got {_kind(value)}"


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, list | dict):
        return _kind(value)
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else shown(str(value))[1:-1]


_CHECKS: Final[dict[DataType, Callable[[Any], str | None]]] = {
    "text": _text,
    "number": _number,
    "url": address_problem,
    "image": address_problem,
    "color": _color,
    "date": _date,
    "boolean": _boolean,
    "rating": _rating,
    "list": _list,
    "object": _object,
}
