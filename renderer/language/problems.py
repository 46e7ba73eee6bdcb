"""What can be wrong with a template or with the data it gets."""

from schemas.codes import ErrorCode


class TemplateProblemError(Exception):
    """The template cannot be used as it is, or not with this data; trying again changes nothing.

    `line` and `column` count characters from 1 and are None where no place is to blame.
    """

    code: ErrorCode

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column

    def __str__(self) -> str:
        if self.line is None:
            return self.message
        return f"line {self.line}, column {self.column}: {self.message}"


class TemplateSyntaxProblemError(TemplateProblemError):
    """The template does not compile, or has a placeholder where no value can stand safely."""

    code = "template_syntax"


class TemplateDataProblemError(TemplateProblemError):
    """The data lacks a value, or has one that cannot stand where the template puts it."""

    code = "template_data"
