"""The dashboard: made from its table, of metrics that exist, and with something to show in a recording of faults."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.monitoring.dashboard import PANELS, TARGET, dashboard
from tests.monitoring.expressions import REDPANDA, exported, names_of, of_sites
from tests.monitoring.picture import ABSENT, PICTURE, evaluate, picture
from tests.monitoring.series import RECORDED, Recording
from tests.monitoring.server import loaded

BOARD: dict[str, Any] = json.loads(TARGET.read_text(encoding="utf-8"))
CHARTS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
STEADY = {"Contradicting outcomes", "Refused", "Workers, by build and by role"}
"""Panels whose values do not change: zeros, because nothing of the kind may happen, and the number of workers."""
EMPTY = {"Retries"}
"""Panels without series: posters wait for an unavailable storage, and need no retry."""


def test_file_is_what_its_table_says() -> None:
    """`scripts/dashboard.py` would change nothing."""
    assert dashboard() == BOARD


@pytest.mark.parametrize("panel", CHARTS, ids=lambda panel: panel["title"])
def test_expressions_parse_and_name_metrics_that_exist(panel: dict[str, Any]) -> None:
    """Every expression is PromQL, and names what a worker or a site exports, or the broker in its own row."""
    for target in panel["targets"]:
        names = names_of(target["expr"])

        assert names
        assert names <= exported() | of_sites() | REDPANDA


def test_every_metric_is_on_the_dashboard() -> None:
    """No exported metric is left out: what is worth exporting is worth seeing."""
    shown = {name for panel in CHARTS for target in panel["targets"] for name in names_of(target["expr"])}
    missing = {
        name
        for name in exported() | of_sites()
        if not any(re.sub("_(bucket|count|sum)$", "", name) in other for other in shown)
    }

    assert missing == set()


def test_panels_do_not_overlap() -> None:
    """Each panel has a place of its own, within the 24 columns of Grafana, and an id of its own."""
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_panels_show_a_recording_of_faults_and_the_picture_is_of_it(tmp_path: Path) -> None:
    """Evaluated by Prometheus, every panel has series in the recording; the picture of the docs shows these."""
    recording = Recording.of_text(RECORDED.read_text(encoding="utf-8"))

    with loaded(recording, tmp_path) as address:
        evaluated = evaluate(address, recording)

    assert {title for title, series in evaluated.items() if not series} == EMPTY
    moving = {title for title, series in evaluated.items() if len({y for _, values in series for _, y in values}) > 1}
    assert evaluated.keys() - moving <= STEADY | EMPTY
    assert texts(picture(evaluated, recording)) == texts(PICTURE.read_text(encoding="utf-8"))
    assert {panel.title for row, panels in PANELS.items() if row not in ABSENT for panel in panels} == evaluated.keys()


def texts(svg: str) -> set[str]:
    """Return what is written in a picture, the numbers of its axes left out."""
    return {text for text in re.findall(r">([^<>]+)</text>", svg) if not re.match(r"[\d.]+", text)}
