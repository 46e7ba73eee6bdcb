"""Arguments of filters that fail with any data, or mean something else than is meant: patterns, locales, lengths.

All of it is for uploads: a version that was accepted without it is drawn as before.
"""

import inspect
from collections.abc import Iterator
from typing import Any, Final

from jinja2 import nodes

from renderer.language.advice.date_mistakes import likely_mistake
from renderer.language.advice.rewriting import rewritten
from renderer.language.date_patterns import pattern_problem
from renderer.language.environment import PosterEnvironment
from renderer.language.filters import DATE_FILTERS, FILTERS
from renderer.language.grammar import literal_style
from renderer.language.locality import locale_of
from renderer.language.problems import TemplateSyntaxProblemError
from renderer.language.source import Source, offset_of
from renderer.language.values import ValueRefusedError

_ENVIRONMENT: Final = PosterEnvironment()
_VALUES: Final = {
    **dict.fromkeys(("number", "percent", "compact", "money"), 1),
    **dict.fromkeys(DATE_FILTERS, "2025-01-31T18:00:00Z"),
    "truncate": "a text",
}
"""What filters whose arguments may be mistaken are tried with."""
_LOCALE: Final = "locale"
_LOCALE_AT: Final = {
    name: list(parameters).index(_LOCALE) - 1
    for name, function in FILTERS.items()
    if _LOCALE in (parameters := inspect.signature(function).parameters)
}
"""Which argument of a filter is its locale, from 0."""


def mistaken_arguments(source: Source) -> list[TemplateSyntaxProblemError]:
    """Return the first mistake of each filter, with its place."""
    found = []
    for node in source.tree.find_all(nodes.Filter):
        message = next(_mistakes(node, source), None)
        if message is not None:
            name = _applied(node)[0]
            found.append(source.problem(f"`{name}`: {message.removeprefix(f'{name}: ')}", offset_of(node)))
    return found


def _mistakes(node: nodes.Filter, source: Source) -> Iterator[str]:
    name, arguments = _applied(node)
    style = literal_style(node, arguments[:1])
    kind = DATE_FILTERS.get(name)
    if kind is not None and style is not None:
        yield from filter(None, [pattern_problem(kind, style) or likely_mistake(style)])
    yield from _locale(name, node, arguments)
    yield from _parts(node, source)
    if all(isinstance(value, nodes.Const) for value in (*node.args, *(each.value for each in node.kwargs))):
        yield from _tried(name, node, arguments)


def _applied(node: nodes.Filter) -> tuple[str, list[nodes.Expr]]:
    """Return the filter that is applied, and its arguments: in `map("date", "long")` it is `date`."""
    if node.name == "map" and node.args and isinstance(node.args[0], nodes.Const):
        return str(node.args[0].value), node.args[1:]
    return node.name, node.args


def _locale(name: str, node: nodes.Filter, arguments: list[nodes.Expr]) -> Iterator[str]:
    """Yield what is wrong with a locale that stands in the template, whatever the other arguments are."""
    if name not in _LOCALE_AT:
        return
    at = _LOCALE_AT[name]
    for value in (*arguments[at : at + 1], *(each.value for each in node.kwargs if each.key == _LOCALE)):
        for constant in _constants(value):
            try:
                locale_of(constant)
            except ValueRefusedError as error:
                yield str(error)


def _constants(value: nodes.Expr | None) -> Iterator[Any]:
    """Yield what stands in the template of the values that an argument can have."""
    match value:
        case nodes.Const():
            yield value.value
        case nodes.CondExpr():
            yield from _constants(value.expr1)
            yield from _constants(value.expr2)
        case nodes.Filter(name="default" | "d", args=[first, *_]):
            yield from _constants(value.node)
            yield from _constants(first)


def _parts(node: nodes.Filter, source: Source) -> Iterator[str]:
    """Yield what Django's `slice` is here: with a text, Jinja2's filter of that name fails whatever it is put on."""
    if (
        node.name == "slice"
        and node.args
        and isinstance(node.args[0], nodes.Const)
        and isinstance(node.args[0].value, str)
    ):
        tag = source.tags[source.tag_at(offset_of(node))]
        write = rewritten(source.text[tag.start : tag.end], "slice") or "{{ items[:5] | join(', ') }}"
        yield f"with a text it is Django's; write `{write}`"


def _tried(name: str, node: nodes.Filter, arguments: list[nodes.Expr]) -> Iterator[str]:
    """Yield what the filter says to its arguments."""
    if name not in _VALUES:
        return
    positional = [value.value for value in arguments if isinstance(value, nodes.Const)]
    named: dict[str, Any] = {
        str(each.key): each.value.value for each in node.kwargs if isinstance(each.value, nodes.Const)
    }
    try:
        _ENVIRONMENT.filters[name](_VALUES[name], *positional, **named)
    except ValueRefusedError as error:
        yield str(error)
    except (TypeError, ValueError, ArithmeticError):
        return
