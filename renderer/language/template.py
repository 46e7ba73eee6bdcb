"""Templates at run time: compiled by Jinja2, every printed value behind the guard of its context.

A template may do whatever its language can: run this where memory and time are limited (`renderer.sandbox`).
"""

import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from types import TracebackType
from typing import Any, Final

import jinja2
from jinja2 import TemplateError, TemplateSyntaxError, Undefined

from renderer.language.advice.failures import described_failure, valueless
from renderer.language.analyse import ReadTemplate, UnreadableTemplateError, read_template
from renderer.language.environment import MissingValue, PosterEnvironment
from renderer.language.guarding import GUARD_FILTER, SLICE_FILTER, guarded
from renderer.language.guards import GUARDS, SIGNED, ValuesOfAddress
from renderer.language.locality import located
from renderer.language.problems import (
    TemplateDataProblemError,
    TemplateProblemError,
    TemplateSyntaxProblemError,
)
from renderer.language.source import position
from renderer.language.values import ValueRefusedError

__all__ = [
    "Template",
    "TemplateDataProblemError",
    "TemplateProblemError",
    "TemplateSyntaxProblemError",
]

OUTPUT_MAX_BYTES: Final = 2 * 1024 * 1024
_NESTED: Final = "expressions, blocks or macros are nested too deeply"
_FILE: Final = "<template>"
_FAILURES: Final = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    AssertionError,
)
"""What an expression can raise: from our filters, from Jinja2's, and from Python's own operators."""


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
        """Compile what was read already; its tree is changed by that. Raises TemplateSyntaxProblemError."""
        template = cls.__new__(cls)
        template._compile(read)
        return template

    def render(self, data: Mapping[str, Any], *, locale: str | None = None, timezone: str | None = None) -> str:
        """Return the document. Raises TemplateDataProblemError.

        Filters take `locale` where the template names none (else en-US), and show times that have an offset in
        `timezone`, an IANA name (else as the data gives them).
        """
        try:
            with located(locale, timezone):
                # Not `generate`: it replaces tracebacks, which lead to the place of an error here.
                pieces = self._template.root_render_func(self._template.new_context(dict(data)))
                return "".join(_limited(pieces))
        except TemplateProblemError:
            raise
        except _FAILURES as error:
            raise self._problem(error) from None

    def _compile(self, read: ReadTemplate) -> None:
        # Not the source itself: its tree takes a hundred times the text.
        self._text = read.source.text
        self._tags = [(tag.start, tag.text) for tag in read.source.tags]
        environment = PosterEnvironment()
        of_address = ValuesOfAddress()
        for guard, function in (GUARDS | SIGNED).items():
            environment.filters[GUARD_FILTER + guard] = self._guard(function, _nothing)
        environment.filters[GUARD_FILTER + "address_rest"] = self._guard(of_address.rest, _nothing)
        environment.filters[GUARD_FILTER + "address"] = self._guard(of_address.first, of_address.nothing)
        environment.filters[SLICE_FILTER] = environment.part
        try:
            with warnings.catch_warnings():
                # Python warns of `none[0]` and the like, which fail with their place when they are reached.
                warnings.simplefilter("ignore", SyntaxWarning)
                code: Any = environment.compile(guarded(read.source, read.uses), filename=_FILE)
        except TemplateSyntaxError as error:
            raise TemplateSyntaxProblemError(error.message or "does not compile", *self._place(error.lineno)) from None
        except (SyntaxError, RecursionError):
            raise TemplateSyntaxProblemError(_NESTED) from None
        self._template = jinja2.Template.from_code(environment, code, environment.globals)

    def _guard(self, function: Callable[[Any], Any], nothing: Callable[[], str]) -> Callable[[Any, int], Any]:
        def guard(value: Any, tag: int) -> Any:
            if isinstance(value, MissingValue):
                raise self._refusal(tag, valueless(value._undefined_message))
            if isinstance(value, Undefined):
                return nothing()  # an `a if b` without `else`
            try:
                return function(value)
            except ValueRefusedError as error:
                raise self._refusal(tag, str(error)) from None

        return guard

    def _refusal(self, tag: int, reason: str) -> TemplateDataProblemError:
        start, shown = self._tags[tag]
        return TemplateDataProblemError(f"`{shown}` {reason}", *position(self._text, start))

    def _problem(self, error: Exception) -> TemplateDataProblemError:
        """Return what an expression raised as a problem of the data, with the tag in which it was raised."""
        offset = self._offset(error.__traceback__)
        tag = -1 if offset is None else bisect_right(self._tags, offset, key=itemgetter(0)) - 1
        if tag < 0:
            return TemplateDataProblemError(described_failure(error))
        return self._refusal(tag, described_failure(error))

    def _offset(self, trace: TracebackType | None) -> int | None:
        """Return the offset in the text of what was running last."""
        offset = None
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == _FILE:
                offset = self._template.get_corresponding_lineno(trace.tb_lineno) - 1
            trace = trace.tb_next
        return offset

    def _place(self, line: int) -> tuple[int, int]:
        return position(self._text, max(0, line - 1))


def _nothing() -> str:
    return ""


def _limited(pieces: Iterator[str]) -> Iterator[str]:
    """Pass the pieces of a document on, as long as they are within its limit."""
    left = OUTPUT_MAX_BYTES
    for piece in pieces:
        left -= len(piece) if piece.isascii() else len(piece.encode())
        if left < 0:
            raise TemplateDataProblemError(f"the document has more than {OUTPUT_MAX_BYTES:,} bytes")
        yield piece
