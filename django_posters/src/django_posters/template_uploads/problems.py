"""Errors of a template as lines of text, in the format of compilers."""

from pathlib import Path

from django_posters.contract.templates import TemplateError


def problem_line(file: Path, error: TemplateError) -> str:
    """Return `file:line:column: code: message`, without a place where there is none."""
    place = ":".join(str(part) for part in (file, error.line, error.column) if part is not None)
    return f"{place}: {error.code}: {error.message}"
