"""The targets, compared with the measured figures. Verdicts are computed here, never written by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from bench.report.figures import median, percentile, ratio
from bench.report.results import Batches, Figures, Memory, Peer, Processes, Rounds, Scale, Sinks
from bench.report.scale_page import is_judged, linear

T = TypeVar("T")
JUDGED_WORKERS: Final = 8
"""Up to so many workers throughput shall be linear."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Posters a second of both baselines and the system, counted in one way; old results lack some."""

    playwright: list[float]
    pipe: list[float]
    system: list[float]


def between(rounds: Rounds) -> Rates:
    """Return the rates between completions."""
    return Rates(playwright=rounds.playwright_rates, pipe=rounds.pipe_rates, system=rounds.rates)


def whole(rounds: Rounds) -> Rates:
    """Return the rates from the first request sent to the last completion received."""
    return Rates(playwright=rounds.playwright_whole_rates, pipe=rounds.pipe_whole_rates, system=rounds.whole_rates)


def backlog_ratio(rounds: Rounds) -> float:
    """Return the system's rate by that of Chromium driven by Playwright, between completions."""
    return ratio(rounds.rates, rounds.playwright_rates)


def lower_ratio(rounds: Rounds) -> float:
    """Return the lower of both counts of the system's rate by that of Chromium driven by Playwright."""
    counts = [each for each in (between(rounds), whole(rounds)) if each.system]
    return min(ratio(each.system, each.playwright) for each in counts)


def pipe_ratio(rounds: Rounds) -> float | None:
    """Return the system's rate by that of Chromium over the pipe; None in results without it."""
    return ratio(rounds.rates, rounds.pipe_rates) if rounds.pipe_rates else None


def rest_ms(rounds: Rounds) -> float:
    """Return how much longer a poster at rest takes than Playwright takes to draw it, by their medians."""
    return median(rounds.ms) - median(rounds.playwright_ms)


def first_ms(rounds: Rounds) -> float | None:
    """Return the same of the first posters after a start; None in results without them."""
    return median(rounds.first_ms) - median(rounds.playwright_ms) if rounds.first_ms else None


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


def steadiness(memory: Memory) -> float | None:
    """Return the rate of the long run's last thousand by that of its first; None in results without them."""
    return memory.thousands[-1] / memory.thousands[0] if memory.thousands else None


def least_of_linear(scale: Scale) -> float | None:
    """Return the least that up to eight workers reach of linear, of the runs that are judged.

    None without any, as where the cores were busy while one worker, which all are compared with, was measured.
    """
    if not is_judged(scale, scale.runs[0]):
        return None
    judged = [linear(scale, run) for run in scale.runs if run.workers <= JUDGED_WORKERS and is_judged(scale, run)]
    return min(judged, default=None)


def beside_batch(batches: Batches) -> float:
    """Return the p95 of single posters while a batch is accepted by that of an idle system."""
    return percentile(batches.beside_ms, 0.95) / percentile(batches.idle_ms, 0.95)


def one_process(processes: Processes) -> float:
    """Return the least that one process reaches of the rate with a process a role."""
    return min(ratio(one, processes.separate[name]) for name, one in processes.one.items())


def scaling(sinks: Sinks) -> float:
    """Return what a second sink adds, by what the cores that the first one leaves idle would allow it to add."""
    one, two = sinks.runs
    possible = min(2.0, sinks.cores / one.cores_busy)
    return two.rate / one.rate / possible


def over_peer(peer: Peer) -> float:
    """Return our rate by that of the peer's best mode."""
    return ratio(peer.ours, peer.rates)


def over_quick_peer(peer: Peer) -> float:
    """Return the same where the peer's callers ask for the quick PNG."""
    return ratio(peer.ours, peer.quick)


def guards_share(figures: Figures) -> float | None:
    """Return the processor time that the guards take, in percent of all that a poster takes without them."""
    guards = figures.guards
    if guards is None:
        return None
    more = median(guards.python) - median(guards.python_without)
    return more / median(guards.everything_without) * 100


def shares_ratio(figures: Figures) -> float | None:
    """Return the rate of a backlog of four sources by that of one source, the median of the rounds' ratios."""
    guards = figures.guards
    if guards is None or not guards.four_sources:
        return None
    return ratio(guards.four_sources, guards.one_source)


def python_share(figures: Figures) -> float | None:
    """Return the share of all Python processes of the roles in the processor time of a simple poster, with guards."""
    guards = figures.guards
    return None if guards is None else median(guards.python) / median(guards.everything)


def _python_ms(figures: Figures) -> float | None:
    return None if figures.guards is None else median(figures.guards.python)


def _of(part: T | None, figure: Callable[[T], float | None]) -> float | None:
    return None if part is None else figure(part)


def _document(name: str, figure: Callable[[Rounds], float | None]) -> Callable[[Figures], float | None]:
    return lambda figures: _of(figures.flow, lambda flow: figure(flow.documents[name]))


def _worst(
    figure: Callable[[Rounds], float], worst: Callable[[list[float]], float]
) -> Callable[[Figures], float | None]:
    return lambda figures: _of(figures.flow, lambda flow: worst([figure(each) for each in flow.documents.values()]))


def _over_peer(name: str, figure: Callable[[Peer], float]) -> Callable[[Figures], float | None]:
    return lambda figures: _of(figures.peers, lambda peers: figure(peers.documents[name]))


def _cached(figures: Figures) -> float | None:
    return _of(
        figures.reuse,
        lambda reuse: min(times["rich"].rendered_ms / times["rich"].stored_ms for times in reuse.stores.values()),
    )


TARGETS: Final = (
    Target(
        words="A backlog of simple posters: 0.95 of the rate of Chromium driven by Playwright, or more, in both counts",
        figure=_document("simple", lower_ratio),
        limit=0.95,
    ),
    Target(
        words="A backlog of rich posters: 1.35 times that rate or more, in both counts",
        figure=_document("rich", lower_ratio),
        limit=1.35,
    ),
    Target(
        words="A simple poster at rest: 12 ms more than its drawing by Playwright at most",
        figure=_document("simple", rest_ms),
        limit=12,
        at_most=True,
        unit=" ms",
        decimals=0,
    ),
    Target(
        words="A simple poster at rest, among the first hundred after a start: 12 ms more at most",
        figure=_document("simple", first_ms),
        limit=12,
        at_most=True,
        unit=" ms",
        decimals=0,
    ),
    Target(
        words="A rich poster at rest: 0.75 of its drawing by Playwright at most",
        figure=_document("rich", rest_ratio),
        limit=0.75,
        at_most=True,
    ),
    Target(words="p95 at rest: twice the p50 at most", figure=_worst(spread, max), limit=2, at_most=True),
    Target(
        words="Single posters while a batch of 10,000 is accepted: twice their p95 without it at most",
        figure=lambda figures: _of(figures.batches, beside_batch),
        limit=2,
        at_most=True,
    ),
    Target(
        words="All roles in one process: 0.95 of the rate with a process for each role, or more",
        figure=lambda figures: _of(figures.processes, one_process),
        limit=0.95,
    ),
    Target(
        words="Up to 8 render workers: 0.94 of linear or more, while the cores are busy to less than 80 %",
        figure=lambda figures: _of(figures.scale, least_of_linear),
        limit=0.94,
    ),
    Target(
        words="A rebalance under load: throughput is back after 10 s at most",
        figure=lambda figures: _of(figures.scale, lambda scale: scale.rebalance.below_seconds),
        limit=10,
        at_most=True,
        unit=" s",
        decimals=1,
    ),
    Target(
        words="A rebalance under load: no more posters are drawn twice than were in flight (1 for all of these)",
        figure=lambda figures: _of(figures.scale, lambda scale: scale.rebalance.twice / scale.rebalance.in_flight),
        limit=1,
        at_most=True,
    ),
    Target(
        words="A worker's first poster: 5 s after its start at the latest",
        figure=lambda figures: _of(figures.start, lambda start: max(start.worker + start.render)),
        limit=5,
        at_most=True,
        unit=" s",
        decimals=1,
    ),
    Target(
        words="The last thousand of the long run: 0.97 of the rate of its first thousand, or more",
        figure=lambda figures: _of(figures.memory, steadiness),
        limit=0.97,
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
        words="One sink process: 6,000 events a second or more",
        figure=lambda figures: _of(figures.sink, lambda sink: sink.runs[0].rate),
        limit=6_000,
        unit=" /s",
        decimals=0,
    ),
    Target(
        words="A second sink process: 0.85 of what the idle cores allow, or more",
        figure=lambda figures: _of(figures.sink, scaling),
        limit=0.85,
    ),
    Target(
        words="A simple poster: 11 ms of processor time in all Python processes together at most",
        figure=_python_ms,
        limit=11,
        at_most=True,
        unit=" ms",
        decimals=1,
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
    Target(
        words="A backlog that four sources share: 0.98 of the rate of one source alone, or more",
        figure=shares_ratio,
        limit=0.98,
    ),
    *(
        Target(
            words=f"{name.capitalize()} posters: 3.3 times the rate of puppeteer-cluster's best mode, or more",
            figure=_over_peer(name, over_peer),
            limit=3.3,
        )
        for name in ("rich", "simple")
    ),
    *(
        Target(
            words=f"{name.capitalize()} posters: 2.5 times that rate where its callers ask for the quick PNG, or more",
            figure=_over_peer(name, over_quick_peer),
            limit=2.5,
        )
        for name in ("rich", "simple")
    ),
)
