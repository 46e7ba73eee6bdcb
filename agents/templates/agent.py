"""The templates role: executes one command at a time, in one transaction, and publishes its events after the commit.

A command takes these steps: take it from the inbox → decode → execute (commands.py) → commit → publish → acknowledge.
"""

import logging
from collections.abc import Callable, Sequence, Set
from datetime import datetime
from typing import cast

from agents.metrics import SOURCE_MISMATCHES
from agents.ownership import SOURCE_MISMATCH
from agents.postgres import BadRowError, Database
from agents.sandbox import TemplateChecker
from agents.templates import answers
from agents.templates.commands import execute
from agents.templates.received_command import CommandRejectedError, ReceivedCommand, rejection
from agents.templates.store import TemplateStore
from renderer.language.check import TemplateRejectedError
from schemas.codec import TEMPLATE_COMMAND_CLASSES, ContractError, decode
from schemas.templates import TemplateCommand, TemplateError
from streams.dead_letters.dead_letters import DeadLetters
from streams.delivery import Delivery, Publisher, Record
from streams.inbox import Inbox
from streams.logs import log_delivery
from streams.records import event_headers
from streams.retry import retry_while_unavailable
from streams.tracing import processed

logger = logging.getLogger(__name__)


class TemplatesAgent:
    """Executes the commands of its topic in their order."""

    def __init__(
        self,
        inbox: Inbox,
        publisher: Publisher,
        dead_letters: DeadLetters,
        database: Database,
        checker: TemplateChecker,
        now: Callable[[], datetime],
        *,
        shared_sections: Set[str] = frozenset(),
    ) -> None:
        self._shared_sections = shared_sections
        self._inbox = inbox
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._database = database
        self._checker = checker
        self._now = now

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            for delivery in await self._inbox.take(limit=1):
                with log_delivery(delivery):
                    await processed(self._handle(delivery), delivery)
                self._inbox.finish([delivery])

    async def _handle(self, delivery: Delivery) -> None:
        try:
            command = _decode(delivery)
        except ContractError as error:
            reason = str(error)
            await retry_while_unavailable(lambda: self._dead_letters.put(delivery, "invalid_request", reason))
            return
        received = ReceivedCommand(
            command=command, at=delivery.timestamp, now=self._now(), headers=event_headers(delivery)
        )
        records = await retry_while_unavailable(lambda: self._execute(received))
        await retry_while_unavailable(lambda: self._publisher.publish(records))

    async def _execute(self, received: ReceivedCommand) -> list[Record]:
        """Return what to publish, once the command's changes are committed."""
        try:
            async with self._database.transaction() as connection:
                return await execute(received, TemplateStore(connection), self._checker, self._shared_sections)
        except BadRowError as error:
            return _rejected(received, rejection("invalid_request", str(error)).errors)
        except (CommandRejectedError, TemplateRejectedError) as error:
            if any(each.code == SOURCE_MISMATCH for each in error.errors):
                SOURCE_MISMATCHES.labels("template").inc()
                logger.warning("%s: %s was refused: %s", SOURCE_MISMATCH, received.command.type, error)
            return _rejected(received, error.errors)


def _decode(delivery: Delivery) -> TemplateCommand:
    return cast("TemplateCommand", decode(delivery.value, *TEMPLATE_COMMAND_CLASSES))


def _rejected(received: ReceivedCommand, errors: Sequence[TemplateError]) -> list[Record]:
    return [answers.answer_record(answers.rejected(received, errors), received)]
