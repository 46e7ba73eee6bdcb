"""Verdicts on targets follow from the figures."""

from dataclasses import replace

import pytest

from bench.report.figures import longest_below, longest_pause, percentile, rate, ratio, reached_after
from bench.report.results import Batches, Figures, Flow, Guards, Processes, Rounds, SinkRun, Starts
from bench.report.targets import growth, least_of_linear, scaling, shares_ratio, verdicts
from bench.sink import steady_rate
from tests.bench.measured import figures, memory, rich_rounds, rounds, scale, sinks


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
    assert {(verdict.measured, verdict.text) for verdict in verdicts(Figures(days={}, cores=2))} == {
        (None, "not measured")
    }


def test_a_backlog_is_judged_by_document() -> None:
    """A simple backlog may be slower than a rich one, and each is named by its own target."""
    [simple] = missed(with_flow(rounds(rates=(9.4, 9.4)), rich_rounds()))
    [rich] = missed(with_flow(rounds(), rich_rounds(rates=(13.4, 13.4))))

    assert simple.startswith("A backlog of simple posters: 0.95 of the rate of Chromium driven by Playwright")
    assert rich.startswith("A backlog of rich posters: 1.35 times")


def test_a_backlog_is_judged_by_the_lower_of_both_counts() -> None:
    """Between completions, and from the first request sent to the last completion received."""
    assert len(missed(with_flow(rounds(whole_rates=(9.0, 9.0)), rich_rounds()))) == 1
    assert len(missed(with_flow(rounds(), rich_rounds(whole_rates=(13.0, 13.0))))) == 1
    assert missed(with_flow(replace(rounds(), whole_rates=[], playwright_whole_rates=[]), rich_rounds())) == []


def test_rest_is_judged_by_medians_and_its_slowest_twentieth() -> None:
    """A poster now and then that takes long misses the one target that speaks of it."""
    assert missed(with_flow(rounds(ms=(104, 106, 300)), rich_rounds())) == ["p95 at rest: twice the p50 at most"]
    assert len(missed(with_flow(rounds(ms=(113, 113, 113)), rich_rounds()))) == 1
    assert len(missed(with_flow(rounds(), rich_rounds(ms=(76, 76, 76))))) == 1


def test_the_first_posters_after_a_start_are_judged_on_their_own() -> None:
    """What is cold after a start shows in them alone; results without them miss nothing."""
    [target] = missed(with_flow(rounds(first_ms=(113, 113, 113)), rich_rounds()))

    assert "among the first hundred after a start" in target
    assert missed(with_flow(rounds(first_ms=()), rich_rounds())) == []


def test_workers_are_judged_while_the_cores_have_room() -> None:
    """A run on full cores says something of the machine, and more than eight workers are beyond the target."""
    one, slow = replace(scale().runs[0]), replace(scale().runs[3], rate=27.0)

    assert least_of_linear(scale()) == pytest.approx(29.0 / 3.7 / 8)
    assert missed(replace(figures(), scale=scale(one, slow))) == [
        "Up to 8 render workers: 0.94 of linear or more, while the cores are busy to less than 80 %"
    ]
    assert least_of_linear(scale(one, replace(slow, cores_busy=1.7))) == 1
    assert least_of_linear(scale(replace(one, cores_busy=1.7), slow)) is None


def test_a_rebalance_is_judged_by_its_pause_and_by_what_is_drawn_twice() -> None:
    """Each has a target of its own."""
    assert len(missed(replace(figures(), scale=scale(below_seconds=11)))) == 1
    assert len(missed(replace(figures(), scale=scale(twice=41)))) == 1


def test_the_long_run_is_judged_by_its_last_thousand() -> None:
    """By that of its first; a slow one between them is told on the page, and results without any miss nothing."""
    slower = replace(memory(300, 400, 350, 410), thousands=[20.0, 20.0, 19.3])

    assert missed(replace(figures(), memory=slower)) == [
        "The last thousand of the long run: 0.97 of the rate of its first thousand, or more"
    ]
    assert missed(replace(figures(), memory=replace(slower, thousands=[]))) == []


def test_a_batch_beside_and_one_process_are_judged_by_ratios() -> None:
    """By the 95th percentiles, and by the document that does worse."""
    late = Batches(posters=10_000, idle_ms=[50, 60], beside_ms=[60, 121], seconds=[2.5])
    slow = Processes(posters=500, separate={"simple": [30], "rich": [7]}, one={"simple": [30], "rich": [6.6]})

    assert len(missed(replace(figures(), batches=late))) == 1
    assert len(missed(replace(figures(), processes=slow))) == 1


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


def test_sources_that_share_are_compared_with_one_alone() -> None:
    """The rounds' ratios count, since the machine may be slower in one of them; old results lack both."""
    guards = figures().guards
    assert guards is not None
    slower = replace(guards, one_source=[20.0, 10.0, 30.0], four_sources=[19.0, 9.9, 28.5])

    assert missed(replace(figures(), guards=slower)) == [
        "A backlog that four sources share: 0.98 of the rate of one source alone, or more"
    ]
    assert shares_ratio(replace(figures(), guards=replace(guards, one_source=[], four_sources=[]))) is None


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


def test_times_below_a_rate_and_pauses_are_those_of_a_gap() -> None:
    """Two a second, three seconds without any, and two a second again."""
    moments = [*(each / 2 for each in range(20)), *(13 + each / 2 for each in range(20))]

    assert longest_pause(moments) == pytest.approx(3.5)
    assert longest_below(moments, 1.8) == pytest.approx(4.5)
    assert longest_below(moments[:20], 1.8) == 0
    assert reached_after(moments, 8.0, 1.8) == pytest.approx(4.5)
    assert reached_after(moments, 8.0, 99) == pytest.approx(14.5)


def test_rate_counts_what_came_after_the_first() -> None:
    """Eleven posters in two seconds from the first to the last are five a second, in whatever order they are told."""
    assert rate([3.0, 1.0, *[2.0] * 9]) == pytest.approx(5.0)


def test_sink_rate_ends_before_the_end_is_near() -> None:
    """The last look, which waits for the slower process, does not make the rate lower."""
    assert steady_rate([(10.0, 500), (11.0, 5_500), (12.0, 9_500), (15.0, 10_500)]) == pytest.approx(4_500)
    assert steady_rate([(10.0, 0), (12.0, 100)]) == pytest.approx(50)
