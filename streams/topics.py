"""The whole flow in one place: every topic with its broker settings, and the roles that read and write it.

`posters/roles.py` connects each role to its topics; `agents/<role>/agent.py` has the steps of a record in the role.

poster-requests ─▶ intake ─▶ poster-renders(-bulk) ─▶ render ─▶ poster-completions ─▶ sink ─▶ Postgres, job-events
                                    ▲                   │
                                    └───── retry ◀── poster-retries-1/2/3
template-commands ─▶ templates ─▶ template-events, template-catalog
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Literal

from schemas import topics as names

Role = Literal["intake", "render", "retry", "templates", "sink"]

ROLES: Final[tuple[Role, ...]] = ("intake", "render", "retry", "templates", "sink")

MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic as `posters setup` creates it. `retention` None: records are kept without a time limit."""

    name: str
    partitions: int
    retention: timedelta | None = timedelta(days=7)
    compact: bool = False
    log_append_time: bool = False
    max_message_bytes: int = MEBIBYTE

    @property
    def segment(self) -> timedelta:
        """How long a segment takes records. Only closed ones expire or are compacted: records stay this much longer."""
        return timedelta(hours=1) if self.compact else timedelta(days=1)

    def configuration(self) -> dict[str, str]:
        """Return the topic's settings under the broker's names."""
        policies = [name for name, on in (("compact", self.compact), ("delete", self.retention is not None)) if on]
        settings = {
            "cleanup.policy": ",".join(policies),
            "max.message.bytes": str(self.max_message_bytes),
            "segment.ms": str(_milliseconds(self.segment)),
        }
        if self.retention is not None:
            settings["retention.ms"] = str(_milliseconds(self.retention))
        if self.log_append_time:
            settings["message.timestamp.type"] = "LogAppendTime"
        return settings


def _milliseconds(time: timedelta) -> int:
    return int(time.total_seconds() * 1000)


TOPICS: Final[tuple[Topic, ...]] = (
    Topic(name=names.POSTER_REQUESTS, partitions=6, log_append_time=True, max_message_bytes=4 * MEBIBYTE),
    Topic(name=names.POSTER_REPLAYS, partitions=6, log_append_time=True, max_message_bytes=4 * MEBIBYTE),
    Topic(name=names.POSTER_RENDERS, partitions=12),
    Topic(name=names.POSTER_RENDERS_BULK, partitions=12),
    *(Topic(name=name, partitions=3) for name in names.POSTER_RETRIES),
    Topic(name=names.POSTER_PROGRESS, partitions=6),
    Topic(name=names.POSTER_COMPLETIONS, partitions=6),
    Topic(name=names.POSTER_LOGS, partitions=6),
    Topic(name=names.JOB_EVENTS, partitions=6),
    Topic(name=names.JOB_CANCELLATIONS, partitions=1, compact=True),
    Topic(
        name=names.TEMPLATE_COMMANDS,
        partitions=1,
        retention=timedelta(days=30),
        log_append_time=True,
        max_message_bytes=8 * MEBIBYTE,
    ),
    # An answer to template.get carries the HTML, escaped: JSON makes up to six bytes of one.
    Topic(name=names.TEMPLATE_EVENTS, partitions=1, retention=timedelta(days=30), max_message_bytes=8 * MEBIBYTE),
    Topic(name=names.TEMPLATE_CATALOG, partitions=1, retention=None, compact=True),
    Topic(name=names.DEAD_LETTERS, partitions=1, retention=timedelta(days=14), max_message_bytes=5 * MEBIBYTE),
)


_REQUESTS: Final = next(topic for topic in TOPICS if topic.name == names.POSTER_REQUESTS)
assert _REQUESTS.retention is not None  # noqa: S101 - a constant
REQUESTS_AGE: Final = _REQUESTS.retention + _REQUESTS.segment + timedelta(days=1)
"""No request that is older can be delivered again: what was decided on it, or commanded before it, may be deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """The topics of a role and its limits.

    A role consumes `consumes` as a group, reads the compacted topics `reads_compacted` in full without a group, and
    writes `writes`. `cap` is the weight of unfinished records at which a partition is paused (backpressure), and
    `poll_records` how many more may arrive from the fetch in progress; together they bound the duplicates after a kill.
    While records keep arriving, a fetch waits `fetch_more_seconds` for more of them. The consumer hands on
    `records_at_once` before other tasks of the process run, where that is set; Faust hands on 100, in some 5 ms.
    """

    consumes: tuple[str, ...]
    writes: tuple[str, ...]
    cap: int
    poll_records: int
    reads_compacted: tuple[str, ...] = field(default=())
    fetch_more_seconds: float = 0.0
    records_at_once: int | None = None


_RENDERS: Final = (names.POSTER_RENDERS, names.POSTER_RENDERS_BULK)

EDGES: Final[dict[Role, Edges]] = {
    "intake": Edges(
        consumes=(names.POSTER_REQUESTS, names.POSTER_REPLAYS),
        reads_compacted=(names.TEMPLATE_CATALOG, names.JOB_CANCELLATIONS),
        writes=(
            *_RENDERS,
            names.POSTER_PROGRESS,
            names.POSTER_LOGS,
            names.JOB_CANCELLATIONS,
            names.POSTER_COMPLETIONS,
            names.DEAD_LETTERS,
        ),
        # So many that requests of other sources are seen behind the backlog of one.
        cap=8_000,
        poll_records=250,
    ),
    "render": Edges(
        consumes=_RENDERS,
        reads_compacted=(names.JOB_CANCELLATIONS,),
        writes=(
            names.POSTER_COMPLETIONS,
            names.POSTER_PROGRESS,
            names.POSTER_LOGS,
            *names.POSTER_RETRIES,
            names.TEMPLATE_EVENTS,
            names.DEAD_LETTERS,
        ),
        cap=500,
        poll_records=100,
    ),
    "retry": Edges(
        consumes=names.POSTER_RETRIES,
        reads_compacted=(names.JOB_CANCELLATIONS,),
        # A poster that crashes workers, or is too large for its topic, fails here.
        writes=(*_RENDERS, names.POSTER_COMPLETIONS, names.POSTER_LOGS, names.DEAD_LETTERS),
        cap=8,
        poll_records=4,
    ),
    "templates": Edges(
        consumes=(names.TEMPLATE_COMMANDS,),
        writes=(
            names.TEMPLATE_EVENTS,
            names.TEMPLATE_CATALOG,
            names.POSTER_RENDERS,
            names.DEAD_LETTERS,
        ),
        cap=8,
        poll_records=8,
    ),
    "sink": Edges(
        consumes=(
            names.POSTER_REQUESTS,
            names.POSTER_REPLAYS,
            names.POSTER_PROGRESS,
            names.POSTER_COMPLETIONS,
            names.POSTER_LOGS,
        ),
        writes=(
            names.JOB_EVENTS,
            names.POSTER_COMPLETIONS,
            names.POSTER_REPLAYS,
            names.JOB_CANCELLATIONS,
            names.DEAD_LETTERS,
        ),
        cap=2_000,
        poll_records=500,
        fetch_more_seconds=0.1,
        # No poster waits for the sink, and intake reads the same requests at the same time.
        records_at_once=25,
    ),
}

SITE_CONSUMES: Final = (names.POSTER_COMPLETIONS, names.JOB_EVENTS, names.TEMPLATE_EVENTS, names.TEMPLATE_CATALOG)
"""The topics that a site consumes as a group of its own."""
SITE_WRITES: Final = (names.POSTER_REQUESTS, names.TEMPLATE_COMMANDS)

OPERATOR_READS: Final = tuple(
    dict.fromkeys(
        (
            *EDGES["sink"].consumes,  # `posters rebuild`, `replay`, and `request --wait`
            names.DEAD_LETTERS,
            names.TEMPLATE_EVENTS,
            names.TEMPLATE_CATALOG,
        )
    )
)
"""The topics that the commands read, without a consumer group."""
OPERATOR_WRITES: Final = tuple(
    dict.fromkeys((*(topic for role in ROLES for topic in EDGES[role].consumes), names.TEMPLATE_CATALOG))
)
"""The topics that the commands write: a dead letter is sent back to whichever topic a role consumed it from, and
`posters templates own` states the owner on the catalog."""


def source_topics(sources: Iterable[str]) -> tuple[Topic, ...]:
    """Return the topics of these sources alone; each is made like the shared topic to which intake forwards it."""
    shared = [topic for topic in TOPICS if topic.name in SITE_WRITES]
    return tuple(replace(topic, name=names.own_topic(topic.name, source)) for source in sources for topic in shared)
