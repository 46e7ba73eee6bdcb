"""A client of the templates role: sends template commands and waits for their answers."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import uuid4

from agents.settings import Settings
from posters.operations.errors import OperationError
from posters.operations.kafka_client import KafkaClient
from schemas import topics
from schemas.codec import ContractError, decode
from schemas.envelope import Envelope
from schemas.templates import (
    TemplateActivated,
    TemplateAnswer,
    TemplateArchived,
    TemplateCommand,
    TemplateDescribed,
    TemplateGet,
    TemplatePreviewed,
    TemplateRejected,
    TemplateUploaded,
    TemplateVersion,
)

C = TypeVar("C", bound=Envelope)
NO_VERSION: Final = 2**31 - 1
"""A number that no version has."""
_ANSWERS = (
    TemplateUploaded,
    TemplateActivated,
    TemplateArchived,
    TemplateDescribed,
    TemplatePreviewed,
    TemplateRejected,
)


class TemplateClient:
    """Talks to the templates role through its topics, like any other site. `timeout` is in seconds."""

    def __init__(self, settings: Settings, timeout: float) -> None:
        self._client = KafkaClient(settings)
        self._timeout = timeout

    def execute(self, command: type[C], **fields: Any) -> Any:
        """Send a command and return its answer.

        Raises UnavailableError, and OperationError where it is refused or no answer comes in time.
        """
        event: Any = command(event_id=uuid4(), occurred_at=datetime.now(UTC), **fields)
        return _accepted(self._answer_to(event), event)

    def wait_for_earlier_commands(self, section: str, source: str) -> None:
        """Return once the role has published all that follows from commands sent before this call.

        It executes and publishes one command after the other, so the answer to one comes after all of these; whether it
        finds anything does not matter. Raises UnavailableError, and OperationError where no answer comes in time.
        """
        self._answer_to(
            TemplateGet(
                event_id=uuid4(),
                occurred_at=datetime.now(UTC),
                source=source,
                section=section,
                template_id=f"{section}@{NO_VERSION}",
            )
        )

    def _answer_to(self, event: TemplateCommand) -> TemplateAnswer:
        with self._client.reader(topics.TEMPLATE_EVENTS) as answers:
            self._client.send(topics.TEMPLATE_COMMANDS, event.section, [event])
            for value in answers.values(self._timeout):
                answer = _answer(value)
                if answer is not None and answer.command_id == event.event_id:
                    return answer
        raise OperationError(f"no answer within {self._timeout:g} s; is `posters worker templates` running?")

    def catalog(self) -> list[TemplateVersion]:
        """Return every template version, sorted by section and number. Raises UnavailableError."""
        newest: dict[tuple[str, int], TemplateVersion] = {}
        with self._client.reader(topics.TEMPLATE_CATALOG, from_beginning=True) as records:
            for version in _versions(records.values_until_end()):
                newest[version.section, version.template_version] = version
        return [newest[key] for key in sorted(newest)]


def _versions(values: Iterator[bytes]) -> Iterator[TemplateVersion]:
    for value in values:
        try:
            yield decode(value, TemplateUploaded)
        except ContractError:
            continue


def _answer(value: bytes) -> TemplateAnswer | None:
    try:
        return decode(value, *_ANSWERS)
    except ContractError:
        return None


def _accepted(answer: TemplateAnswer, command: TemplateCommand) -> TemplateAnswer:
    if isinstance(answer, TemplateRejected):
        raise OperationError("\n".join([f"{command.type} was refused", *(_line(error) for error in answer.errors)]))
    return answer


def _line(error: Any) -> str:
    place = "" if error.line is None else f"line {error.line}, column {error.column or 1}: "
    return f"  {place}{error.message} ({error.code})"
