"""A template command as the role received it, and the error that rejects it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from schemas.codes import ErrorCode
from schemas.templates import TemplateCommand, TemplateError
from streams.delivery import Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedCommand:
    """A command, the broker's time of it (`at`), the time of its execution (`now`) and the headers of its answers."""

    command: TemplateCommand
    at: datetime
    now: datetime
    headers: Headers


class CommandRejectedError(Exception):
    """The command cannot be executed and changed nothing; `errors` go into `template.rejected`."""

    def __init__(self, errors: Sequence[TemplateError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = list(errors)


def rejection(code: ErrorCode | Literal["source_mismatch"], message: str) -> CommandRejectedError:
    """Return the error that rejects a command for one reason, which is at no place in the HTML."""
    return CommandRejectedError([TemplateError(code=code, message=message)])
