"""Markup that a template made itself: printed as it is only as long as it is whole.

Macros, `call` and `set` blocks give `Markup`, whose values were escaped for the places that they stand in. A part of it
may end in the middle of a tag, and what follows would be read as an attribute. So whatever cuts or changes markup that
has tags gets, and gives, a plain text, which is escaped when it is printed.
"""

import functools
from collections.abc import Callable
from typing import Any, Final

from markupsafe import Markup

from renderer.language.values import read

WHOLE_FILTERS: Final = frozenset(
    {
        *("bool", "capitalize", "center", "count", "d", "default", "e", "escape", "forceescape", "indent", "join"),
        *("length", "lower", "string", "striptags", "upper", "wordcount"),
    }
)
"""Filters that leave tags whole."""
WHOLE_METHODS: Final = frozenset({"join", "lower", "upper"})


def cut(value: Any) -> Any:
    """Return what may be cut: markup with tags as a plain text, everything else as it is."""
    return read(value) if isinstance(value, Markup) and "<" in value else value


def cutting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter of Jinja2's that gets what may be cut."""
    passed = getattr(function, "jinja_pass_arg", None)

    @functools.wraps(function)
    def one(value: Any, *arguments: Any, **keywords: Any) -> Any:
        return function(cut(value), *arguments, **keywords)

    @functools.wraps(function)
    def second(context: Any, value: Any, *arguments: Any, **keywords: Any) -> Any:
        return function(context, cut(value), *arguments, **keywords)

    return one if passed is None else second
