"""A template read to the end: parsed, found free of what templates may not use, and every value's context known."""

from dataclasses import dataclass

from renderer.language.advice.foreign_scripts import in_scripts
from renderer.language.contexts.contexts import Standing, Use
from renderer.language.contexts.find_contexts import find_contexts
from renderer.language.grammar import language_problems
from renderer.language.problems import TemplateSyntaxProblemError
from renderer.language.source import Source, read_source


class UnreadableTemplateError(Exception):
    """The template breaks rules; `problems` has each, with line and column."""

    def __init__(self, problems: list[TemplateSyntaxProblemError]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class ReadTemplate:
    """A template that can be used: its source, and the uses and standings of each value by the index of its tag."""

    source: Source
    uses: dict[int, tuple[Use, ...]]
    standings: dict[int, frozenset[Standing]]


def read_template(html: str) -> ReadTemplate:
    """Read a template. Raises UnreadableTemplateError."""
    try:
        return _read(html)
    except UnreadableTemplateError as error:
        text = html.replace("\r\n", "\n").replace("\r", "\n")
        raise UnreadableTemplateError(in_scripts(text, error.problems)) from None


def _read(html: str) -> ReadTemplate:
    try:
        source = read_source(html)
        problems = language_problems(source)
        contexts = find_contexts(source)
    except TemplateSyntaxProblemError as problem:
        raise UnreadableTemplateError([problem]) from None
    except RecursionError:
        nested = TemplateSyntaxProblemError("expressions, blocks or macros are nested too deeply")
        raise UnreadableTemplateError([nested]) from None
    problems = sorted([*problems, *contexts.problems], key=lambda problem: (problem.line or 0, problem.column or 0))
    if problems:
        raise UnreadableTemplateError(problems)
    return ReadTemplate(source=source, uses=contexts.uses, standings=contexts.standings)
