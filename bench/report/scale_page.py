"""The section of docs/performance.md on render workers: how throughput grows with them, and what a rebalance costs."""

from collections.abc import Iterator
from typing import Final

from bench.report.markdown import paragraph, section, table
from bench.report.results import Scale, ScaleRun

BUSY_SHARE: Final = 0.8
"""Share of the machine's cores up to which a run says something of the workers, and not of the machine."""
ENOUGH: Final = 0.94
"""Share of linear from which a number of workers scales."""
COLUMNS: Final = ("workers", "partitions", "posters /s", "of linear", "cores busy", "judged")
PARTS: Final = ("workers", "broker", "database", "storage")


def scale(measured: Scale) -> str:
    """Return the section."""
    again = measured.rebalance
    return section(
        "Render workers",
        paragraph(f"""
            Throughput by the number of render workers, with drawing simulated: each worker draws one poster at a time,
            sleeps for the {measured.draw_ms:.0f} ms of processor time that a rich poster takes Chromium, and gets an
            image of {measured.image_bytes / 1000:,.0f} kB (`bench/simulated.py`). Everything else is real: role, inbox,
            lanes, broker, storage, crash journal. So a worker is like a machine of one core, and many of them fit here.
            The backlog is pinned before, and no sink runs. Each row has {measured.seconds:g} s. A run is judged only
            while the machine's {measured.cores} cores are busy to less than {BUSY_SHARE:.0%}; above that the machine
            is measured, not the workers. Linear is the rate of one worker times their number; where there are fewer
            partitions than workers, the others have nothing to do."""),
        table(
            [*COLUMNS, *(f"{each} ms" for each in PARTS)],
            [_row(measured, run) for run in measured.runs],
        ),
        paragraph(
            f"""The last columns are the processor time of a poster in each part. {" ".join(_bends(measured))}"""
        ),
        paragraph(f"""
            From {again.before} to {again.after} workers under load: the last was ready after
            {again.seconds_to_ready:.0f} s. Meanwhile throughput was below nine tenths of that of {again.before} workers
            for {again.below_seconds:.1f} s on end at most, and the longest pause without a poster took
            {again.pause_seconds:.1f} s. {again.reached_seconds:.1f} s after the last was ready, throughput was at 0.94
            of that of {again.after}. Posters drawn twice: {again.twice}, where up to {again.in_flight} were in
            flight."""),
    )


def linear(measured: Scale, run: ScaleRun) -> float:
    """Return the rate of a run by that of one worker times their number."""
    return run.rate / (run.workers * measured.runs[0].rate)


def is_judged(measured: Scale, run: ScaleRun) -> bool:
    """Return whether the cores left room, so that the rate is that of the workers."""
    return run.cores_busy < BUSY_SHARE * measured.cores


def _row(measured: Scale, run: ScaleRun) -> list[str]:
    return [
        str(run.workers),
        str(run.partitions),
        f"{run.rate:.1f}",
        f"{linear(measured, run):.2f}",
        f"{run.cores_busy:.1f}",
        "yes" if is_judged(measured, run) else "no",
        *(f"{run.parts.get(part, 0.0) / run.rate * 1000:.1f}" if run.rate else "–" for part in PARTS),
    ]


def _bends(measured: Scale) -> Iterator[str]:
    """Yield what bends at each run below 0.94 of linear: the partitions, the machine's cores, or neither."""
    if not is_judged(measured, measured.runs[0]):
        yield "The cores were busy with other things while one worker was measured, so that nothing follows from this."
        return
    bent = [run for run in measured.runs if linear(measured, run) < ENOUGH]
    if not bent:
        yield "Nothing bends up to here."
    for run in bent:
        reach = f"{run.workers} workers with {run.partitions} partitions reach {linear(measured, run):.2f} of linear"
        if run.partitions < run.workers:
            yield (
                f"{reach}, because {run.partitions} of them have one ({run.partitions / run.workers:.2f}): the "
                "partitions of the render topic bend, and can be added at any time."
            )
        elif not is_judged(measured, run):
            dearest = max(run.parts, key=lambda part: run.parts[part])
            yield f"{reach}: this machine's cores bend, and the {dearest} use most of what the system uses of them."
        else:
            yield f"{reach}, although cores and partitions are left."
