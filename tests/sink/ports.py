"""The two ports of the sink, in memory: its publisher and its dead letters."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.codec import decode
from schemas.outcomes import JobEvent, PosterOutcome
from schemas.renders import JobCancellation
from schemas.topics import JOB_CANCELLATIONS, JOB_EVENTS, POSTER_COMPLETIONS
from streams.delivery import Delivery, Record
from streams.errors import UnavailableError


@dataclass
class Announcements:
    """A publisher that records what it publishes; the next `refusals` calls fail as if the broker were unavailable."""

    records: list[Record] = field(default_factory=list)
    refusals: int = 0

    async def publish(self, records: Iterable[Record]) -> None:
        """Record them, or raise UnavailableError."""
        if self.refusals > 0:
            self.refusals -= 1
            raise UnavailableError("the broker is unavailable")
        self.records += records

    @property
    def job_events(self) -> list[JobEvent]:
        """The job-events among them, in order."""
        return [decode(record.value, JobEvent) for record in self.records if record.topic == JOB_EVENTS]

    @property
    def cancellations(self) -> list[tuple[str, int]]:
        """The jobs on `job-cancellations`, and up to which generation."""
        records = [record for record in self.records if record.topic == JOB_CANCELLATIONS]
        events = [decode(record.value, JobCancellation) for record in records]
        return [(event.job_id, event.up_to_generation) for event in events]

    @property
    def outcomes(self) -> list[PosterOutcome]:
        """The outcomes among them, in order."""
        return [decode(record.value, PosterOutcome) for record in self.records if record.topic == POSTER_COMPLETIONS]


@dataclass
class RecordedDeadLetters:
    """Dead letters, recorded with their reasons."""

    letters: list[tuple[Delivery, str, str]] = field(default_factory=list)

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Record it."""
        self.letters.append((delivery, reason, error))
