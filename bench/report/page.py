"""Generates docs/performance.md from stored results: targets first, then the figures of each part."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from bench.report.choices_page import choices
from bench.report.drivers_page import drivers
from bench.report.figures import median, percentile, ratio
from bench.report.markdown import paragraph, section, table
from bench.report.plot import Line, plot
from bench.report.results import (
    Batches,
    Figures,
    Flow,
    Guards,
    Intake,
    Memory,
    Peers,
    Processes,
    Reuses,
    Sinks,
    Starts,
)
from bench.report.scale_page import scale
from bench.report.targets import Rates, between, guards_share, scaling, shares_ratio, verdicts, whole

PLOT: Final = "images/memory.svg"
RATES: Final = ("poster", "Playwright /s", "pipe /s", "system /s", "system by Playwright", "system by pipe")


def page(figures: Figures, earlier: str = "") -> str:
    """Return the page; parts without stored results keep their section of an `earlier` page, or are left out."""
    sections = {
        "flow": figures.flow and flow(figures.flow),
        "start": figures.start and starts(figures.start),
        "memory": figures.memory and memory(figures.memory),
        "intake": figures.intake and intake(figures.intake),
        "sink": figures.sink and sink(figures.sink),
        "reuse": figures.reuse and reuses(figures.reuse),
        "peers": figures.peers and peers(figures.peers),
        "choices": figures.choices and choices(figures.choices),
        "drivers": figures.drivers and drivers(figures.drivers),
        "guards": figures.guards and guards(figures, figures.guards),
        "batches": figures.batches and batches(figures.batches),
        "processes": figures.processes and processes(figures.processes),
        "scale": figures.scale and scale(figures.scale),
    }
    parts = [_dated(figures, part, text) if text else _earlier(part, earlier) for part, text in sections.items()]
    return "".join([head(figures), targets(figures), *parts]).rstrip("\n") + "\n"


def _dated(figures: Figures, part: str, text: str) -> str:
    """Return a section with a line that says when, how, and for how long its part was measured."""
    seconds = figures.seconds.get(part)
    duration = f" in {max(1, round(seconds / 60))} min" if seconds else ""
    line = f"Measured on {figures.days[part]}{duration} by `make bench ARGS={part}`.\n"
    return f"{text.rstrip()}\n\n{line}\n"


def _earlier(part: str, page: str) -> str:
    """Return the section of a part in an earlier page, which its last line names."""
    return next((each for each in re.split(r"(?m)^(?=## )", page) if f"`make bench ARGS={part}`.\n" in each), "")


def head(figures: Figures) -> str:
    """Say where the figures come from."""
    return "# Performance\n\n" + paragraph(f"""
        Measured by `make bench` on one machine with {figures.cores} cores: throughput, latency, memory and processor
        time. Everything runs on that machine: Kafka, PostgreSQL with durable commits, an
        S3 server, the roles, Chromium, and the producer of requests. Read the ratios; absolute numbers are those of
        that machine. Variants that are compared take turns, so that other load affects both, and a ratio is the median
        of the rounds' ratios. `make bench ARGS="memory sink"` measures some parts again and generates this page from
        the results that are stored in `bench/results`. Each section ends with the day of its figures.""")


def targets(figures: Figures) -> str:
    """Return what shall be reached, and whether it is."""
    rows = [[each.target, each.measured or "–", each.text] for each in verdicts(figures)]
    return section("Targets", table(["target", "measured", ""], rows))


def flow(measured: Flow) -> str:
    """Return backlogs and posters at rest."""
    first = next(iter(measured.documents.values()))
    return section(
        "Against Chromium alone",
        paragraph(f"""
            There are two baselines. **Chromium driven by Playwright** has a page a core and one more, each used again
            and again: `Page.stopLoading`, `set_content` with the same HTML, a capture as PNG for speed. **Chromium over
            the pipe** does the same with the fewest DevTools commands, without Playwright and without the engine, but
            with the renderer's flags; it draws frames of its own accord. Neither checks, reports or stores anything.
            The system does all of that: request, template, rendering, upload, completion, rows in the database. All
            three take turns in the same rounds. Backlogs of {measured.posters} posters, {len(first.rates)} rounds;
            rates are between the first poster finished and the last:"""),
        table(RATES, [_rates_row(name, between(rounds)) for name, rounds in measured.documents.items()]),
        paragraph("""
            The same backlogs from the first request sent (or the first document begun) to the last completion received,
            which has the system's way in and out in it:"""),
        table(RATES, [_rates_row(name, whole(rounds)) for name, rounds in measured.documents.items()]),
        paragraph(f"""
            One poster at a time, {len(first.ms)} of them, in ms (p50 / p95): drawn by a baseline, and by the system
            from asking to the completion received:"""),
        table(
            ["poster", "Playwright", "pipe", "system", "system, its first after a start"],
            [
                [name, *map(_times, (rounds.playwright_ms, rounds.pipe_ms, rounds.ms, rounds.first_ms))]
                for name, rounds in measured.documents.items()
            ],
        ),
    )


def _rates_row(name: str, rates: Rates) -> list[str]:
    return [
        name,
        *(f"{median(each):.1f}" if each else "–" for each in (rates.playwright, rates.pipe, rates.system)),
        *(f"{ratio(rates.system, each):.2f}" if each else "–" for each in (rates.playwright, rates.pipe)),
    ]


def _times(milliseconds: Sequence[float]) -> str:
    return f"{median(milliseconds):.0f} / {percentile(milliseconds, 0.95):.0f}" if milliseconds else "–"


def starts(measured: Starts) -> str:
    """Return how soon a worker makes its first poster."""
    rows = [
        [name, f"{median(seconds):.1f}", f"{max(seconds):.1f}"]
        for name, seconds in (("all roles in one process", measured.worker), ("render alone", measured.render))
    ]
    return section(
        "The first poster",
        paragraph(f"""
            Seconds from a process's start to its first completion, that of a rich poster whose request was waiting,
            {len(measured.worker)} starts of each. By then the first Chromium is warm and the fonts are read; the other
            browsers follow. The broker's initial rebalance delay is 0 here; with Kafka's default an empty group waits
            three seconds for further members."""),
        table(["worker", "median s", "longest s"], rows),
    )


def memory(measured: Memory) -> str:
    """Return the long run."""
    most = max(sample.chromium for sample in measured.samples)
    return section(
        "Memory",
        paragraph(f"""
            One run of {measured.posters:,} posters, {_mix(measured)}. Chromium's processes share memory, so the
            figure is the sum of their proportional set sizes (PSS); it is {most:,.0f} MB at most. Chromium grows with
            use. After 3,000 posters, or above 800 MB, a browser is replaced by one that has been warmed up; for a
            moment there are two.{_steadiness(measured)}"""),
        f"![Memory of the render worker over the run]({PLOT})\n\n",
        paragraph("Highest resident memory of each role's Python process:"),
        table(["role", "MB"], [[role, f"{most:.0f}"] for role, most in measured.roles.items()]),
    )


def _mix(measured: Memory) -> str:
    if not measured.thousands:
        return "every tenth of them rich"
    return (
        "half of them simple, a tenth rich, the others of the four templates of `bench/mixed.py`; for every thousandth "
        f"the process of a page is killed ({measured.crashes} in all)"
    )


def _steadiness(measured: Memory) -> str:
    if not measured.thousands:
        return ""
    first, last = measured.thousands[0], measured.thousands[-1]
    return (
        f" The first thousand is made at {first:.1f} posters a second, the last at {last:.1f}, the slowest of all "
        f"{len(measured.thousands)} at {min(measured.thousands):.1f}."
    )


def memory_plot(measured: Memory) -> str:
    """Return the picture that the page shows of it."""

    def line(name: str, color: str, sizes: Iterable[float]) -> Line:
        posters = [sample.posters for sample in measured.samples]
        return Line(name=name, color=color, points=list(zip(posters, sizes, strict=True)))

    lines = [
        line("Chromium", "#b4541a", [sample.chromium for sample in measured.samples]),
        line("Python", "#1e5fa8", [sample.python for sample in measured.samples]),
    ]
    return plot(lines, title="Memory of the render worker", x_name="posters completed", y_name="MB")


def intake(measured: Intake) -> str:
    """Return what goes in."""
    return section(
        "Intake",
        paragraph(f"""One intake process takes {measured.rate:,.0f} posters a second that are requested one by one, and
            {measured.batched_rate:,.0f} in batches of 500, from a backlog of {measured.requests:,} to the render
            topic."""),
    )


def batches(measured: Batches) -> str:
    """Return what a batch does to single posters."""
    return section(
        "Single posters beside a batch",
        paragraph(f"""
            Simple posters, one requested every 0.1 s whether or not those before are completed, from the request to the
            completion received (p50 / p95 in ms):
            {len(measured.idle_ms)} with nothing beside them, {_times(measured.idle_ms)}; {len(measured.beside_ms)}
            while a batch of {measured.posters:,} is being accepted, which takes {median(measured.seconds):.1f} s until
            its last poster is pinned, {_times(measured.beside_ms)}."""),
    )


def processes(measured: Processes) -> str:
    """Return what one process for all roles achieves."""
    rows = [
        [
            name,
            f"{median(measured.separate[name]):.1f}",
            f"{median(measured.one[name]):.1f}",
            f"{ratio(measured.one[name], measured.separate[name]):.2f}",
        ]
        for name in measured.one
    ]
    return section(
        "One process for all roles",
        paragraph(f"""
            Backlogs of {measured.posters} posters with a process for each role, and with `posters worker`, which has
            all of them in one, in turns; posters a second between completions:"""),
        table(["poster", "a process a role /s", "one process /s", "ratio"], rows),
    )


def sink(measured: Sinks) -> str:
    """Return what is written down."""
    one, two = measured.runs
    rows = [[str(run.processes), f"{run.rate:,.0f}", f"{run.cores_busy:.1f}"] for run in measured.runs]
    return section(
        "Sink",
        paragraph(f"""
            Throughput of {measured.events:,} events, five a poster (request, queued, processing, a log line,
            completed), from the broker into the database and announced, with all guards. Busy cores are those of the
            whole machine: sinks, broker and database. The sinks are stopped (SIGSTOP) while the events are
            produced."""),
        table(["processes", "events /s", "cores busy"], rows),
        paragraph(f"""
            The second process brings {two.rate / one.rate:.2f} times the rate of one, {scaling(measured):.2f} of what
            the cores that the first leaves idle allow. Without the broker one sink writes {measured.fresh:,.0f}
            events a second, and {measured.again:,.0f} where all of them come again."""),
    )


def reuses(measured: Reuses) -> str:
    """Return what is answered without rendering."""
    rows = [
        [store, name, f"{each.rendered_ms:.0f}", f"{each.stored_ms:.2f}", f"{each.rendered_ms / each.stored_ms:,.0f}"]
        for store, documents in measured.stores.items()
        for name, each in documents.items()
    ]
    return section(
        "Reuse of stored posters",
        paragraph("""
            A poster equal to an earlier one is not rendered: its object is found by its key. Latency with template,
            browser and storage, without the broker, one poster at a time:"""),
        table(["store", "poster", "rendered ms", "from storage ms", "times faster"], rows),
    )


def peers(measured: Peers) -> str:
    """Return the comparison with another renderer."""
    rows = [
        [
            name,
            peer.best,
            f"{median(peer.rates):.1f}",
            f"{median(peer.quick):.1f}",
            f"{median(peer.ours):.1f}",
            f"{ratio(peer.ours, peer.rates):.2f}",
            f"{ratio(peer.ours, peer.quick):.2f}",
        ]
        for name, peer in measured.documents.items()
    ]
    tried = {
        name: ", ".join(f"{mode} {rate:.1f}" for mode, rate in peer.modes.items())
        for name, peer in measured.documents.items()
    }
    return section(
        "Against puppeteer-cluster",
        paragraph(f"""
            puppeteer-cluster {measured.version} on the same Chromium with the same HTML, `setContent` and
            `screenshot`, without broker, storage and database, in turns with backlogs of the whole system. Its
            screenshots are PNG by default; then again with Chromium's quick encoder, which is an option. It is measured
            on demand (`make bench ARGS=peers`), because it needs Node.js and npm."""),
        table(["poster", "its best mode", "its /s", "its /s, quick PNG", "ours /s", "ratio", "ratio, quick PNG"], rows),
        paragraph("Posters a second of each mode with two, three and four at once:"),
        "".join(f"- {name}: {rates}\n" for name, rates in tried.items()) + "\n",
    )


def guards(figures: Figures, measured: Guards) -> str:
    """Return what the guards cost."""
    rows = [
        ["with", *_medians(measured.python, measured.everything)],
        ["without", *_medians(measured.python_without, measured.everything_without)],
    ]
    return section(
        "What the guards cost",
        paragraph(f"""
            Processor time of a simple poster in all roles, in ms, the median of {len(measured.python)} rounds of
            {measured.posters} posters: with watchdog, crash journal, circuit breaker, dead letter limit and lag
            monitor, and without them (`bench/unguarded.py`), in turns. All of them run in the Python processes, so
            their cost is the difference there: {guards_share(figures):.1f} % of a poster. Ordered acknowledgement of
            durable work cannot be turned off; it is in both."""),
        table(["guards", "Python", "with Chromium"], rows),
        _shares(figures, measured),
    )


def _shares(figures: Figures, measured: Guards) -> str:
    share = shares_ratio(figures)
    if share is None:
        return ""
    return paragraph(f"""
        Fair shares between sources: a backlog of {measured.posters} simple posters of one source runs at
        {median(measured.one_source):.1f} posters a second, one that four sources share at
        {median(measured.four_sources):.1f}, the median of as many rounds in turns: {share:.2f} of it.""")


def _medians(*lists: Sequence[float]) -> Iterable[str]:
    return (f"{median(values):.2f}" for values in lists)
