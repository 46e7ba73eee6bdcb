"""Templates at run time: minijinja, with every value escaped and every template bounded."""

from collections.abc import Mapping
from typing import Any, Final

from minijinja import Environment, TemplateError

from schemas.codes import ErrorCode

FUEL: Final = 1_000_000
"""Steps a template may take; a render holds the interpreter's lock, so it must end."""
OUTPUT_MAX_BYTES: Final = 2 * 1024 * 1024
_NAME: Final = "template"


class TemplateProblemError(Exception):
    """A template does not compile (`template_syntax`) or does not go with its data (`template_data`).

    `line` and `column` count from 1 and are None where no place is to blame.
    """

    def __init__(self, code: ErrorCode, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.line = line
        self.column = column


class Template:
    """A compiled template."""

    def __init__(self, html: str) -> None:
        """Compile. Raises TemplateProblemError with code `template_syntax`."""
        # Undefined values are an error where they are printed; Python's string methods are off, because one of them
        # took 1.9 GB despite the fuel.
        self._environment = Environment(
            undefined_behavior="semi_strict",
            pycompat=False,
            auto_escape_callback=lambda _: "html",
            fuel=FUEL,
            keep_trailing_newline=True,
        )
        # Markup that passes unescaped would let data into the document.
        self._environment.remove_filter("safe")
        try:
            self._environment.add_template(_NAME, html)
        except TemplateError as error:
            raise _problem("template_syntax", error, html) from None

    def render(self, data: Mapping[str, Any]) -> str:
        """Return the document. Raises TemplateProblemError with code `template_data`."""
        try:
            document = self._environment.render_template(_NAME, **data)
        except TemplateError as error:
            raise _problem("template_data", error) from None
        size = len(document.encode())
        if size > OUTPUT_MAX_BYTES:
            raise TemplateProblemError(
                "template_data", f"the document has {size:,} bytes; {OUTPUT_MAX_BYTES:,} are allowed"
            )
        return document


def _problem(code: ErrorCode, error: TemplateError, html: str | None = None) -> TemplateProblemError:
    message = error.detail or error.message.rsplit(" (in ", 1)[0]
    column = None
    if html is not None and error.range is not None:
        before = html.encode()[: error.range[0]]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    return TemplateProblemError(code, message, error.line, column)
