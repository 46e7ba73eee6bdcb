"""Erasing: objects deleted, data emptied, each poster answered for.

A request is written down before it is acknowledged, and carried out beside the flushes: storage may be away, and
posters that are still being made have to end first, or what they make would stay.
"""

import asyncio
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import asyncpg
import orjson

from agents.cancellations import call_off
from agents.postgres import Database
from agents.storage.port import ObjectStore, StorageRefusedError
from schemas.codec import ContractError, decode
from schemas.envelope import fact_id
from schemas.outcomes import PosterOutcome
from schemas.references import is_section
from schemas.requests import PosterEraseRequested
from schemas.topics import POSTER_COMPLETIONS, POSTER_REQUESTS
from streams.delivery import Delivery, Publisher, Record
from streams.errors import UnavailableError
from streams.records import event_headers, event_record
from streams.retry import Sleep, retry_while_unavailable
from streams.sql import named_queries

logger = logging.getLogger(__name__)

SQL: Final = named_queries(Path(__file__).with_name("erasures.sql"))
EVERY_SECONDS: Final = 2.0
"""Between two looks for posters that have ended since; without erasures in force a look is one small query."""
ANSWERED_EVERY: Final = 30
"""Of so many looks, one is also for posters whose news comes after the erasure was answered."""
DELETES_AT_ONCE: Final = 8
_NAMED: Final = b"poster.erase_requested"
_DIGEST: Final = r"[0-9a-f]{64}\.[a-z]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What somebody wants erased: a job, or what was asked for of an entity of a section before `requested_at`."""

    event_id: UUID
    job_id: str | None
    section: str | None
    entity_id: str | None
    source: str | None
    requested_at: datetime
    answered_at: datetime | None

    @property
    def prefix(self) -> str | None:
        """What the keys of the entity's objects begin with; None for a job, and for what can name no section."""
        if self.section is None or self.entity_id is None or not is_section(self.section):
            return None
        return f"templates/{self.section}/{quote(self.entity_id, safe='')}_"


class Erasures:
    """The erasures in force. The database connection is its own."""

    def __init__(
        self, database: Database, store: ObjectStore, publisher: Publisher, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._database = database
        self._store = store
        self._publisher = publisher
        self._sleep = sleep
        self._one_at_a_time = asyncio.Lock()

    async def record(self, deliveries: Iterable[Delivery]) -> None:
        """Write down the requests to erase among these records; they may be acknowledged afterwards."""
        for delivery in deliveries:
            request = _request(delivery)
            if request is not None:
                await retry_while_unavailable(partial(self._record, request, delivery.timestamp))

    async def _record(self, request: PosterEraseRequested, at: datetime) -> None:
        named = (request.event_id, request.job_id, request.section, request.entity_id, request.source)
        await self._fetch(SQL["record"], *named, at)

    async def run(self) -> None:
        """Carry out erasures until cancelled; what cannot be done now is tried again."""
        for number in count():
            try:
                await self.sweep(also_answered=number % ANSWERED_EVERY == 0)
            except UnavailableError as error:
                logger.warning("erasing is tried again: %s", error)
            await self._sleep(EVERY_SECONDS)

    async def sweep(self, *, also_answered: bool = True) -> int:
        """Erase what can be erased now, and return how many posters that were. Doing it again repeats the same events.

        One that cannot be carried out does not hold up the others. Raises UnavailableError where the database is away.
        """
        rows = await self._fetch(SQL["in_force"], also_answered)
        erased = 0
        for row in rows:
            erasure = Erasure(**{**row, "event_id": UUID(int=row["event_id"].int)})
            try:
                erased += await self._carry_out(erasure)
            except (UnavailableError, StorageRefusedError) as error:
                logger.warning("erasing for %s is tried again: %s", erasure.event_id, error)
        if rows:
            await self._fetch(SQL["expire"])
        return erased

    async def _carry_out(self, erasure: Erasure) -> int:
        erased = 0
        while posters := await self._ask("of", erasure):
            ids, indexes = [poster["job_id"] for poster in posters], [poster["poster_index"] for poster in posters]
            await self._delete(erasure, posters)
            # Nothing is left when it is said; marked afterwards, or an end in between would leave it unsaid.
            await self._fetch(SQL["empty"], ids, indexes, False)
            await self._publisher.publish([_erased(erasure, poster) for poster in posters])
            await self._fetch(SQL["empty"], ids, indexes, True)
            erased += len(posters)
        if not erased:
            if erasure.answered_at is not None or (await self._ask("open_of", erasure))[0]["count"]:
                return 0
            # No poster is known. Objects may be there all the same, and whoever asks waits for an answer.
            await self._delete(erasure, [])
            await self._publisher.publish([_nothing(erasure)])
        if erasure.job_id is not None:
            await self._close(erasure, erasure.job_id)
        await self._fetch(SQL["answered"], erasure.event_id)
        return erased

    async def _close(self, erasure: Erasure, job_id: str) -> None:
        """See that a request which is delivered, or sent, once more does not bring the job's objects back."""
        for row in await self._fetch(SQL["ended_up_to"], job_id):
            record = call_off(
                job_id,
                row["generation"],
                at=erasure.requested_at,
                source=erasure.source,
                reason="erased",
                headers=event_headers(),
            )
            await self._publisher.publish([record])

    async def _ask(self, question: str, erasure: Erasure) -> Sequence[asyncpg.Record]:
        if erasure.job_id is not None:
            return await self._fetch(SQL[f"{question}_job"], erasure.job_id)
        named = (erasure.section, erasure.entity_id, erasure.requested_at)
        return await self._fetch(SQL[f"{question}_entity"], *named)

    async def _fetch(self, query: str, *arguments: object) -> Sequence[asyncpg.Record]:
        async with self._one_at_a_time:
            return await self._database.fetch_rows(query, *arguments)

    async def _delete(self, erasure: Erasure, posters: Sequence[asyncpg.Record]) -> None:
        keys = {image["object_key"] for poster in posters for image in orjson.loads(poster["images"])}
        keys |= {poster["object_key"] for poster in posters if poster["object_key"]}
        if erasure.prefix is not None:
            own = re.compile(re.escape(erasure.prefix) + _DIGEST)
            keys |= {key async for key in self._store.keys(erasure.prefix) if own.fullmatch(key)}
            keys -= {row["object_key"] for row in await self._ask("later_keys_of", erasure)}
        pending = sorted(keys)
        for start in range(0, len(pending), DELETES_AT_ONCE):
            await asyncio.gather(*(self._store.delete(key) for key in pending[start : start + DELETES_AT_ONCE]))


def _request(delivery: Delivery) -> PosterEraseRequested | None:
    if delivery.topic != POSTER_REQUESTS or _NAMED not in (delivery.value or b""):
        return None
    try:
        return decode(delivery.value, PosterEraseRequested)
    except ContractError:
        # Of another type, with these words in its data; or a dead letter, which intake sees to.
        return None


def _erased(erasure: Erasure, poster: asyncpg.Record) -> Record:
    version: UUID | None = poster["template_version_id"]
    return _record(
        erasure,
        job_id=poster["job_id"],
        poster_index=poster["poster_index"],
        entity_id=poster["entity_id"],
        template_version_id=version and UUID(int=version.int),
        section=poster["section"],
        template_version=poster["template_version"],
        attempt=poster["attempt"],
        generation=poster["generation"],
        metadata=orjson.loads(poster["metadata"]),
    )


def _nothing(erasure: Erasure) -> Record:
    job_id = erasure.job_id or f"erase_{erasure.event_id.hex}"
    entity_id = "unknown" if erasure.entity_id is None else erasure.entity_id
    return _record(erasure, job_id=job_id, poster_index=0, entity_id=entity_id, section=erasure.section)


def _record(erasure: Erasure, *, job_id: str, poster_index: int, **fields: Any) -> Record:
    outcome = PosterOutcome(
        type="poster.erased",
        status="erased",
        event_id=fact_id("poster.erased", erasure.event_id, job_id, poster_index),
        occurred_at=erasure.requested_at,
        source=erasure.source,
        job_id=job_id,
        poster_index=poster_index,
        **fields,
    )
    return event_record(POSTER_COMPLETIONS, job_id, outcome, event_headers())
