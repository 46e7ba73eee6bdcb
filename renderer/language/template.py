"""Templates at run time: minijinja, with every value behind the guard of its context and every template bounded."""

import time
from bisect import bisect_right
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, Final

from minijinja import Environment, TemplateError

from renderer.language.analyse import ReadTemplate, UnreadableTemplateError, read_template
from renderer.language.filters import FILTERS
from renderer.language.guards import GUARDS
from renderer.language.problems import (
    TemplateDataProblemError,
    TemplateProblemError,
    TemplateSyntaxProblemError,
)
from renderer.language.rewriting import DEADLINE, MISSING, TICK, TOO_LONG, guard_filter, placed_filter, rewrite
from renderer.language.source import position
from renderer.language.values import ValueRefusedError

__all__ = [
    "Template",
    "TemplateDataProblemError",
    "TemplateProblemError",
    "TemplateSyntaxProblemError",
]

FUEL: Final = 1_000_000
"""Steps a template may take, and what they make: one step pays for 64 bytes. A render holds the interpreter's lock."""
SECONDS_MAX: Final = 2.0
"""Processor time that a template with loops may take; a usual one takes 10 microseconds."""
OUTPUT_MAX_BYTES: Final = 2 * 1024 * 1024
# Undefined values are an error where they are printed; Python's string methods are off, because one of them took 1.9 GB
# despite the fuel.
_OPTIONS: Final[dict[str, Any]] = {
    "undefined_behavior": "semi_strict",
    "pycompat": False,
    "auto_escape_callback": lambda _: "html",
    "fuel": FUEL,
    "keep_trailing_newline": True,
}
_NAME: Final = "template"
_ABSENT: Final = object()


class Template:
    """A compiled template."""

    def __init__(self, html: str) -> None:
        """Compile. Raises TemplateSyntaxProblemError with line and column of the first thing that is wrong."""
        try:
            self._compile(read_template(html))
        except UnreadableTemplateError as error:
            raise error.problems[0] from None

    @property
    def characters(self) -> int:
        """How long the template's text is."""
        return len(self._text)

    @classmethod
    def of(cls, read: ReadTemplate) -> "Template":
        """Compile what was read already. Raises TemplateSyntaxProblemError."""
        template = cls.__new__(cls)
        template._compile(read)
        return template

    def render(self, data: Mapping[str, Any]) -> str:
        """Return the document. Raises TemplateDataProblemError."""
        values = {**data, MISSING: _ABSENT, DEADLINE: time.thread_time() + SECONDS_MAX}
        # minijinja takes the data as keyword arguments of a method.
        values.pop("self", None)
        try:
            document: str = self._environment.render_template(_NAME, **values)
        except TemplateError as error:
            raise self._problem(error, TemplateDataProblemError) from None
        except BaseException as error:
            if type(error).__name__ == "PanicException":
                raise TemplateDataProblemError("the template engine failed on this data") from None
            raise
        if len(document) * 4 > OUTPUT_MAX_BYTES and len(document.encode()) > OUTPUT_MAX_BYTES:
            raise _too_long()
        return document

    def _compile(self, read: ReadTemplate) -> None:
        # Not the source itself: its tree takes a hundred times the text.
        self._text = read.source.text
        self._tags = [(tag.start, tag.text) for tag in read.source.tags]
        self._rewritten = rewrite(read.source, read.uses, max_characters=OUTPUT_MAX_BYTES)
        self._environment = Environment(**_OPTIONS)
        for name in ("safe", "attr", "indent", "pprint"):
            self._environment.remove_filter(name)
        filters: dict[str, Callable[..., Any]] = {guard_filter(guard): function for guard, function in GUARDS.items()}
        filters |= {placed_filter(name): function for name, function in FILTERS.items()}
        for name, function in filters.items():
            self._environment.add_filter(name, self._placed(function))
        self._environment.add_global(TICK, _tick)
        self._environment.add_global(TOO_LONG, _too_long_here)
        try:
            self._environment.add_template(_NAME, self._rewritten.text)
        except TemplateError as error:
            raise self._problem(error, TemplateSyntaxProblemError) from None

    def _placed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def placed(value: Any, tag: int, *arguments: Any, **named: Any) -> Any:
            if value is _ABSENT:
                raise self._refusal(tag, "has no value")
            try:
                return function(value, *arguments, **named)
            except ValueRefusedError as error:
                raise self._refusal(tag, str(error)) from None
            except (TypeError, ValueError, OverflowError, ArithmeticError) as error:
                raise self._refusal(tag, f"cannot be used like this: {error}") from None

        return placed

    def _refusal(self, tag: int, reason: str) -> TemplateDataProblemError:
        start, shown = self._tags[tag]
        return TemplateDataProblemError(f"`{shown}` {reason}", *position(self._text, start))

    def _problem(self, error: TemplateError, family: type[TemplateProblemError]) -> TemplateProblemError:
        known = _MESSAGES.get(error.kind)
        message = known or error.detail or error.message.rsplit(" (in ", 1)[0]
        if error.range is None:
            return family(message)
        offset = self._rewritten.original_offset(error.range[0])
        tag = bisect_right(self._tags, offset, key=itemgetter(0)) - 1
        if family is TemplateDataProblemError and known is None and tag >= 0:
            # Errors of the engine's own filters do not say whose value it was.
            message = f"`{self._tags[tag][1]}`: {message}"
        return family(message, *position(self._text, offset))


_MESSAGES: Final = {
    "OutOfFuel": "the template does too much with this data: it loops too often or builds texts that are too long"
}


def _tick(deadline: float) -> str:
    if time.thread_time() > deadline:
        raise TemplateDataProblemError(f"the template takes longer than {SECONDS_MAX:g} s with this data")
    return ""


def _too_long() -> TemplateDataProblemError:
    return TemplateDataProblemError(f"the document has more than {OUTPUT_MAX_BYTES:,} bytes")


def _too_long_here() -> str:
    raise _too_long()
