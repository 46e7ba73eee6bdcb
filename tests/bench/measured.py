"""Figures as a run would keep them, every target met."""

from dataclasses import replace

from bench.report.results import (
    Batches,
    Choices,
    DriverRound,
    Drivers,
    Encoded,
    Figures,
    Flow,
    Guards,
    Intake,
    Memory,
    Peer,
    Peers,
    Processes,
    Rebalance,
    Reused,
    Reuses,
    Rounds,
    Sample,
    Scale,
    ScaleRun,
    SinkRun,
    Sinks,
    Starts,
)
from bench.results_store import PARTS

ALTERNATIVES = {document: {"1": 5.0, "3": 9.0} for document in ("simple", "rich")}


def rounds(
    *,
    rates: tuple[float, ...] = (9.6, 9.7),
    whole_rates: tuple[float, ...] = (9.5, 9.6),
    ms: tuple[float, ...] = (104, 106, 112),
    first_ms: tuple[float, ...] = (108, 110, 140),
) -> Rounds:
    """Return two rounds and three posters at rest; Playwright draws 10 a second and one in 100 ms, the pipe 12, 80."""
    return Rounds(
        rates=list(rates),
        ms=list(ms),
        playwright_rates=[10.0, 10.0],
        playwright_ms=[99.0, 100.0, 140.0],
        pipe_rates=[12.0, 12.0],
        pipe_ms=[79.0, 80.0, 110.0],
        whole_rates=list(whole_rates),
        playwright_whole_rates=[9.9, 9.9],
        pipe_whole_rates=[11.9, 11.9],
        first_ms=list(first_ms),
    )


def rich_rounds(
    *,
    rates: tuple[float, ...] = (14.0, 14.1),
    whole_rates: tuple[float, ...] = (13.6, 13.7),
    ms: tuple[float, ...] = (70, 72, 74),
) -> Rounds:
    """Return the same of rich posters, which the system is faster with."""
    return rounds(rates=rates, whole_rates=whole_rates, ms=ms, first_ms=(80, 81, 82))


def memory(*chromium: float) -> Memory:
    """Return a long run in which Chromium had these sizes, evenly over 300 posters."""
    last = len(chromium) - 1
    samples = [
        Sample(posters=number * 300 // last, python=120.0, chromium=size) for number, size in enumerate(chromium)
    ]
    return Memory(
        posters=300,
        samples=samples,
        roles={"intake": 100.0, "render": 130.0},
        thousands=[20.0, 19.0, 19.6],
        crashes=3,
    )


def scale(*runs: ScaleRun, below_seconds: float = 4.0, twice: int = 2) -> Scale:
    """Return render workers that are all but linear up to 8, where 12 partitions let 12 of 16 work."""
    parts = {"workers": 0.4, "broker": 0.3, "database": 0.02, "storage": 0.2}
    linear = [
        ScaleRun(workers=workers, partitions=12, rate=rate, cores_busy=busy, parts=parts)
        for workers, rate, busy in ((1, 3.7, 0.2), (2, 7.4, 0.3), (4, 14.6, 0.6), (8, 29.0, 1.1), (16, 43.0, 1.7))
    ]
    rebalance = Rebalance(
        before=2,
        after=8,
        seconds_to_ready=12.0,
        below_seconds=below_seconds,
        pause_seconds=1.5,
        reached_seconds=2.5,
        twice=twice,
        in_flight=40,
    )
    return Scale(seconds=30, draw_ms=265, image_bytes=865_000, cores=2, runs=list(runs) or linear, rebalance=rebalance)


def sinks(*, one: SinkRun | None = None, two: SinkRun | None = None) -> Sinks:
    """Return a sink that keeps one of two cores busy, and a second that keeps the other."""
    first = one or SinkRun(processes=1, rate=6_500, cores_busy=1.0)
    second = two or SinkRun(processes=2, rate=12_350, cores_busy=2.0)
    return Sinks(events=50_000, cores=2, runs=[first, second], fresh=8_000, again=11_000)


def drivers() -> Drivers:
    """Return one round over each driver."""
    pipe = DriverRound(
        start_seconds=1.0, rates={"simple": 40.0, "rich": 8.0}, processor_ms={"simple": 45, "rich": 250}, memory_mb=700
    )
    playwright = replace(pipe, start_seconds=2.0, memory_mb=1_050)
    return Drivers(
        day="2026-01-31",
        chromium="150.0.1.2",
        slots=3,
        posters={"simple": 60, "rich": 30},
        rounds={"pipe": [pipe], "playwright": [playwright]},
    )


def figures() -> Figures:
    """Return every part."""
    encoded = {each: Encoded(ms=35, rate=40, size=123_456) for each in ("PNG for speed", "PNG")}
    peer = Peer(modes={"PAGE × 2": 3.0, "PAGE × 3": 3.1}, best="PAGE × 3", rates=[2.5], quick=[3.0], ours=[9.0])
    reused = Reused(rendered_ms=180, stored_ms=1.5)
    return Figures(
        days=dict.fromkeys(PARTS, "2026-01-31"),
        cores=2,
        flow=Flow(posters=500, documents={"simple": rounds(), "rich": rich_rounds()}),
        start=Starts(worker=[3.1, 3.4], render=[2.2, 2.0]),
        memory=memory(300, 400, 350, 410),
        intake=Intake(requests=20_000, rate=6_000, batched_rate=9_000),
        sink=sinks(),
        reuse=Reuses(stores={"S3": {"simple": reused, "rich": reused}}),
        choices=Choices(
            slots=ALTERNATIVES,
            frames=ALTERNATIVES,
            encoders={"simple": encoded, "rich": encoded},
            pages=ALTERNATIVES,
            uploads=ALTERNATIVES,
        ),
        drivers=drivers(),
        guards=Guards(
            posters=500,
            python=[5.1, 5.0],
            python_without=[5.0, 4.9],
            everything=[40.2],
            everything_without=[40.0],
            one_source=[20.0],
            four_sources=[19.9],
        ),
        batches=Batches(posters=10_000, idle_ms=[50, 60], beside_ms=[60, 110], seconds=[2.5]),
        processes=Processes(posters=500, separate={"simple": [30], "rich": [7]}, one={"simple": [29], "rich": [7]}),
        scale=scale(),
        peers=Peers(version="0.25.0", documents={"simple": peer, "rich": peer}),
    )
