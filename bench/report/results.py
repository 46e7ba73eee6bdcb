"""Results of each part of the benchmark as they are stored: single rounds and times, which the page judges."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """One document, through the system and both baselines in turns: posters a second, milliseconds alone.

    The baselines are Chromium driven by Playwright and Chromium over the pipe. `rates` are between completions,
    `whole_rates` from the first request sent (or document begun) to the last completion received. `first_ms` are the
    first single posters after a start of every role. What older results lack is empty.
    """

    rates: list[float]
    ms: list[float]
    playwright_rates: list[float]
    playwright_ms: list[float]
    pipe_rates: list[float] = field(default_factory=list)
    pipe_ms: list[float] = field(default_factory=list)
    whole_rates: list[float] = field(default_factory=list)
    playwright_whole_rates: list[float] = field(default_factory=list)
    pipe_whole_rates: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Backlogs of `posters` and posters at rest, by document."""

    posters: int
    documents: dict[str, Rounds]


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """Seconds from a process's start to its first completion, its request waiting; of all roles or of render alone."""

    worker: list[float]
    render: list[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The memory of a render worker after this many posters, in MB (10⁶ bytes)."""

    posters: int
    python: float
    chromium: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """One long run: the render worker over time, and the most that each role's Python process had, in MB.

    `thousands` has the posters a second of each thousand in the order of their completion, and `crashes` how many
    pages were killed among them; older results have neither.
    """

    posters: int
    samples: list[Sample]
    roles: dict[str, float]
    thousands: list[float] = field(default_factory=list)
    crashes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Posters a second through one process: requested one by one, and in batches of 500."""

    requests: int
    rate: float
    batched_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkRun:
    """Events a second through the broker, and how many cores of the machine were busy meanwhile."""

    processes: int
    rate: float
    cores_busy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sinks:
    """The sink with one process and with two, and without the broker: new events, and the same again."""

    events: int
    cores: int
    runs: list[SinkRun]
    fresh: float
    again: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reused:
    """Milliseconds of rendering a poster and of answering it from storage."""

    rendered_ms: float
    stored_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuses:
    """By store, then by document."""

    stores: dict[str, dict[str, Reused]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One encoder: milliseconds of a poster alone, posters a second together, bytes of an image."""

    ms: float
    rate: float
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What decided our choices, by document and then by alternative: posters a second unless noted otherwise."""

    slots: dict[str, dict[str, float]]
    frames: dict[str, dict[str, float]]
    encoders: dict[str, dict[str, Encoded]]
    pages: dict[str, dict[str, float]]
    uploads: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """Processor time of a poster in milliseconds, with guards and without, in turns.

    `python` is that of the roles' own processes, where the guards are; `everything` has Chromium too. `one_source` and
    `four_sources` are posters a second of backlogs with the guards, in turns; old results lack them.
    """

    posters: int
    python: list[float]
    python_without: list[float]
    everything: list[float]
    everything_without: list[float]
    one_source: list[float] = field(default_factory=list)
    four_sources: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """Milliseconds of single posters: with nothing beside them, and while a batch of `posters` is being accepted.

    `seconds` has how long each round's batch took to be accepted, from sending it to its last pinned poster.
    """

    posters: int
    idle_ms: list[float]
    beside_ms: list[float]
    seconds: list[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """Posters a second by document, with a process for each role and with one process for all of them, in turns."""

    posters: int
    separate: dict[str, list[float]]
    one: dict[str, list[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another renderer with one document: each mode tried, the best one in turns with our backlogs; posters a second.

    `quick` is the best mode again with Chromium's quick PNG encoder, which its callers have to ask for.
    """

    modes: dict[str, float]
    best: str
    rates: list[float]
    quick: list[float]
    ours: list[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """By document."""

    version: str
    documents: dict[str, Peer]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverRound:
    """One round through the engine over one driver, in a process of its own.

    Seconds from the engine's start to its first poster; by document the posters a second and the processor time of one
    in milliseconds, of all processes; their memory at the end in MB, that of shared pages divided.
    """

    start_seconds: float
    rates: dict[str, float]
    processor_ms: dict[str, float]
    memory_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drivers:
    """The engine over each browser driver in turns, by driver; how many posters of each document a round had."""

    day: str
    chromium: str
    slots: int
    posters: dict[str, int]
    rounds: dict[str, list[DriverRound]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleRun:
    """Render workers with simulated drawing: posters a second, and how many cores of the machine were busy meanwhile.

    `parts` has the cores that each part took: the workers, broker, database and storage.
    """

    workers: int
    partitions: int
    rate: float
    cores_busy: float
    parts: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebalance:
    """From `before` to `after` workers under load.

    `seconds_to_ready`: until the last of them was ready; `below_seconds`: the longest time with less than 0.9 of the
    throughput before; `pause_seconds`: the longest without any poster; `reached_seconds`: from the last one's readiness
    to 0.94 of what the larger number completes. `twice`: posters that were drawn twice; `in_flight`: at most so many
    were in flight.
    """

    before: int
    after: int
    seconds_to_ready: float
    below_seconds: float
    pause_seconds: float
    reached_seconds: float
    twice: int
    in_flight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Rising numbers of render workers: with the shipped partitions, then with more of them."""

    seconds: float
    draw_ms: float
    image_bytes: int
    cores: int
    runs: list[ScaleRun]
    rebalance: Rebalance


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Every part that is stored; by part the day of measuring it, and how many seconds that took (0: unknown)."""

    days: dict[str, str]
    cores: int
    seconds: dict[str, float] = field(default_factory=dict)
    flow: Flow | None = None
    start: Starts | None = None
    memory: Memory | None = None
    intake: Intake | None = None
    sink: Sinks | None = None
    reuse: Reuses | None = None
    choices: Choices | None = None
    drivers: Drivers | None = None
    guards: Guards | None = None
    batches: Batches | None = None
    processes: Processes | None = None
    scale: Scale | None = None
    peers: Peers | None = None
