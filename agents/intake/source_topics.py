"""Topics of a source: what is on them is the source's, whatever a record claims, and goes on to the shared topics.

The broker lets only the source write to its topics, and only roles and operators to the shared ones. So whoever reads
the shared topics can believe the `source` of an event. Records are forwarded as they are, in the order of their
partition; the position of a record is committed once it is on the shared topic.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from agents.intake.admission import INVALID
from agents.metrics import SOURCE_MISMATCHES
from agents.ownership import SOURCE_MISMATCH
from schemas.codec import UNREADABLE
from schemas.salvage import salvage
from schemas.topics import TEMPLATE_COMMANDS, own_topic
from streams.dead_letters.dead_letters import DeadLetters
from streams.delivery import Delivery, Publisher, Record
from streams.errors import RecordTooLargeError
from streams.logs import log_delivery
from streams.replay import GENERATION, ORIGIN
from streams.retry import retry_while_unavailable
from streams.topics import SITE_WRITES

_WHITESPACE: Final = b" \t\r\n"
_OPERATORS_HEADERS: Final = (GENERATION, ORIGIN)
"""Only operators ask for another generation; they write to the shared topics."""


class _Claim(msgspec.Struct, frozen=True):
    source: str | None = None


_DECODER: Final = msgspec.json.Decoder(_Claim)


class RefusedRecordError(Exception):
    """A record of a source's topic cannot be forwarded; `reason` is that of its dead letter."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose a topic is, and the shared topic that it stands for."""

    source: str
    shared: str


def origins(sources: Iterable[str]) -> dict[str, Origin]:
    """Return the topics of these sources, by name."""
    return {own_topic(shared, source): Origin(source, shared) for source in sources for shared in SITE_WRITES}


class SourceTopics:
    """Forwards what is on the topics of `sources`. A record in another source's name becomes a dead letter."""

    def __init__(self, sources: Iterable[str], publisher: Publisher, dead_letters: DeadLetters) -> None:
        self._origins = origins(sources)
        self.topics: Final = tuple(self._origins)
        """The topics of the sources."""
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._turn = asyncio.Lock()

    async def forward(self, deliveries: Sequence[Delivery]) -> None:
        """Return once each record is on its shared topic, or a dead letter. Calls are carried out in their order."""
        async with self._turn:
            records: list[tuple[Record, Delivery]] = []
            for delivery in deliveries:
                try:
                    records.append((self._forwarded(delivery), delivery))
                except RefusedRecordError as error:
                    await self._refuse(delivery, error.reason, str(error))
            await self._publish(records)

    def _forwarded(self, delivery: Delivery) -> Record:
        origin = self._origins[delivery.topic]
        headers = tuple((name, value) for name, value in delivery.headers if name not in _OPERATORS_HEADERS)
        value = in_the_name_of(origin.source, delivery)
        return Record(topic=origin.shared, key=delivery.key, value=value, headers=headers)

    async def _publish(self, records: Sequence[tuple[Record, Delivery]]) -> None:
        if not records:
            return
        try:
            await retry_while_unavailable(lambda: self._publisher.publish([record for record, _ in records]))
        except RecordTooLargeError as error:
            if len(records) == 1:
                # What was compressed on its own topic may be too large on the shared one.
                await self._refuse(records[0][1], INVALID, str(error))
                return
            for each in records:
                await self._publish([each])

    async def _refuse(self, delivery: Delivery, reason: str, message: str) -> None:
        if reason == SOURCE_MISMATCH:
            shared = self._origins[delivery.topic].shared
            SOURCE_MISMATCHES.labels("template" if shared == TEMPLATE_COMMANDS else "request").inc()
        with log_delivery(delivery):
            await retry_while_unavailable(lambda: self._dead_letters.put(delivery, reason, message))


def in_the_name_of(source: str, delivery: Delivery) -> bytes:
    """Return the value of a record, with the source where it names none. Raises RefusedRecordError."""
    if delivery.value is None or delivery.unreadable is not None:
        raise RefusedRecordError(INVALID, delivery.unreadable or "the record has no value")
    value = delivery.value
    if _claim(value) is None:
        value = _with_source(value, source)
    claim = _claim(value)
    if claim != source:
        claimed = "no source" if claim is None else f"the source `{claim}`"
        raise RefusedRecordError(
            SOURCE_MISMATCH,
            f"{SOURCE_MISMATCH}: {delivery.topic} is that of `{source}`; the record names {claimed}",
        )
    return value


def _claim(value: bytes) -> str | None:
    """Return the source that an event names, also a broken one, which intake answers. Raises RefusedRecordError."""
    try:
        return _DECODER.decode(value).source
    except UNREADABLE as error:
        salvaged = salvage(value)
        if salvaged is None:
            raise RefusedRecordError(INVALID, f"the source cannot be read: {error}") from error
        return salvaged.source


def _with_source(value: bytes, source: str) -> bytes:
    """Return a JSON object with a field more. One that has the field already, as null, keeps that: the last counts."""
    rest = value.lstrip(_WHITESPACE).removeprefix(b"{")
    separator = b"" if rest.lstrip(_WHITESPACE).startswith(b"}") else b","
    return b'{"source":' + msgspec.json.encode(source) + separator + rest
