"""Null has no text: what Jinja2 writes as `None`, a template of a poster writes as nothing."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, Final

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.filters import do_format, make_attrgetter, sync_do_join
from jinja2.nodes import EvalContext
from jinja2.utils import pass_eval_context

TEXT_FILTERS: Final = frozenset(
    {
        *("capitalize", "center", "e", "escape", "forceescape", "indent", "lower", "replace", "split"),
        *("string", "striptags", "title", "trim", "truncate", "upper", "urlencode", "urlize", "wordcount", "wordwrap"),
    }
)
"""Filters that take a text; of null they take the empty one."""


def printable(value: Any) -> Any:
    """Return the empty text for null, everything else as it is."""
    return "" if value is None else value


def printable_parts(value: Any) -> Any:
    """Return what a text is formatted with, with the empty text for each null."""
    if isinstance(value, tuple):
        return tuple(printable(each) for each in value)
    if isinstance(value, dict):
        return {name: printable(each) for name, each in value.items()}
    return printable(value)


def of_text(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter of texts that takes null for the empty text."""
    passed = getattr(function, "jinja_pass_arg", None)

    @functools.wraps(function)
    def one(value: Any, *arguments: Any, **keywords: Any) -> Any:
        return function(printable(value), *arguments, **keywords)

    @functools.wraps(function)
    def second(context: Any, value: Any, *arguments: Any, **keywords: Any) -> Any:
        return function(context, printable(value), *arguments, **keywords)

    return one if passed is None else second


@pass_eval_context
def join(eval_ctx: EvalContext, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> str:
    """Return the items one after the other with `d` between them, null as the empty text."""
    if attribute is not None:
        value = map(make_attrgetter(eval_ctx.environment, attribute), value)
    return sync_do_join(eval_ctx, (printable(each) for each in value), d)


def format_text(value: Any, *args: Any, **kwargs: Any) -> str:
    """Return the text with its `%s` replaced, null as the empty text."""
    return do_format(printable(value), *printable_parts(args), **printable_parts(kwargs))


def null_filters(filters: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Return the filters of texts among these, and `format` and `join`, for which null has no text."""
    return {
        "format": format_text,
        "join": join,
        **{name: of_text(filters[name]) for name in TEXT_FILTERS & filters.keys()},
    }


class NullCodeGenerator(CodeGenerator):
    """Compiles `~` so that null has no text."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja2 names visitors so
        """Write a call that joins the texts; everything is escaped here."""
        self.write("markup_join(['' if each is None else each for each in (")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write(")])")
