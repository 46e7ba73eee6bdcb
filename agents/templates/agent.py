"""The templates role: one command after the other, each in one transaction, answered after its commit."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import cast

from agents.postgres import BadRowError, Database
from agents.templates import answers
from agents.templates.commands import Order, carry_out
from agents.templates.refusal import CommandRefusedError, refuse
from agents.templates.store import TemplateStore
from renderer.language.check import TemplateRejectedError
from schemas.codec import ContractError, decode
from schemas.templates import (
    TemplateActivate,
    TemplateArchive,
    TemplateCommand,
    TemplateError,
    TemplateGet,
    TemplatePreview,
    TemplateUpdate,
    TemplateUpload,
)
from streams.dead_letters import DeadLetters
from streams.delivery import Delivery, Publisher, Record
from streams.inbox import Inbox
from streams.records import event_headers
from streams.retry import retry_while_unavailable


class TemplatesAgent:
    """Carries out the commands of its topic in their order."""

    def __init__(
        self,
        inbox: Inbox,
        publisher: Publisher,
        dead_letters: DeadLetters,
        database: Database,
        now: Callable[[], datetime],
    ) -> None:
        self._inbox = inbox
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._database = database
        self._now = now

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            for delivery in await self._inbox.take(limit=1):
                await self._handle(delivery)
                self._inbox.finish([delivery])

    async def _handle(self, delivery: Delivery) -> None:
        try:
            command = _decode(delivery)
        except ContractError as error:
            reason = str(error)
            await retry_while_unavailable(lambda: self._dead_letters.put(delivery, "invalid_request", reason))
            return
        order = Order(command=command, at=delivery.timestamp, now=self._now(), headers=event_headers(delivery))
        records = await retry_while_unavailable(lambda: self._carry_out(order))
        await retry_while_unavailable(lambda: self._publisher.publish(records))

    async def _carry_out(self, order: Order) -> list[Record]:
        try:
            async with self._database.transaction() as connection:
                return await carry_out(order, TemplateStore(connection))
        except BadRowError as error:
            return self._rejected(order, refuse("invalid_request", str(error)).errors)
        except (CommandRefusedError, TemplateRejectedError) as error:
            return self._rejected(order, error.errors)

    def _rejected(self, order: Order, errors: Sequence[TemplateError]) -> list[Record]:
        rejected = answers.rejected(order.command, errors, order.now)
        return [answers.answer_record(rejected, order.command.section, order.headers)]


def _decode(delivery: Delivery) -> TemplateCommand:
    event = decode(
        delivery.value,
        TemplateUpload,
        TemplateUpdate,
        TemplateActivate,
        TemplateArchive,
        TemplatePreview,
        TemplateGet,
    )
    return cast("TemplateCommand", event)
