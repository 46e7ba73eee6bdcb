"""The ledger of a fault run: every request with its expected outcome, checked against tables, topics and objects."""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Any, Literal
from urllib.parse import quote

import orjson
import psycopg
from botocore.exceptions import ClientError
from confluent_kafka import KafkaException

from schemas import topics
from tests.faults.offset_snapshots import (
    Effects,
    OffsetSnapshot,
    Poster,
    acknowledged_early,
    read_effects,
    take_snapshot,
)
from tests.flow.system import System
from tests.parts import Bucket

Expected = Literal["completed", "failed", "cancelled", "completed or cancelled", "completed or failed"]

HISTORY = """
CREATE TABLE IF NOT EXISTS results_history (
    at timestamptz, job_id text, poster_index integer, old_generation integer, old_rank integer, old_attempt integer,
    new_generation integer, new_rank integer, new_attempt integer);
CREATE OR REPLACE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO results_history VALUES (clock_timestamp(), NEW.job_id, NEW.poster_index, OLD.generation,
                                        OLD.status_rank, OLD.attempt, NEW.generation, NEW.status_rank, NEW.attempt);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER keep_history AFTER INSERT OR UPDATE ON template_poster_results
    FOR EACH ROW EXECUTE FUNCTION keep_history();
"""
DOUBLE = """
SELECT job_id, poster_index FROM results_history WHERE new_rank = 2 AND old_rank IS DISTINCT FROM 2
GROUP BY job_id, poster_index, new_generation HAVING count(*) > 1
"""
BACKWARD = """
SELECT job_id, poster_index FROM results_history
WHERE old_rank IS NOT NULL AND (new_generation, new_rank, new_attempt) < (old_generation, old_rank, old_attempt)
"""
WRONG_COUNTS = """
SELECT j.job_id, 0 AS poster_index FROM template_generation_jobs j JOIN LATERAL (
    SELECT count(*) FILTER (WHERE status = 'completed') AS c, count(*) FILTER (WHERE status = 'failed') AS f,
           count(*) FILTER (WHERE status = 'cancelled') AS x
    FROM template_poster_results r WHERE r.job_id = j.job_id) r ON true
WHERE (j.success_count, j.failure_count, j.cancelled_count) <> (r.c, r.f, r.x)
"""
RESULTS = """
SELECT job_id, poster_index, entity_id, status, status_rank, object_key, sha256, size_bytes
FROM template_poster_results
"""
ENDED_FIRST = """
SELECT job_id, poster_index, min(at) AS at FROM results_history WHERE new_rank = 2 GROUP BY job_id, poster_index
"""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The result of a check: safe if every list is empty."""

    posters: int
    poison: int
    repeated: int
    lost: list[str]
    decided_twice: list[str]
    phantoms: list[str]
    backward: list[str]
    wrong_counts: list[str]
    unexpected: list[str]
    wrong_objects: list[str]
    acknowledged_early: list[str]
    wrong_letters: list[str]

    @property
    def safe(self) -> bool:
        """Whether safety holds."""
        return not any(isinstance(value := getattr(self, each.name), list) and value for each in fields(self))


@dataclass
class Ledger:
    """Every request with its expected outcome, and snapshots of the offsets committed meanwhile."""

    system: System
    bucket: Bucket
    expected: dict[Poster, Expected] = field(default_factory=dict)
    poison: dict[bytes, bytes] = field(default_factory=dict)
    """The poison messages that were sent: key → value."""
    killers: set[str] = field(default_factory=set)
    """The jobs whose poster ends its worker: the dead letter of each is a record that a role wrote."""
    optional_letters: set[bytes] = field(default_factory=set)
    """Keys of records that are dead letters or not, depending on when they are read."""
    builds_differ: bool = False
    """Whether two builds draw, each under its own keys: of a poster that is delivered again a second object remains."""
    snapshots: list[OffsetSnapshot] = field(default_factory=list)

    def begin(self) -> None:
        """Record the history of every result from now on."""
        with psycopg.connect(self.system.database_url) as connection:
            connection.execute(HISTORY)

    def take_snapshot(self) -> None:
        """Record the committed offsets; nothing where the broker is unavailable."""
        with suppress(KafkaException, TimeoutError):
            self.snapshots.append(take_snapshot(self.system.brokers))

    def ended(self) -> int:
        """Return how many posters have their outcome recorded."""
        return int(self.system.rows("SELECT count(*) AS n FROM template_poster_results WHERE status_rank = 2")[0]["n"])

    def settled(self) -> bool:
        """Whether every request has ended, and every poison message is a dead letter."""
        return self.ended() >= len(self.expected) and self._letters().keys() >= self.poison.keys()

    def check(self) -> Verdict:
        """Compare what is recorded, stored and published with what was requested."""
        self.take_snapshot()
        rows = {(row["job_id"], row["poster_index"]): row for row in self.system.rows(RESULTS)}
        ends = {poster: str(row["status"]) for poster, row in rows.items() if row["status_rank"] == 2}
        effects = read_effects(self.system.brokers)
        outcomes = [each for each in effects.records if each.topic == topics.POSTER_COMPLETIONS and each.is_ours]
        return Verdict(
            posters=len(self.expected),
            poison=len(self.poison),
            repeated=len(outcomes) - len({record.poster for record in outcomes}),
            lost=_named(self.expected.keys() - ends.keys()),
            decided_twice=self._posters(DOUBLE),
            phantoms=_named(rows.keys() - self.expected.keys()),
            backward=self._posters(BACKWARD),
            wrong_counts=self._posters(WRONG_COUNTS),
            unexpected=_named({each for each, status in ends.items() if status not in self.expected.get(each, "")}),
            wrong_objects=[*self._wrong_objects(rows), *self._orphans(rows)],
            acknowledged_early=list(self._acknowledged_early(effects)),
            wrong_letters=self._wrong_letters(),
        )

    def _posters(self, query: str) -> list[str]:
        return _named({(row["job_id"], row["poster_index"]) for row in self.system.rows(query)})

    def _wrong_objects(self, rows: dict[Poster, dict[str, Any]]) -> Iterator[str]:
        client = self.bucket.client()
        for row in rows.values():
            if row["status"] != "completed":
                continue
            try:
                body = client.get_object(Bucket=self.bucket.name, Key=row["object_key"])["Body"].read()
            except ClientError as error:
                yield f"{row['object_key']}: {error}"
                continue
            if (len(body), hashlib.sha256(body).hexdigest()) != (row["size_bytes"], row["sha256"]):
                yield f"{row['object_key']}: other bytes than recorded"

    def _orphans(self, rows: dict[Poster, dict[str, Any]]) -> Iterator[str]:
        """Yield objects of no poster. An object of a poster that was cancelled meanwhile may remain."""
        known = {row["object_key"] for row in rows.values()}
        known_entities = {
            quote(row["entity_id"], safe="")
            for row in rows.values()
            if self.builds_differ or "cancelled" in self._expects(row)
        }
        pages = self.bucket.client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket.name)
        for page in pages:
            for item in page.get("Contents", []):
                entity = item["Key"].rpartition("/")[2].rpartition("_")[0]
                if item["Key"] not in known and entity not in known_entities:
                    yield f"{item['Key']}: of no poster"

    def _expects(self, row: dict[str, Any]) -> str:
        return self.expected.get((row["job_id"], row["poster_index"]), "")

    def _acknowledged_early(self, effects: Effects) -> Iterator[str]:
        """Yield records below a committed offset whose effect did not exist at the time of the snapshot."""
        recorded = {(row["job_id"], row["poster_index"]): row["at"] for row in self.system.rows(ENDED_FIRST)}
        for snapshot in self.snapshots:
            yield from acknowledged_early(effects, snapshot, recorded, self._may_vanish)

    def _may_vanish(self, body: Any) -> bool:
        """Whether a record need not have an effect: posters of a cancelled job are dropped by any role.

        What a hostile site sends has none, but a dead letter, which is checked at the end.
        """
        if not isinstance(body, dict):
            return False
        if body.get("source") == "evil":
            return True
        return "cancelled" in self.expected.get((body["job_id"], body.get("poster_index", 0)), "")

    def _letters(self) -> dict[bytes, set[bytes]]:
        """Return the dead letters of what was sent: key → values."""
        letters: dict[bytes, set[bytes]] = {}
        for record in self.system.all(topics.DEAD_LETTERS):
            if not _jobs_in(record.value) & self.killers:
                letters.setdefault(record.key or b"", set()).add(record.value or b"")
        return letters

    def _wrong_letters(self) -> list[str]:
        """Return the keys whose dead letters are not, byte for byte, the poison messages, and killers without one."""
        letters, expected = self._letters(), {key: {value} for key, value in self.poison.items()}
        jobs = {job for record in self.system.all(topics.DEAD_LETTERS) for job in _jobs_in(record.value)}
        keys = (letters.keys() | expected.keys()) - self.optional_letters
        wrong = {repr(key) for key in keys if letters.get(key) != expected.get(key)}
        return sorted(wrong | self.killers - jobs)


def _jobs_in(value: bytes | None) -> set[str]:
    """Return the job that a dead letter names, where it names one."""
    try:
        body = orjson.loads(value or b"null")
    except orjson.JSONDecodeError:
        return set()
    return {str(body["job_id"])} if isinstance(body, dict) and "job_id" in body else set()


def _named(posters: set[Poster]) -> list[str]:
    return sorted(f"{job}[{index}]" for job, index in posters)
