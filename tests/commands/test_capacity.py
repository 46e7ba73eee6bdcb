"""The capacity model: its constants are those that were measured, and the documentation shows what it computes."""

import re
import shlex
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from agents.events import PinnedPosterEvents
from bench.events import stream
from posters.main import main
from posters.operations import capacity
from posters.operations.capacity import Load, plan
from streams.delivery import Record
from tests.agents.published import NOW, PINNED, TRACE

DOCS = Path(__file__).parents[2] / "docs"
PERFORMANCE = (DOCS / "performance.md").read_text(encoding="utf-8")
CAPACITY = (DOCS / "capacity.md").read_text(encoding="utf-8")
PAGES = re.findall(r"```console\n\$ posters (.*)\n((?:(?!```).*\n)*)```", CAPACITY)
FIGURES = {
    "SIMPLE_PER_SECOND": r"\| simple \| [\d.]+ \| [\d.–]+ \| ([\d.]+) \| [\d.]+ \|",
    "RICH_PER_SECOND": r"\| rich \| [\d.]+ \| [\d.–]+ \| ([\d.]+) \| [\d.]+ \|",
    "SIMPLE_LATENCY_MS": r"\| simple \| \d+ / \d+ \| [^|]+ \| (\d+) / \d+ \|",
    "RICH_LATENCY_MS": r"\| rich \| \d+ / \d+ \| [^|]+ \| (\d+) / \d+ \|",
    "SIMPLE_IMAGE_BYTES": r"\| simple \| PNG for speed \| \d+ \| [\d.]+ \| (\d+) \|",
    "RICH_IMAGE_BYTES": r"\| rich \| PNG for speed \| \d+ \| [\d.]+ \| (\d+) \|",
    "INTAKE_PER_SECOND": r"One intake process takes ([\d,]+) posters a second",
    "SINK_EVENTS_PER_SECOND": r"\| 1 \| ([\d,]+) \| [\d.]+ \|",
    "HIGHEST_EVENTS_PER_SECOND": r"\| 2 \| ([\d,]+) \| [\d.]+ \|",
    "FURTHER_SINK": r"the rate of one, ([\d.]+) of what",
}
"""Where docs/performance.md has the figure of a constant."""


@pytest.mark.parametrize("name", FIGURES)
def test_constants_are_those_of_the_performance_page(name: str) -> None:
    """A new measurement that differs by more than a fifth from the model's constant has to go into the model."""
    found = re.search(FIGURES[name], PERFORMANCE)
    assert found is not None, f"docs/performance.md no longer has {name}"
    figure = float(found[1].replace(",", "")) * (1000 if name.endswith("_BYTES") else 1)

    assert figure == pytest.approx(getattr(capacity, name), rel=0.2)


def size(key: str | bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes | None], ...]) -> int:
    """Return the bytes of a record."""
    return len(key or "") + len(value or b"") + sum(len(name) + len(text or b"") for name, text in headers)


def test_bytes_of_a_poster_are_those_of_its_records() -> None:
    """Request, pinned poster, progress twice, completion and three events of the job, with their headers."""
    pinned = replace(PINNED, custom_data={"text": "It simply works, every single day. " * 6, "name": "Amara Okafor"})
    drawn: list[Record] = PinnedPosterEvents(poster=pinned, now=NOW, headers=TRACE).records_to_render()
    headers = drawn[-1].headers
    read = [each for each in stream(1) if each.topic != "poster-logs"]
    sizes = [size(each.key, each.value, headers) for each in read]
    job_events = 3 * 560

    assert len(sizes) + 1 + 3 == capacity.RECORDS_A_POSTER
    total = sum(sizes) + size(drawn[-1].key, drawn[-1].value, headers) + job_events
    assert total == pytest.approx(capacity.RECORD_BYTES, rel=0.15)


def test_processor_time_agrees_with_the_counters_of_processes() -> None:
    """What two cores draw in a second says as much of a simple poster as its processes' own time, to a fifth."""
    counted = re.search(r"\| with \| [\d.]+ \| ([\d.]+) \|", PERFORMANCE)
    assert counted is not None

    assert Load(per_second=1, rich=0).core_seconds * 1000 == pytest.approx(float(counted[1]), rel=0.2)


def test_the_measured_machine_is_predicted() -> None:
    """One worker of two cores draws what it drew; a poster a second more takes a second one."""
    for rich, rate in ((0, capacity.SIMPLE_PER_SECOND), (1, capacity.RICH_PER_SECOND)):
        load = Load(per_second=rate * 0.7 * 0.999, rich=rich)
        assert plan(load).render_workers == 1
        assert plan(replace(load, per_second=rate * 0.7 + 1)).render_workers == 2
    assert plan(Load(per_second=0.001, rich=0)).latency == pytest.approx(0.063, abs=0.001)
    two_sinks = (1 + capacity.FURTHER_SINK) * capacity.SINK_EVENTS_PER_SECOND / capacity.EVENTS_A_POSTER
    assert plan(Load(per_second=two_sinks * 0.7 * 0.999)).sink_processes == 2


def test_more_load_never_takes_less() -> None:
    """Cores, processes, partitions, bytes and rows grow with the load, and the limits do not depend on it."""
    plans = [plan(Load(per_second=10.0**power)) for power in range(-3, 5)]
    for fewer, more in pairwise(plans):
        for name in (
            "cores",
            "intake_processes",
            "sink_processes",
            "render_partitions",
            "topic_bytes",
            "rows",
            "core_hours",
        ):
            assert getattr(fewer, name) <= getattr(more, name), name
        assert fewer.limits == more.limits
        assert list(more.limits) == sorted(more.limits, key=lambda limit: limit.per_second)


def test_a_fuller_machine_waits_longer() -> None:
    """The wait at the peak grows with the utilization, and is a small part of a poster's time at the default."""
    waits = [plan(Load(per_second=50, utilization=share)).wait for share in (0.5, 0.7, 0.9, 0.99)]

    assert waits == sorted(waits)
    assert waits[1] < 0.05
    assert plan(Load(per_second=50, utilization=0.99)).lag > 1


@pytest.mark.parametrize(("command", "shown"), PAGES)
def test_pages_show_what_the_command_prints(command: str, shown: str) -> None:
    """docs/capacity.md has the output of each command that it names; run it and paste what has changed."""
    done = CliRunner().invoke(main, shlex.split(command))

    assert done.exit_code == 0
    assert done.stdout == shown


def test_one_of_rate_and_posters_a_day_is_wanted() -> None:
    """Neither or both is an error that names the two."""
    for arguments in ([], ["--rate", "1", "--per-day", "2"]):
        done = CliRunner().invoke(main, ["capacity", *arguments])
        assert done.exit_code == 2
        assert "give either --rate or --per-day" in done.stderr
