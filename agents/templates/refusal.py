"""Why a template command is refused."""

from collections.abc import Sequence

from schemas.codes import ErrorCode
from schemas.templates import TemplateError


class CommandRefusedError(Exception):
    """The command cannot be carried out and changed nothing; `errors` go into `template.rejected`."""

    def __init__(self, errors: Sequence[TemplateError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = list(errors)


def refuse(code: ErrorCode, message: str) -> CommandRefusedError:
    """Return the refusal with one error that no place in the HTML is to blame for."""
    return CommandRefusedError([TemplateError(code=code, message=message)])
