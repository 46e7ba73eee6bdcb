"""The targets, compared with the measured figures. Verdicts are computed here, never written by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from bench.report.figures import median, percentile, ratio
from bench.report.results import Figures, Memory, Peer, Rounds, Sinks

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A target with its measured figure; None where it was not measured."""

    target: str
    measured: str | None
    met: bool | None

    @property
    def text(self) -> str:
        """Return the verdict as the page shows it."""
        return {True: "met", False: "**not met**", None: "not measured"}[self.met]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A figure that shall be at least, or at most, a limit. `figure` returns None where its part is not stored."""

    words: str
    figure: Callable[[Figures], float | None]
    limit: float
    at_most: bool = False
    unit: str = ""
    decimals: int = 2

    def verdict(self, figures: Figures) -> Verdict:
        """Return whether it is met: by the figure itself, not by the digits that are shown of it."""
        figure = self.figure(figures)
        if figure is None:
            return Verdict(target=self.words, measured=None, met=None)
        met = figure <= self.limit if self.at_most else figure >= self.limit
        return Verdict(target=self.words, measured=f"{figure:,.{self.decimals}f}{self.unit}", met=met)


def verdicts(figures: Figures) -> list[Verdict]:
    """Return the verdict on every target."""
    return [target.verdict(figures) for target in TARGETS]


def backlog_ratio(rounds: Rounds) -> float:
    """Return the system's rate by that of Chromium driven by Playwright."""
    return ratio(rounds.rates, rounds.playwright_rates)


def pipe_ratio(rounds: Rounds) -> float | None:
    """Return the system's rate by that of Chromium over the pipe; None in results without it."""
    return ratio(rounds.rates, rounds.pipe_rates) if rounds.pipe_rates else None


def rest_ms(rounds: Rounds) -> float:
    """Return how much longer a poster at rest takes than Playwright takes to draw it, by their medians."""
    return median(rounds.ms) - median(rounds.playwright_ms)


def rest_ratio(rounds: Rounds) -> float:
    """Return how many times as long a poster at rest takes as Playwright takes to draw it, by their medians."""
    return median(rounds.ms) / median(rounds.playwright_ms)


def spread(rounds: Rounds) -> float:
    """Return how many times as long as the median the slowest twentieth takes."""
    return percentile(rounds.ms, 0.95) / median(rounds.ms)


def growth(memory: Memory) -> float:
    """Return the most that Chromium had in the last third of the run, by the most it had in the first."""
    third = memory.posters / 3
    first = max(sample.chromium for sample in memory.samples if sample.posters <= third)
    return max(sample.chromium for sample in memory.samples if sample.posters >= 2 * third) / first


def scaling(sinks: Sinks) -> float:
    """Return what a second sink adds, by what the cores that the first one leaves idle would allow it to add."""
    one, two = sinks.runs
    possible = min(2.0, sinks.cores / one.cores_busy)
    return two.rate / one.rate / possible


def over_peer(peer: Peer) -> float:
    """Return our rate by that of the peer's best mode."""
    return ratio(peer.ours, peer.rates)


def guards_share(figures: Figures) -> float | None:
    """Return the processor time that the guards take, in percent of all that a poster takes without them."""
    guards = figures.guards
    if guards is None:
        return None
    more = median(guards.python) - median(guards.python_without)
    return more / median(guards.everything_without) * 100


def python_share(figures: Figures) -> float | None:
    """Return the share of all Python processes of the roles in the processor time of a simple poster, with guards."""
    guards = figures.guards
    return None if guards is None else median(guards.python) / median(guards.everything)


def _of(part: T | None, figure: Callable[[T], float]) -> float | None:
    return None if part is None else figure(part)


def _document(name: str, figure: Callable[[Rounds], float]) -> Callable[[Figures], float | None]:
    return lambda figures: _of(figures.flow, lambda flow: figure(flow.documents[name]))


def _worst(
    figure: Callable[[Rounds], float], worst: Callable[[list[float]], float]
) -> Callable[[Figures], float | None]:
    return lambda figures: _of(figures.flow, lambda flow: worst([figure(each) for each in flow.documents.values()]))


def _over_peer(name: str) -> Callable[[Figures], float | None]:
    return lambda figures: _of(figures.peers, lambda peers: over_peer(peers.documents[name]))


def _cached(figures: Figures) -> float | None:
    return _of(
        figures.reuse,
        lambda reuse: min(times["rich"].rendered_ms / times["rich"].stored_ms for times in reuse.stores.values()),
    )


TARGETS: Final = (
    Target(
        words="A backlog of rich posters: 0.95 of the rate of Chromium driven by Playwright, or more",
        figure=_document("rich", backlog_ratio),
        limit=0.95,
    ),
    Target(
        words="A backlog of simple posters: 0.85 of it or more", figure=_document("simple", backlog_ratio), limit=0.85
    ),
    Target(words="Any backlog: 0.75 of it or more", figure=_worst(backlog_ratio, min), limit=0.75),
    Target(
        words="A rich poster at rest: 1.25 times its drawing by Playwright at most",
        figure=_document("rich", rest_ratio),
        limit=1.25,
        at_most=True,
    ),
    Target(
        words="A simple poster at rest: 25 ms more than its drawing by Playwright at most",
        figure=_document("simple", rest_ms),
        limit=25,
        at_most=True,
        unit=" ms",
        decimals=0,
    ),
    Target(
        words="Any poster at rest: 40 ms more at most",
        figure=_worst(rest_ms, max),
        limit=40,
        at_most=True,
        unit=" ms",
        decimals=0,
    ),
    Target(words="p95 at rest: twice the p50 at most", figure=_worst(spread, max), limit=2, at_most=True),
    Target(
        words="A worker's first poster: 5 s after its start at the latest",
        figure=lambda figures: _of(figures.start, lambda start: max(start.worker + start.render)),
        limit=5,
        at_most=True,
        unit=" s",
        decimals=1,
    ),
    Target(
        words="Each role's Python process: under 150 MB in the long run",
        figure=lambda figures: _of(figures.memory, lambda memory: max(memory.roles.values())),
        limit=150,
        at_most=True,
        unit=" MB",
        decimals=0,
    ),
    Target(
        words="Chromium does not grow: in the last third of the long run 1.2 times the first third's most, or less",
        figure=lambda figures: _of(figures.memory, growth),
        limit=1.2,
        at_most=True,
    ),
    Target(
        words="Answered from storage: 50 times faster than rendering a rich poster, or more",
        figure=_cached,
        limit=50,
        unit=" times",
        decimals=0,
    ),
    Target(
        words="One intake process: 5,000 posters of batches a second or more",
        figure=lambda figures: _of(figures.intake, lambda intake: intake.batched_rate),
        limit=5_000,
        unit=" /s",
        decimals=0,
    ),
    Target(
        words="One intake process: 5,000 requests a second or more",
        figure=lambda figures: _of(figures.intake, lambda intake: intake.rate),
        limit=5_000,
        unit=" /s",
        decimals=0,
    ),
    Target(
        words="One sink process: 4,000 events a second or more",
        figure=lambda figures: _of(figures.sink, lambda sink: sink.runs[0].rate),
        limit=4_000,
        unit=" /s",
        decimals=0,
    ),
    Target(
        words="A second sink process: 0.85 of what the idle cores allow, or more",
        figure=lambda figures: _of(figures.sink, scaling),
        limit=0.85,
    ),
    Target(
        words="A simple poster: 0.2 of the workers' processor time in Python, the rest in Chromium, at most",
        figure=python_share,
        limit=0.2,
        at_most=True,
    ),
    Target(
        words="The guards against faults: 3 % of a poster's processor time at most while nothing goes wrong",
        figure=guards_share,
        limit=3,
        at_most=True,
        unit=" %",
        decimals=1,
    ),
    *(
        Target(
            words=f"{name.capitalize()} posters: 2.5 times the rate of puppeteer-cluster's best mode, or more",
            figure=_over_peer(name),
            limit=2.5,
        )
        for name in ("rich", "simple")
    ),
)
