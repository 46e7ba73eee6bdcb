"""What an uploaded template means: whether it compiles, and which data it takes."""

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError, meta

from agents.render.template import Template, TemplateProblemError
from agents.templates.refusal import CommandRefusedError
from schemas import limits
from schemas.templates import Placeholder, PlaceholderDeclaration, TemplateError, TemplateWarning


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found in a template."""

    placeholders: list[Placeholder]
    warnings: list[TemplateWarning]


def check_template(html: str, declarations: Sequence[PlaceholderDeclaration]) -> Checked:
    """Return what the template takes. Raises CommandRefusedError with line and column."""
    size = len(html.encode("utf-8", "replace"))
    if size > limits.TEMPLATE_HTML_MAX_BYTES:
        message = f"html_content has {size:,} bytes; {limits.TEMPLATE_HTML_MAX_BYTES:,} are allowed"
        raise CommandRefusedError([TemplateError(code="template_syntax", message=message)])
    before, nul, _ = html.partition("\0")
    if nul:
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = "html_content holds U+0000 or half a surrogate pair; neither can be stored"
        raise CommandRefusedError([TemplateError(code="template_syntax", message=message, line=line, column=column)])
    try:
        Template(html)
        tree = Environment(autoescape=True).parse(html)
    except TemplateProblemError as error:
        problem = TemplateError(code=error.code, message=str(error), line=error.line, column=error.column)
        raise CommandRefusedError([problem]) from None
    except TemplateSyntaxError as error:
        problem = TemplateError(code="template_syntax", message=error.message or "syntax error", line=error.lineno)
        raise CommandRefusedError([problem]) from None
    declared = {item.name: item for item in declarations}
    placeholders = [_placeholder(name, declared.get(name)) for name in sorted(meta.find_undeclared_variables(tree))]
    return Checked(placeholders=placeholders, warnings=[])


def _placeholder(name: str, declared: PlaceholderDeclaration | None) -> Placeholder:
    if declared is None:
        return Placeholder(name=name, sample_value=name)
    return Placeholder(
        name=name,
        data_type=declared.data_type or "text",
        required=True if declared.required is None else declared.required,
        default=declared.default,
        sample_value=declared.sample_value,
        description=declared.description or "",
    )
