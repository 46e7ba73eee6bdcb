"""`posters capacity`: what a load takes, by the model."""

from collections.abc import Iterator

import click

from posters.commands.terminal import say
from posters.operations.capacity import BACKLOG, SECONDS_A_DAY, Load, Plan, plan


@click.command()
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Posters a second at the peak.")
@click.option("--per-day", type=click.FloatRange(min=0, min_open=True), help="Posters a day, in place of --rate.")
@click.option("--rich", type=click.FloatRange(0, 1), default=0.3, show_default=True, help="The share of rich posters.")
@click.option("--peak", type=click.FloatRange(min=1), default=4.0, show_default=True, help="Peak by mean of the day.")
@click.option("--worker-cores", type=click.IntRange(min=1), default=2, show_default=True, help="Cores of a worker.")
@click.option(
    "--utilization",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.7,
    show_default=True,
    help="How busy the cores may be at the peak.",
)
@click.option("--copies", type=click.IntRange(min=1), default=3, show_default=True, help="Copies of each topic.")
def capacity(
    rate: float | None,
    per_day: float | None,
    rich: float,
    peak: float,
    worker_cores: int,
    utilization: float,
    copies: int,
) -> None:
    """Print what a load takes: cores, workers, partitions, waits, bytes and rows, and what breaks first.

    A model of what was measured on one machine with two cores; docs/capacity.md says what was measured and what not.
    """
    if (rate is None) == (per_day is None):
        raise click.UsageError("give either --rate or --per-day")
    load = Load(
        per_second=rate if rate is not None else (per_day or 0) / SECONDS_A_DAY * peak,
        rich=rich,
        peak=peak,
        worker_cores=worker_cores,
        utilization=utilization,
        copies=copies,
    )
    for name, value in _lines(load, plan(load)):
        say(f"{name:<22} {value}".rstrip())


def _lines(load: Load, found: Plan) -> Iterator[tuple[str, str]]:
    yield "posters", f"{_rounded(load.per_second)} a second at the peak, {_rounded(load.posters_a_day)} a day"
    yield "processor time", f"{load.core_seconds * 1000:.0f} ms a poster, {load.rich:.0%} of them rich"
    yield "cores", f"{found.cores:,}, {load.utilization:.0%} busy at the peak or less"
    yield (
        "render",
        f"{found.render_workers:,} × {load.worker_cores} cores, {found.render_partitions:,} partitions",
    )
    yield "intake, sink", f"{found.intake_processes:,} and {found.sink_processes:,} processes"
    yield "brokers", f"{load.copies} at least, for {load.copies} copies"
    yield "wait at the peak", f"{_time(found.wait)} on average, {_records(found.lag)} behind"
    yield "latency at the peak", f"{_time(found.latency)} on average"
    yield "a backlog", f"of {BACKLOG:,} more is drawn in {_time(found.drain)}"
    yield "", ""
    yield "a day", ""
    yield "  core hours", f"{_rounded(found.core_hours)} used, {_rounded(found.core_hours_reserved)} reserved"
    yield "  topics", f"{_bytes(found.topic_bytes)} written, {_bytes(found.topic_bytes_kept)} kept"
    yield "  images", f"{_bytes(found.image_bytes)}, kept until they are erased"
    yield "  database", f"{_rounded(found.rows)} rows, {_bytes(found.row_bytes)}; {_bytes(found.wal_bytes)} of WAL"
    yield "", ""
    yield "as shipped, up to", ""
    for limit in found.limits:
        reached = "REACHED " if limit.per_second < load.per_second else ""
        yield f"  {_rounded(limit.per_second)} a second", f"{reached}{limit.name}"
    yield "first", found.limits[0].remedy


def _rounded(number: float) -> str:
    """Return a number with three digits that count."""
    if number >= 100:
        return f"{round(number, 2 - len(str(int(number))) + 1):,.0f}"
    return f"{number:.3g}"


def _records(number: float) -> str:
    return f"{_rounded(number)} records" if number >= 1 else "less than one record"


def _time(seconds: float) -> str:
    if seconds < 0.001:
        return "less than 1 ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{_rounded(seconds)} s" if seconds < 120 else f"{_rounded(seconds / 60)} min"


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000:
            return f"{_rounded(number)} {unit}"
        number /= 1000
    return f"{_rounded(number)} PB"
