"""The page follows from the stored results."""

import re
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.__main__ import MEASURES, MINUTES, ON_DEMAND, chosen, write_page
from bench.report.capacity_check import with_check
from bench.report.page import memory_plot, page
from bench.report.plot import Line, plot
from bench.report.readme import with_speed
from bench.report.results import Figures
from bench.report.targets import TARGETS
from bench.results_store import PARTS, store_figures, stored_figures
from tests.bench.measured import figures, memory, scale

README = Path(__file__).parents[2] / "README.md"
CAPACITY = README.parent / "docs" / "capacity.md"
PERFORMANCE = README.parent / "docs" / "performance.md"
RESULTS = README.parent / "bench" / "results"
TODAY = date(2026, 1, 31)


def test_what_is_stored_is_what_was_measured(tmp_path: Path) -> None:
    """Every part comes back from its file as it went in."""
    measured = figures()
    for part in PARTS:
        store_figures(tmp_path, part, getattr(measured, part), TODAY)

    stored = stored_figures(tmp_path)

    assert all(getattr(stored, part) == getattr(measured, part) for part in PARTS)
    assert stored.days == dict.fromkeys(PARTS, "2026-01-31")


def test_a_part_measured_again_takes_the_place_of_the_former(tmp_path: Path) -> None:
    """Parts can be measured singly; the others stay, and the page names the day of each."""
    store_figures(tmp_path, "intake", figures().intake, TODAY)
    store_figures(tmp_path, "memory", memory(1, 2, 3, 4), TODAY)
    store_figures(tmp_path, "memory", memory(5, 6, 7, 8), date(2026, 2, 1))

    stored = stored_figures(tmp_path)

    assert (stored.intake, stored.memory) == (figures().intake, memory(5, 6, 7, 8))
    assert "Measured on 2026-01-31 by `make bench ARGS=intake`." in page(stored)
    assert "Measured on 2026-02-01 by `make bench ARGS=memory`." in page(stored)


def test_the_page_is_of_the_stored_results() -> None:
    """Nobody edits a figure by hand, in the page, the README or the capacity page."""
    stored = stored_figures(RESULTS)
    written = PERFORMANCE.read_text(encoding="utf-8")

    assert page(stored, earlier=written) == written
    for path, section in ((README, with_speed), (CAPACITY, with_check)):
        text = path.read_text(encoding="utf-8")
        assert section(text, stored) == text


def test_the_page_compares_the_drivers() -> None:
    """With day and version of Chromium, because the figures are of that day's Chromium only."""
    text = " ".join(page(figures()).split())

    assert "measured on 2026-01-31 with Chromium 150.0.1.2" in text
    assert "| memory of all processes after a round, MB | 700 | 1,050 | 1.50 |" in text


def test_the_page_names_what_bends() -> None:
    """Too few partitions, or the cores of the machine, each with the run that shows it."""
    few = " ".join(page(figures()).split())
    full = replace(scale().runs[4], partitions=48)
    more = " ".join(page(replace(figures(), scale=scale(scale().runs[0], full))).split())

    assert "16 workers with 12 partitions reach 0.73 of linear, because 12 of them have one (0.75)" in few
    assert "16 workers with 48 partitions reach 0.73 of linear: this machine's cores bend, and the workers use" in more
    assert "Nothing bends up to here." in page(replace(figures(), scale=scale(scale().runs[0])))


def test_the_page_has_both_counts_of_a_backlog() -> None:
    """Between completions, and from the first request sent; both with both baselines."""
    text = page(figures())

    assert "| simple | 10.0 | 12.0 | 9.6 | 0.96 | 0.80 |" in text
    assert "| simple | 9.9 | 11.9 | 9.6 | 0.96 | 0.80 |" in text


def test_every_part_can_be_measured_and_is_stored() -> None:
    """No part is measured and then left out, or shown and never measured."""
    assert list(MEASURES) == list(PARTS)


def test_the_page_says_how_long_measuring_took(tmp_path: Path) -> None:
    """Of the parts whose time is stored; older results have none."""
    store_figures(tmp_path, "intake", figures().intake, TODAY, 61)
    store_figures(tmp_path, "sink", figures().sink, TODAY)

    text = page(stored_figures(tmp_path))
    assert "Measured on 2026-01-31 in 1 min by `make bench ARGS=intake`.\n" in text
    assert "Measured on 2026-01-31 by `make bench ARGS=sink`.\n" in text


def test_the_help_says_how_long_each_part_takes() -> None:
    """Nobody starts a run of more than an hour unawares."""
    assert list(MINUTES) == list(PARTS)


def test_parts_that_need_more_tools_are_measured_on_demand() -> None:
    """`make bench` alone takes what `make install` and `make parts` bring; `all` takes everything."""
    assert set(chosen([])) == set(PARTS) - set(ON_DEMAND)
    assert set(chosen(["all"])) == set(PARTS)
    assert chosen(["peers"]) == ["peers"]
    assert chosen(["none"]) == []


def test_the_page_shows_every_part_and_every_target(tmp_path: Path) -> None:
    """What was measured is there to read, with its picture, and fits the line."""
    text = page(figures())

    assert len(re.findall(r"^## ", text, re.MULTILINE)) == 14
    assert text.count("| met |") == len(TARGETS)
    assert "(images/memory.svg)" in text
    assert max(len(line) for line in text.splitlines() if not line.startswith(("|", "- "))) <= 120


def test_the_page_leaves_out_what_is_not_stored() -> None:
    """A first run of one part makes a page that claims nothing of the others."""
    text = page(Figures(days={"intake": "2026-01-31"}, cores=2, intake=figures().intake))

    assert re.findall(r"^## (.*)", text, re.MULTILINE) == ["Targets", "Intake"]
    assert text.count("| not measured |") == len(TARGETS) - 2


def test_a_part_without_results_keeps_its_section() -> None:
    """Measuring one part again says nothing new of the others, whose day stays in their sections."""
    whole = page(figures())
    one = replace(figures(), flow=None, scale=None, choices=None)

    assert sections(page(one, earlier=whole)) == sections(whole)
    assert "Against Chromium alone" not in sections(page(one))


def sections(text: str) -> dict[str, str]:
    """Return the sections of parts by their headings."""
    return {each.partition("\n")[0]: each.rstrip() for each in text.split("\n## ")[2:]}


def test_the_readme_says_what_the_page_says() -> None:
    """Its section on speed is written from the same figures, and the rest of it stays."""
    readme = README.read_text(encoding="utf-8")
    written = with_speed(readme, figures())

    before, heading, section = written.partition("## How fast")
    section, next_heading, after = section.partition("\n## ")
    assert (before, after) == (readme.partition(heading)[0], readme.partition(heading)[2].partition(next_heading)[2])
    assert "at 1.40 of the rate of Chromium driven by Playwright" in " ".join(section.split())
    assert "of Chromium over the pipe, without Playwright, it is 1.17 and 0.80" in " ".join(section.split())
    assert "no role's Python process has more than 130 MB" in " ".join(section.split())
    assert with_speed(written, figures()) == written


def test_the_readme_stays_where_not_everything_is_stored() -> None:
    """A run of some parts does not leave a sentence half true."""
    readme = README.read_text(encoding="utf-8")

    assert with_speed(readme, replace(figures(), sink=None)) == readme


def test_the_capacity_page_compares_its_model_with_the_runs() -> None:
    """Each run with what one worker's rate and the partitions make of it; the rest of the page stays."""
    capacity = CAPACITY.read_text(encoding="utf-8")
    written = with_check(capacity, figures())

    assert "| 8 | 12 | 29.6 | 29.0 | 0.98 | 55% | yes |" in written
    assert "| 16 | 12 | 44.4 | 43.0 | 0.97 | 85% | no |" in written
    assert with_check(written, figures()) == written
    assert with_check(capacity, replace(figures(), scale=None)) == capacity
    others = [re.sub(r"(?s)## Checked.*?(?=## Ten)", "", each) for each in (written, capacity)]
    assert others[0] == others[1]


def test_the_picture_is_written_beside_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's link to its picture leads somewhere."""
    monkeypatch.setattr("bench.__main__.ROOT", tmp_path)
    store_figures(tmp_path / "results", "memory", memory(1, 2, 3, 4), TODAY)
    (tmp_path / "docs").mkdir()

    write_page(tmp_path / "results", tmp_path / "docs")

    text = (tmp_path / "docs" / "performance.md").read_text(encoding="utf-8")
    [target] = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert (tmp_path / "docs" / target).read_text(encoding="utf-8") == memory_plot(memory(1, 2, 3, 4))


def test_a_plot_is_an_svg_whose_lines_stay_inside() -> None:
    """Whatever the values, every point is in the picture, and names do not cover each other."""
    lines = [
        Line(name="large <1>", color="#000", points=[(0, 0), (4_999, 1_499.5)]),
        Line(name="small", color="#111", points=[(0, 3), (5_000, 4)]),
        Line(name="smaller", color="#222", points=[(0, 2), (5_000, 1)]),
    ]
    picture = ET.fromstring(plot(lines, title="a & b", x_name="x", y_name="y"))  # noqa: S314 - our own
    svg = "{http://www.w3.org/2000/svg}"
    _, _, width, height = map(float, picture.attrib["viewBox"].split())
    points = [
        tuple(map(float, point.split(",")))
        for line in picture.iter(f"{svg}polyline")
        for point in line.attrib["points"].split()
    ]
    names = sorted(
        float(text.attrib["y"]) for text in picture.iter(f"{svg}text") if text.text in ("large <1>", "small", "smaller")
    )

    assert len(points) == 6
    assert all(0 <= x <= width and 0 <= y <= height for x, y in points)
    assert all(below - above >= 15 for above, below in pairwise(names))
