"""A model of what a load takes: processes, cores, partitions, waits, bytes and rows. Arithmetic on measured constants.

Each constant names its source. All of them were measured on one machine with two cores, on which everything ran; that
capacity grows in proportion with cores and machines is an assumption. What of it was checked, render workers with
drawing simulated on that machine, is in docs/capacity.md.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from schemas import topics
from streams.topics import TOPICS

SECONDS_A_DAY: Final = 86_400

# docs/performance.md, "Against Chromium alone": a backlog on two busy cores, with all other parts on them as well.
MEASURED_CORES: Final = 2
SIMPLE_PER_SECOND: Final = 29.9
RICH_PER_SECOND: Final = 6.6
# The same section, one poster at a time: the median from the request to the completion received, in ms.
SIMPLE_LATENCY_MS: Final = 63
RICH_LATENCY_MS: Final = 302
# docs/performance.md, "Encoder": PNG for speed, 1080 x 1080, in bytes.
SIMPLE_IMAGE_BYTES: Final = 76_000
RICH_IMAGE_BYTES: Final = 865_000
# docs/performance.md, "Intake": requests a second that one process takes one by one.
INTAKE_PER_SECOND: Final = 3_825
# docs/performance.md, "Sink": events a second of one process and of two, and what the second brings of a first one.
SINK_EVENTS_PER_SECOND: Final = 4_233
HIGHEST_EVENTS_PER_SECOND: Final = 4_988
FURTHER_SINK: Final = 0.89
EVENTS_A_POSTER: Final = 5
# Measured on 2026-11-30 with the events of bench/events.py, 8,000 posters requested one by one: records with keys and
# headers; rows with their indexes, after VACUUM.
RECORDS_A_POSTER: Final = 8
"""Request, pinned poster, two of progress, completion, three of the job."""
RECORD_BYTES: Final = 6_500
ROWS_A_POSTER: Final = 2
ROW_BYTES: Final = 3_100
WAL_BYTES: Final = 10_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is asked for, and how it is to be served.

    `per_second` posters arrive at the peak, which is `peak` times the mean of the day; a share of `rich` (0 to 1) are
    like bench/baselines/rich.html, with gradients and blur. Workers have `worker_cores` cores each, busy to
    `utilization` (below 1) at the peak. `copies`: replicas of each topic.
    """

    per_second: float
    rich: float = 0.3
    peak: float = 4.0
    worker_cores: int = 2
    utilization: float = 0.7
    copies: int = 3

    @property
    def posters_a_day(self) -> float:
        """How many posters arrive in a day."""
        return self.per_second / self.peak * SECONDS_A_DAY

    def mixed(self, simple: float, rich: float) -> float:
        """Return the mean of a figure over the mix."""
        return simple * (1 - self.rich) + rich * self.rich

    @property
    def core_seconds(self) -> float:
        """Mean processor time of a poster, in all processes: roles, Chromium, broker, database and storage."""
        return self.mixed(MEASURED_CORES / SIMPLE_PER_SECOND, MEASURED_CORES / RICH_PER_SECOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A resource, up to how many posters a second it lasts as it is shipped, and what raises it."""

    name: str
    per_second: float
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a load takes at its peak. Times in seconds, bytes and rows a day."""

    cores: int
    render_workers: int
    intake_processes: int
    sink_processes: int
    render_partitions: int
    wait: float
    lag: float
    latency: float
    drain: float
    core_hours: float
    core_hours_reserved: float
    topic_bytes: float
    topic_bytes_kept: float
    image_bytes: float
    rows: float
    row_bytes: float
    wal_bytes: float
    limits: tuple[Limit, ...]
    """The one that is reached first comes first."""


BACKLOG: Final = 10_000
"""Posters of the backlog for which `Plan.drain` is computed."""


def plan(load: Load) -> Plan:
    """Return what the load takes."""
    workers = max(1, math.ceil(load.per_second * load.core_seconds / load.utilization / load.worker_cores))
    cores = workers * load.worker_cores
    wait = _wait(load, cores)
    a_day = load.posters_a_day
    return Plan(
        cores=cores,
        render_workers=workers,
        intake_processes=max(1, math.ceil(load.per_second / (INTAKE_PER_SECOND * load.utilization))),
        sink_processes=_sinks(load.per_second * EVENTS_A_POSTER / load.utilization),
        render_partitions=max(_partitions(topics.POSTER_RENDERS), workers),
        wait=wait,
        lag=wait * load.per_second,
        latency=wait + load.mixed(SIMPLE_LATENCY_MS, RICH_LATENCY_MS) / 1000,
        drain=BACKLOG / (cores / load.core_seconds - load.per_second),
        core_hours=a_day * load.core_seconds / 3600,
        core_hours_reserved=cores * 24,
        topic_bytes=a_day * RECORD_BYTES * load.copies,
        topic_bytes_kept=a_day * RECORD_BYTES * load.copies * _days_kept(),
        image_bytes=a_day * load.mixed(SIMPLE_IMAGE_BYTES, RICH_IMAGE_BYTES),
        rows=a_day * ROWS_A_POSTER,
        row_bytes=a_day * ROW_BYTES,
        wal_bytes=a_day * WAL_BYTES,
        limits=_limits(load),
    )


def _wait(load: Load, cores: int) -> float:
    """Return the mean wait for a core at the peak: Sakasegawa's approximation of a queue with several servers.

    Arrivals are random (Poisson); a poster occupies one core for its processor time, which depends on its kind alone.
    """
    mean = load.core_seconds
    square = load.mixed((MEASURED_CORES / SIMPLE_PER_SECOND) ** 2, (MEASURED_CORES / RICH_PER_SECOND) ** 2)
    busy = load.per_second * mean / cores
    # Half the sum of the squared coefficients of variation: of the arrivals 1, of the work square / mean² - 1.
    variability = square / mean**2 / 2
    all_busy: float = busy ** (math.sqrt(2 * (cores + 1)) - 1)
    return variability * mean * all_busy / (cores * (1 - busy))


def _sinks(events_per_second: float) -> int:
    """Return how many sink processes write this many events; each further one brings less than the first."""
    further = (events_per_second - SINK_EVENTS_PER_SECOND) / (SINK_EVENTS_PER_SECOND * FURTHER_SINK)
    return 1 + max(0, math.ceil(further))


def _limits(load: Load) -> tuple[Limit, ...]:
    workers = _partitions(topics.POSTER_RENDERS)
    sinks = 1 + (_partitions(topics.POSTER_COMPLETIONS) - 1) * FURTHER_SINK
    found = (
        Limit(
            name=f"partitions of the render topics ({workers} workers of {load.worker_cores} cores)",
            per_second=workers * load.worker_cores * load.utilization / load.core_seconds,
            remedy="add partitions to poster-renders and poster-renders-bulk at any time, or give workers more cores",
        ),
        Limit(
            name="the database: more events a second than were measured",
            per_second=HIGHEST_EVENTS_PER_SECOND / EVENTS_A_POSTER,
            remedy="measure yours (`make bench ARGS=sink`); the figure is of two cores that everything shared",
        ),
        Limit(
            name="partitions of the sink's topics",
            per_second=sinks * SINK_EVENTS_PER_SECOND * load.utilization / EVENTS_A_POSTER,
            remedy="create the topics with more: their records are in order by job, so none can be added later",
        ),
        Limit(
            name="partitions of poster-requests",
            per_second=_partitions(topics.POSTER_REQUESTS) * INTAKE_PER_SECOND * load.utilization,
            remedy="ask in batches, or create the topic with more partitions",
        ),
    )
    return tuple(sorted(found, key=lambda limit: limit.per_second))


def _partitions(name: str) -> int:
    return next(topic.partitions for topic in TOPICS if topic.name == name)


def _days_kept() -> int:
    """Return how many days records are kept at most; the topics of a poster are alike."""
    completions = next(topic for topic in TOPICS if topic.name == topics.POSTER_COMPLETIONS)
    return ((completions.retention or timedelta()) + completions.segment).days
