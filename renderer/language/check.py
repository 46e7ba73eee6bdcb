"""What an uploaded template means: whether it can be used safely, and which data it takes."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from renderer.language.advice.foreign_documents import no_html, xml_warning
from renderer.language.advice.foreign_scripts import framework_warning
from renderer.language.advice.leftovers import leftover_warnings
from renderer.language.advice.mistaken_arguments import mistaken_arguments
from renderer.language.advice.mistaken_names import misspelt_block, mistaken_parts, mistaken_this, subtractions
from renderer.language.advice.scripted_attributes import scripted_attribute_warning
from renderer.language.analyse import UnreadableTemplateError, read_template
from renderer.language.html5lib_check import disagreements
from renderer.language.placeholders.declarations import declared_in, merged
from renderer.language.placeholders.placeholders import find_placeholders, sample_data
from renderer.language.problems import TemplateSyntaxProblemError
from renderer.language.source import position
from renderer.language.template import Template, TemplateProblemError
from schemas import limits
from schemas.codec import canonical
from schemas.codes import ErrorCode
from schemas.fields import check_json, check_text
from schemas.templates import Placeholder, PlaceholderDeclaration, TemplateError, TemplateWarning


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found in a template."""

    placeholders: list[Placeholder]
    warnings: list[TemplateWarning]


class TemplateRejectedError(Exception):
    """The template cannot be used; `errors` has everything that is wrong, with line and column where there is one."""

    def __init__(self, errors: Sequence[TemplateError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = list(errors)


def check_template(html: str, declarations: Sequence[PlaceholderDeclaration]) -> Checked:
    """Return what the template takes. Raises TemplateRejectedError.

    Takes some 50 ms for a usual template and up to some seconds for one of 1 MB: call it from a thread.
    """
    _check_limits(html)
    try:
        read = read_template(html)
    except UnreadableTemplateError as error:
        raise _rejected(error.problems) from None
    problems = [*disagreements(read), *mistaken_arguments(read.source)]
    if problems:
        raise _rejected(problems)
    try:
        own = declared_in(read.source)
    except TemplateSyntaxProblemError as problem:
        raise _rejected([problem]) from None
    declared = merged(own.values(), declarations)
    names = frozenset(each.name for each in declared)
    problems = mistaken_this(read.source, names) + mistaken_parts(read.source, names)
    if problems:
        raise _rejected(problems)
    found = find_placeholders(read, declared)
    text = read.source.text
    try:
        template = Template.of(read)
    except TemplateSyntaxProblemError as problem:
        raise _rejected([problem]) from None
    if found.errors:
        raise TemplateRejectedError(
            [
                _error("invalid_request", message, *(position(text, own[name].offset) if name in own else ()))
                for name, message in found.errors
            ]
        )
    _check_values(found.placeholders)
    _check_size(found.placeholders)
    warnings = [*found.warnings, *_sample_warning(template, found.placeholders)]
    scripted = scripted_attribute_warning(read) or framework_warning(read.source)
    warnings += [each for each in (xml_warning(text), scripted) if each is not None]
    warnings += misspelt_block(read.source)
    warnings += subtractions(read.source, frozenset(item.name for item in found.placeholders), names)
    warnings += leftover_warnings(read.source)
    return Checked(placeholders=found.placeholders, warnings=warnings)


HTML_TAGS_MAX: Final = 100_000
"""How many tags of HTML a template may have: a check takes some 40 µs for each."""
_HTML_TAG: Final = re.compile("</?[a-zA-Z]")


def _check_limits(html: str) -> None:
    try:
        check_text(html, "html_content")
    except ValueError as error:
        raise TemplateRejectedError([_error("template_syntax", str(error))]) from None
    size = len(html.encode())
    if size > limits.TEMPLATE_HTML_MAX_BYTES:
        message = (
            f"`html_content` has {size:,} bytes; {limits.TEMPLATE_HTML_MAX_BYTES:,} are allowed; load large images, "
            "fonts and libraries from an https:// address"
        )
        raise TemplateRejectedError([_error("template_syntax", message)])
    tags = len(_HTML_TAG.findall(html))
    if tags > HTML_TAGS_MAX:
        message = f"a template may have {HTML_TAGS_MAX:,} tags of HTML, and this one has {tags:,}; repeat with a loop"
        raise TemplateRejectedError([_error("template_syntax", message)])
    foreign = no_html(html)
    if foreign is not None:
        raise TemplateRejectedError([_error("template_syntax", foreign)])


def _check_values(placeholders: Sequence[Placeholder]) -> None:
    # A template can spell values that no JSON holds: endless numbers, integers beyond 64 bits, U+0000.
    errors = []
    for item in placeholders:
        for what, value in (("default", item.default), ("sample_value", item.sample_value)):
            try:
                check_json(value, f"{what} of {item.name}")
                json.dumps(value, allow_nan=False)
            except ValueError as error:
                errors.append(_error("invalid_request", f"`{item.name}`: its {what} cannot be kept: {error}"))
    if errors:
        raise TemplateRejectedError(errors)


def _check_size(placeholders: Sequence[Placeholder]) -> None:
    # Answers and the catalog repeat them, and their topics have limits.
    size = len(canonical(list(placeholders)))
    if size > limits.PLACEHOLDERS_MAX_BYTES:
        message = f"the placeholders take {size:,} bytes as JSON; {limits.PLACEHOLDERS_MAX_BYTES:,} are allowed"
        raise TemplateRejectedError([_error("invalid_request", message)])


def _sample_warning(template: Template, placeholders: Sequence[Placeholder]) -> list[TemplateWarning]:
    try:
        template.render(sample_data(placeholders))
    except TemplateProblemError as problem:
        message = f"the template does not go with its own samples, which a preview takes: {problem}"
        return [TemplateWarning(code="sample_data", message=message)]
    return []


def _rejected(problems: Sequence[TemplateSyntaxProblemError]) -> TemplateRejectedError:
    return TemplateRejectedError(
        [_error(problem.code, problem.message, problem.line, problem.column) for problem in problems]
    )


def _error(code: ErrorCode, message: str, line: int | None = None, column: int | None = None) -> TemplateError:
    return TemplateError(code=code, message=message, line=line, column=column)
