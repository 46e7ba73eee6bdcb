"""The parts of batches that intake has seen: finds a part that contradicts an earlier one of its job.

They are in memory: after a restart, or once a job's entry is evicted, a contradiction is not recognised. It does no
harm then: the contract bounds every part by itself, and the first outcome of a poster counts.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from cachetools import LRUCache

from schemas.requests import BatchRequested

CACHE_SIZE: Final = 100_000
"""Parts in memory, of all jobs together; as many as one job can have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Why a part is refused, and the indexes of its posters that an earlier part has brought."""

    reason: str
    known: frozenset[int]


@dataclass(slots=True)
class _Job:
    """What the first part said of its job, and the ranges of all parts, in order of their first index."""

    total: int
    parts: int
    first_part: int
    ranges: dict[int, range] = field(default_factory=dict)
    ordered: list[tuple[int, int]] = field(default_factory=list)

    def overlapping(self, indexes: range) -> Iterator[range]:
        """Yield the ranges that share an index with these."""
        # Accepted ranges do not overlap, so only the one before can reach into this one.
        at = max(0, bisect_left(self.ordered, (indexes.start, 0)) - 1)
        for _, part in self.ordered[at:]:
            each = self.ranges[part]
            if each.start >= indexes.stop:
                return
            if each.stop > indexes.start:
                yield each


class BatchParts:
    """Remembers the parts of jobs of more than one part; those of the least recently used jobs are evicted."""

    def __init__(self) -> None:
        self._jobs: LRUCache[str, _Job] = LRUCache(CACHE_SIZE, getsizeof=lambda job: max(1, len(job.ranges)))

    def add(self, batch: BatchRequested) -> Contradiction | None:
        """Remember a part, or return how it contradicts an earlier one. The same part again is no contradiction."""
        if batch.parts == 1:
            return None
        job = self._jobs.get(batch.job_id) or _Job(batch.total, batch.parts, batch.part)
        indexes = range(batch.first_index, batch.first_index + len(batch.posters))
        if job.ranges.get(batch.part) == indexes and (job.total, job.parts) == (batch.total, batch.parts):
            return None
        known = list(job.overlapping(indexes))
        reason = _reason(batch, job, known)
        if reason is not None:
            return Contradiction(
                reason=reason, known=frozenset(index for index in indexes if any(index in each for each in known))
            )
        job.ranges[batch.part] = indexes
        insort(job.ordered, (indexes.start, batch.part))
        self._jobs[batch.job_id] = job
        return None


def _reason(batch: BatchRequested, job: _Job, known: list[range]) -> str | None:
    said = f"part {job.first_part} of this job said"
    if batch.total != job.total:
        return f"part {batch.part} says that `total_count` is {batch.total}, but {said} {job.total}"
    if batch.parts != job.parts:
        return f"part {batch.part} says that `parts` is {batch.parts}, but {said} {job.parts}"
    if batch.part in job.ranges:
        first = job.ranges[batch.part]
        return f"part {batch.part} was requested before, with posters {first.start} to {first.stop - 1}"
    if known:
        first = known[0]
        return f"part {batch.part} overlaps posters {first.start} to {first.stop - 1}, which another part has requested"
    return None
