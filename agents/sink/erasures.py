"""Erasures on request: delete a poster's objects, empty its data, publish `poster.erased`, and never render it again.

A source erases what is its own: its jobs, its posters of an entity, and objects that no poster of another source needs.

A request is recorded in Postgres before it is acknowledged, and carried out beside the flushes: the storage may be
unavailable, and posters in progress have to end first, or their images would stay.
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
from typing import Final
from urllib.parse import quote
from uuid import UUID

import asyncpg
import orjson

from agents.events import PosterEvents, PosterIdentity, job_cancellation
from agents.ownership import JobCommand, JobOwnersTable, job_command
from agents.postgres import Database
from agents.sink.decode import recorded_request
from agents.sink.erased_objects import ErasedObjects
from agents.storage.port import ObjectStore, StorageRefusedError
from schemas.references import is_section
from schemas.requests import PosterEraseRequested
from streams.delivery import Delivery, Publisher, Record
from streams.errors import UnavailableError
from streams.logs import log_delivery
from streams.records import event_headers
from streams.retry import Sleep, retry_while_unavailable
from streams.sql import named_queries

logger = logging.getLogger(__name__)

SQL: Final = named_queries(Path(__file__).with_name("erasures.sql"))
EVERY_SECONDS: Final = 2.0
"""Between two sweeps for posters that have ended since; without recorded erasures a sweep is one small query."""
ANSWERED_EVERY: Final = 30
"""One sweep of this many is also for posters whose events arrive after an erasure was answered or an object went."""
PREVIEW_ENTITY: Final = "preview"
"""The entity of every preview."""
_DIGEST: Final = r"[0-9a-f]{64}\.[a-z]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """A recorded request to erase a job, or the posters of a section's entity requested before `requested_at`."""

    event_id: UUID
    job_id: str | None
    section: str | None
    entity_id: str | None
    source: str | None
    requested_at: datetime
    answered_at: datetime | None

    @property
    def prefix(self) -> str | None:
        """Prefix of the keys of the entity's objects; None for a job, and for what is no name of a section."""
        return None if self.entity_id is None else self._prefix(self.entity_id)

    @property
    def previews(self) -> str | None:
        """Prefix of the keys of the section's previews, which may show the entity; None for a job."""
        return self._prefix(PREVIEW_ENTITY)

    def _prefix(self, entity_id: str) -> str | None:
        if self.section is None or not is_section(self.section):
            return None
        return f"templates/{self.section}/{quote(entity_id, safe='')}_"


class Erasures:
    """Records requests to erase, and carries them out. It needs a database connection of its own."""

    def __init__(
        self, database: Database, store: ObjectStore, publisher: Publisher, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._database = database
        self._owners = JobOwnersTable(database)
        self._store = store
        self._objects = ErasedObjects(database, store)
        self._publisher = publisher
        self._sleep = sleep

    async def record(self, deliveries: Iterable[Delivery]) -> None:
        """Record the requests to erase among these records; they may be acknowledged afterwards.

        One of a job of another source is not recorded; intake makes it a dead letter.
        """
        for delivery in deliveries:
            request = recorded_request(delivery, PosterEraseRequested)
            if request is not None:
                with log_delivery(delivery, request):
                    await retry_while_unavailable(partial(self._record, request, delivery.timestamp))

    async def _record(self, request: PosterEraseRequested, at: datetime) -> None:
        command = job_command(request, at, generation=0)
        if command is not None:
            (grant,) = await self._owners.claim([command])
            if grant.standing == "foreign":
                return
        identity = (request.event_id, request.job_id, request.section, request.entity_id, request.source)
        await self._database.fetch_rows(SQL["record"], *identity, at)

    async def run(self) -> None:
        """Sweep until cancelled; a sweep that fails with UnavailableError is repeated."""
        for number in count():
            try:
                await self.sweep(also_answered=number % ANSWERED_EVERY == 0)
            except UnavailableError as error:
                logger.warning("erasures failed, next sweep in %.0f s: %s", EVERY_SECONDS, error)
            await self._sleep(EVERY_SECONDS)

    async def sweep(self, *, also_answered: bool = True) -> int:
        """Carry out what can be erased now and return how many posters that were.

        Idempotent: another sweep publishes the same events. An erasure that fails does not hold up the others. Raises
        UnavailableError where the database is unavailable.
        """
        rows = await self._database.fetch_rows(SQL["recorded"], also_answered)
        erased = 0
        for row in rows:
            erasure = Erasure(**{**row, "event_id": UUID(int=row["event_id"].int)})
            try:
                erased += await self._erase(erasure)
            except (UnavailableError, StorageRefusedError) as error:
                logger.warning("erasure %s failed, next sweep in %.0f s: %s", erasure.event_id, EVERY_SECONDS, error)
        if rows:
            await self._database.fetch_rows(SQL["expire"])
        if also_answered:
            await self._restore()
        return erased

    async def _restore(self) -> None:
        """Have posters made again whose completion was on its way while their object was deleted."""
        try:
            await self._objects.restore()
        except (UnavailableError, StorageRefusedError) as error:
            logger.warning("erased objects are looked for again in the next sweep: %s", error)

    async def _erase(self, erasure: Erasure) -> int:
        erased = 0
        while posters := await self._select("of", erasure):
            ids, indexes = [poster["job_id"] for poster in posters], [poster["poster_index"] for poster in posters]
            # Forgotten before the objects are deleted, marked after the event: a crash in between repeats the event.
            await self._database.fetch_rows(SQL["forget"], ids, indexes)
            await self._delete(erasure, posters)
            await self._publisher.publish([_answer_of_poster(erasure, poster) for poster in posters])
            await self._database.fetch_rows(SQL["mark"], ids, indexes)
            erased += len(posters)
        if not erased:
            if erasure.answered_at is not None or (await self._select("open_of", erasure))[0]["count"]:
                return 0
            if await self._is_foreign(erasure):
                await self._database.fetch_rows(SQL["answered"], erasure.event_id)
                return 0
            # No poster is known. Objects may exist all the same, and the sender waits for an answer.
            await self._delete(erasure, [])
            await self._publisher.publish([_answer_without_poster(erasure)])
        if erasure.job_id is not None:
            await self._cancel_ended(erasure, erasure.job_id)
        await self._database.fetch_rows(SQL["answered"], erasure.event_id)
        return erased

    async def _is_foreign(self, erasure: Erasure) -> bool:
        """Return whether another source has requested the job since the erasure was recorded."""
        if erasure.job_id is None:
            return False
        command = JobCommand(
            job_id=erasure.job_id,
            source=erasure.source,
            kind="erase",
            event_id=erasure.event_id,
            requested_at=erasure.requested_at,
        )
        (grant,) = await self._owners.claim([command])
        return grant.standing == "foreign"

    async def _cancel_ended(self, erasure: Erasure, job_id: str) -> None:
        """Cancel the generations that have ended, so that a repeated request does not render them again."""
        for row in await self._database.fetch_rows(SQL["ended_up_to"], job_id):
            record = job_cancellation(
                job_id,
                row["generation"],
                at=erasure.requested_at,
                source=erasure.source,
                reason="erased",
                headers=event_headers(),
            )
            await self._publisher.publish([record])

    async def _select(self, query: str, erasure: Erasure) -> Sequence[asyncpg.Record]:
        if erasure.job_id is not None:
            return await self._database.fetch_rows(SQL[f"{query}_job"], erasure.job_id, erasure.source)
        entity = (erasure.section, erasure.entity_id, erasure.requested_at, erasure.source)
        return await self._database.fetch_rows(SQL[f"{query}_entity"], *entity)

    async def _delete(self, erasure: Erasure, posters: Sequence[asyncpg.Record]) -> None:
        keys = {image["object_key"] for poster in posters for image in orjson.loads(poster["images"])}
        keys |= {poster["object_key"] for poster in posters if poster["object_key"]}
        if erasure.prefix is not None:
            keys |= await self._keys(erasure.prefix)
            keys -= {row["object_key"] for row in await self._select("later_keys_of", erasure)}
        if erasure.previews is not None and await self._may_erase_previews(erasure):
            keys |= await self._keys(erasure.previews)
        await self._objects.delete(keys, erasure)

    async def _keys(self, prefix: str) -> set[str]:
        """Return the keys of a prefix that are those of images: the rest of a key is a digest."""
        image = re.compile(re.escape(prefix) + _DIGEST)
        return {key async for key in self._store.keys(prefix) if image.fullmatch(key)}

    async def _may_erase_previews(self, erasure: Erasure) -> bool:
        (row,) = await self._database.fetch_rows(SQL["commands_section"], erasure.section, erasure.source)
        return bool(row["allowed"])


def _answer_of_poster(erasure: Erasure, poster: asyncpg.Record) -> Record:
    version: UUID | None = poster["template_version_id"]
    identity = PosterIdentity(
        job_id=poster["job_id"],
        poster_index=poster["poster_index"],
        entity_id=poster["entity_id"],
        template_version_id=version and UUID(int=version.int),
        section=poster["section"],
        template_version=poster["template_version"],
        attempt=poster["attempt"],
        generation=poster["generation"],
        metadata=orjson.loads(poster["metadata"]),
        source=erasure.source,
    )
    return _answer(erasure, identity)


def _answer_without_poster(erasure: Erasure) -> Record:
    job_id = erasure.job_id or f"erase_{erasure.event_id.hex}"
    entity_id = "unknown" if erasure.entity_id is None else erasure.entity_id
    identity = PosterIdentity(
        job_id=job_id, poster_index=0, entity_id=entity_id, section=erasure.section, source=erasure.source
    )
    return _answer(erasure, identity)


def _answer(erasure: Erasure, poster: PosterIdentity) -> Record:
    events = PosterEvents(poster=poster, now=erasure.requested_at, headers=event_headers())
    return events.erased(erasure.event_id)
