"""What was asked for, and whether what became of it is what was promised."""

from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg
from botocore.exceptions import ClientError

from schemas import topics
from tests.flow.system import System
from tests.parts import Bucket

Expected = Literal["completed", "failed", "cancelled", "completed or cancelled"]

HISTORY = """
CREATE TABLE IF NOT EXISTS results_history (
    job_id text, poster_index integer, old_generation integer, old_rank integer, old_attempt integer,
    new_generation integer, new_rank integer, new_attempt integer);
CREATE OR REPLACE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO results_history VALUES (NEW.job_id, NEW.poster_index, OLD.generation, OLD.status_rank, OLD.attempt,
                                        NEW.generation, NEW.status_rank, NEW.attempt);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER keep_history AFTER INSERT OR UPDATE ON template_poster_results
    FOR EACH ROW EXECUTE FUNCTION keep_history();
"""
DOUBLE = """
SELECT job_id FROM results_history WHERE new_rank = 2 AND old_rank IS DISTINCT FROM 2
GROUP BY job_id, poster_index, new_generation HAVING count(*) > 1
"""
BACKWARD = """
SELECT job_id FROM results_history
WHERE old_rank IS NOT NULL AND (new_generation, new_rank, new_attempt) < (old_generation, old_rank, old_attempt)
"""
WRONG_COUNTS = """
SELECT j.job_id FROM template_generation_jobs j JOIN LATERAL (
    SELECT count(*) FILTER (WHERE status = 'completed') AS c, count(*) FILTER (WHERE status = 'failed') AS f,
           count(*) FILTER (WHERE status = 'cancelled') AS x
    FROM template_poster_results r WHERE r.job_id = j.job_id) r ON true
WHERE (j.success_count, j.failure_count, j.cancelled_count) <> (r.c, r.f, r.x)
"""
ENDED = "SELECT count(*) AS n FROM template_poster_results WHERE status_rank = 2 AND job_id = ANY (%s)"


@dataclass
class Verdict:
    """What a check found: everything but `repeated` has to be empty or 0."""

    posters: int
    lost: list[str]
    decided_twice: list[str]
    phantoms: list[str]
    backward: list[str]
    wrong_counts: list[str]
    unexpected: list[str]
    missing_objects: list[str]
    dead_letters: int
    repeated: int

    @property
    def safe(self) -> bool:
        """Whether every promise was kept."""
        return not (
            self.lost
            or self.decided_twice
            or self.phantoms
            or self.backward
            or self.wrong_counts
            or self.unexpected
            or self.missing_objects
            or self.dead_letters
        )


@dataclass
class Ledger:
    """Every request with what is to become of it."""

    system: System
    bucket: Bucket
    expected: dict[str, Expected] = field(default_factory=dict)

    def begin(self) -> None:
        """Keep the history of every result from now on."""
        with psycopg.connect(self.system.database_url) as connection:
            connection.execute(HISTORY)

    def ended(self) -> int:
        """Return how many posters have their outcome recorded."""
        return int(self.system.rows(ENDED, list(self.expected))[0]["n"])

    def check(self) -> Verdict:
        """Compare what is recorded, stored and published with what was asked for."""
        rows = {
            row["job_id"]: row
            for row in self.system.rows("SELECT job_id, status, status_rank, object_key FROM template_poster_results")
        }
        ends = {job: str(row["status"]) for job, row in rows.items() if row["status_rank"] == 2}
        completed = self.system.all(topics.POSTER_COMPLETIONS)
        return Verdict(
            posters=len(self.expected),
            lost=sorted(self.expected.keys() - ends.keys()),
            decided_twice=self._jobs(DOUBLE),
            phantoms=sorted(rows.keys() - self.expected.keys()),
            backward=self._jobs(BACKWARD),
            wrong_counts=self._jobs(WRONG_COUNTS),
            unexpected=[job for job, status in ends.items() if status not in self.expected.get(job, "")],
            missing_objects=[row["job_id"] for row in rows.values() if not self._is_there(row)],
            dead_letters=len(self.system.all(topics.DEAD_LETTERS)),
            repeated=len(completed) - len({seen.body["job_id"] for seen in completed}),
        )

    def _jobs(self, query: str) -> list[str]:
        return [row["job_id"] for row in self.system.rows(query)]

    def _is_there(self, row: dict[str, Any]) -> bool:
        if row["status"] != "completed":
            return True
        try:
            self.bucket.client().head_object(Bucket=self.bucket.name, Key=row["object_key"])
        except ClientError:
            return False
        return True
