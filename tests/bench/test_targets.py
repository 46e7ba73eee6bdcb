"""Verdicts on targets follow from the figures."""

from dataclasses import replace

import pytest

from bench.report.figures import percentile, rate, ratio
from bench.report.results import Figures, Flow, Guards, Rounds, SinkRun, Starts
from bench.report.targets import growth, scaling, verdicts
from bench.sink import steady_rate
from tests.bench.measured import figures, memory, rounds, sinks


def missed(measured: Figures) -> list[str]:
    """Return the targets that are not met."""
    return [verdict.target for verdict in verdicts(measured) if verdict.met is False]


def with_flow(simple: Rounds, rich: Rounds) -> Figures:
    """Return figures with other rounds."""
    return replace(figures(), flow=Flow(posters=500, documents={"simple": simple, "rich": rich}))


def test_what_reaches_every_target_meets_it() -> None:
    """A run that is as it shall be has nothing else said of it."""
    assert [(verdict.target, verdict.met) for verdict in verdicts(figures()) if not verdict.met] == []


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    """Without figures there is no verdict, and the page says so."""
    assert {(verdict.measured, verdict.text) for verdict in verdicts(Figures(days=[], cores=2))} == {
        (None, "not measured")
    }


def test_a_backlog_is_judged_by_document() -> None:
    """A simple backlog may be slower than a rich one, and each is named by its own target."""
    assert missed(with_flow(rounds(rates=(8.6, 8.6)), rounds())) == []
    assert missed(with_flow(rounds(rates=(7.6, 7.6)), rounds())) == ["A backlog of simple posters: 0.85 of it or more"]
    assert len(missed(with_flow(rounds(), rounds(rates=(7.0, 7.0))))) == 2


def test_rest_is_judged_by_medians_and_its_slowest_twentieth() -> None:
    """A poster now and then that takes long misses the one target that speaks of it."""
    assert missed(with_flow(rounds(), rounds(ms=(110, 112, 300)))) == ["p95 at rest: twice the p50 at most"]
    assert len(missed(with_flow(rounds(ms=(130, 130, 130)), rounds()))) == 1
    assert len(missed(with_flow(rounds(), rounds(ms=(141, 141, 141))))) == 2


def test_a_figure_that_only_rounds_to_its_limit_misses_it() -> None:
    """The figure is judged, not the digits that are shown of it."""
    late = replace(figures(), start=Starts(worker=[5.01], render=[2.0]))
    [verdict] = [each for each in verdicts(late) if each.met is False]

    assert (verdict.measured, verdict.text) == ("5.0 s", "**not met**")


def test_the_guards_are_weighed_against_the_whole_poster() -> None:
    """What they take in Python counts as a share of all the processor time that a poster takes."""
    heavy = Guards(posters=1, python=[6.3], python_without=[5.0], everything=[41.3], everything_without=[40.0])

    assert missed(replace(figures(), guards=heavy)) == [
        "The guards against faults: 3 % of a poster's processor time at most while nothing goes wrong"
    ]


def test_python_is_weighed_against_the_whole_poster() -> None:
    """What Chromium draws faster or slower on another machine changes both."""
    slow = Guards(posters=1, python=[9.0], python_without=[9.0], everything=[40.0], everything_without=[40.0])

    assert missed(replace(figures(), guards=slow)) == [
        "A simple poster: 0.2 of the workers' processor time in Python, the rest in Chromium, at most"
    ]


@pytest.mark.parametrize(
    ("chromium", "grown"), [((100, 400, 200, 400), 1.0), ((100, 200, 300, 400), 2.0), ((400, 100, 100, 100), 0.25)]
)
def test_growth_compares_the_peaks_of_the_first_and_the_last_third(chromium: tuple[float, ...], grown: float) -> None:
    """A browser that is replaced in time has the same peak again, and one that grows has a higher one."""
    assert growth(memory(*chromium)) == pytest.approx(grown)


def test_a_second_sink_is_judged_by_the_cores_that_are_left() -> None:
    """Where the first sink, with broker and database, leaves a third of the machine, a second gains half at most."""
    busy = sinks(
        one=SinkRun(processes=1, rate=4_000, cores_busy=4 / 3), two=SinkRun(processes=2, rate=6_000, cores_busy=2)
    )

    assert scaling(busy) == pytest.approx(1.0)
    assert scaling(sinks()) == pytest.approx(0.95)


def test_a_ratio_is_that_of_rounds_not_of_medians() -> None:
    """A round in which the machine was slow for both sides does not count against one."""
    assert ratio([9.0, 4.5, 9.0], [10.0, 5.0, 10.0]) == pytest.approx(0.9)


@pytest.mark.parametrize(("part", "value"), [(0.5, 50), (0.95, 95), (1, 100), (0.001, 1)])
def test_percentile_is_a_value_that_was_measured(part: float, value: int) -> None:
    """Of a hundred values, the 95th percentile is the 95th smallest."""
    assert percentile(range(100, 0, -1), part) == value


def test_rate_counts_what_came_after_the_first() -> None:
    """Eleven posters in two seconds from the first to the last are five a second, in whatever order they are told."""
    assert rate([3.0, 1.0, *[2.0] * 9]) == pytest.approx(5.0)


def test_sink_rate_ends_before_the_end_is_near() -> None:
    """The last look, which waits for the slower process, does not make the rate lower."""
    assert steady_rate([(10.0, 500), (11.0, 5_500), (12.0, 9_500), (15.0, 10_500)]) == pytest.approx(4_500)
    assert steady_rate([(10.0, 0), (12.0, 100)]) == pytest.approx(50)
