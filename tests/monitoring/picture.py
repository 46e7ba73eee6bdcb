"""`python -m tests.monitoring.picture`: draw the dashboard with the recorded series, as docs/images/dashboard.svg.

Real Prometheus evaluates every expression; only the drawing is ours. No package registry has Grafana.
"""

import re
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

from tests.monitoring.dashboard import PANELS, Panel
from tests.monitoring.series import RECORDED, Recording
from tests.monitoring.server import loaded, query_recording

PICTURE: Final = Path(__file__).parents[2] / "docs" / "images" / "dashboard.svg"
ABSENT: Final = {"Redpanda", "Sites", "Sources"}
"""Rows that the recording has nothing of: its broker is another one, and sites and sources had no metrics in it."""
_COLORS: Final = ("#3b7dd8", "#d9822b", "#2f9e63", "#c0392b", "#7d5ba6", "#16a2b8", "#8a6d3b", "#d6609a")
_COLUMNS, _WIDTH, _HEIGHT, _GAP = 3, 380, 190, 12
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 28, 46
_LEGEND: Final = 6
"""Series that the legend names."""

Series = list[tuple[str, list[tuple[float, float]]]]


def main() -> None:
    """Write the picture."""
    recording = Recording.of_text(RECORDED.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="posters-picture-") as name, loaded(recording, Path(name)) as address:
        PICTURE.write_text(picture(evaluate(address, recording), recording), encoding="utf-8")


def evaluate(address: str, recording: Recording) -> dict[str, Series]:
    """Return the series of every panel by its title, with their legends."""
    return {
        panel.title: [
            (_legend(legend, found["metric"]), found["values"])
            for legend, expression in panel.expressions.items()
            for found in query_recording(address, expression, recording)
        ]
        for row, panels in PANELS.items()
        if row not in ABSENT
        for panel in panels
    }


def picture(evaluated: dict[str, Series], recording: Recording) -> str:
    """Return the dashboard as SVG."""
    parts: list[str] = []
    top = _GAP
    for row, panels in PANELS.items():
        if row in ABSENT:
            continue
        parts.append(f'<text x="{_GAP}" y="{top + 16}" font-size="15" font-weight="bold">{row}</text>')
        top += 26
        for number, panel in enumerate(panels):
            left = _GAP + number % _COLUMNS * (_WIDTH + _GAP)
            place = f"translate({left} {top + number // _COLUMNS * (_HEIGHT + _GAP)})"
            parts += [f'<g transform="{place}">', *_panel(panel, evaluated[panel.title], recording), "</g>"]
        top += (len(panels) + _COLUMNS - 1) // _COLUMNS * (_HEIGHT + _GAP)
    width = _GAP + _COLUMNS * (_WIDTH + _GAP)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" role="img">'
    style = 'font-family="Noto Sans, Helvetica, Arial, sans-serif" font-size="10" fill="#33475b"'
    title = "<title>The dashboard during injected faults</title>"
    background = f'<rect width="{width}" height="{top}" fill="#f4f6f8"/>'
    return "\n".join([head, title, background, f"<g {style}>", *parts, "</g>", "</svg>"]) + "\n"


def _panel(panel: Panel, series: Series, recording: Recording) -> Iterator[str]:
    most = max((value for _, values in series for _, value in values if value == value), default=0) or 1  # noqa: PLR0124
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    yield f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="4" fill="#fff"/>'
    yield f'<text x="10" y="18" font-size="12">{escape(panel.title)}</text>'
    for minute in recording.marks.values():
        x = _LEFT + minute / recording.minutes * wide
        ends = f'x1="{x:.0f}" y1="{_TOP}" x2="{x:.0f}" y2="{_TOP + high}"'
        yield f'<line {ends} stroke="#e3b7b0" stroke-dasharray="2 3"/>'
    for share in (0, 0.5, 1):
        y = _TOP + high * (1 - share)
        yield f'<line x1="{_LEFT}" y1="{y:.0f}" x2="{_LEFT + wide}" y2="{y:.0f}" stroke="#dde3e8"/>'
        yield f'<text x="{_LEFT - 4}" y="{y + 3:.0f}" text-anchor="end">{_shown(most * share, panel.unit)}</text>'
    for minute in range(0, int(recording.minutes) + 1, 5):
        x = _LEFT + minute / recording.minutes * wide
        yield f'<text x="{x:.0f}" y="{_TOP + high + 12}" text-anchor="middle">{minute} min</text>'
    for number, (_, values) in enumerate(series):
        points = [
            (_LEFT + minute / recording.minutes * wide, _TOP + high * (1 - value / most), minute)
            for minute, value in values
        ]
        yield f'<path d="{_path(points)}" fill="none" stroke="{_COLORS[number % len(_COLORS)]}"/>'
    yield from _legends(series)


def _path(points: list[tuple[float, float, float]]) -> str:
    """Return the line through the points; a gap of more than a minute, or of no number, begins another line."""
    words, before = [], None
    for x, y, minute in points:
        if y != y:  # noqa: PLR0124 - not a number, as where nothing happened
            before = None
            continue
        words.append(f"{'L' if before is not None and minute - before < 1 else 'M'}{x:.1f} {max(y, _TOP):.1f}")
        before = minute
    return "".join(words)


def _legends(series: Series) -> Iterator[str]:
    for number, (legend, _) in enumerate(series[:_LEGEND]):
        x, y = 12 + number % 3 * 122, _HEIGHT - 20 + number // 3 * 13
        yield f'<rect x="{x}" y="{y - 7}" width="8" height="8" fill="{_COLORS[number % len(_COLORS)]}"/>'
        yield f'<text x="{x + 12}" y="{y}" font-size="9">{escape(legend[:26])}</text>'


def _legend(pattern: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], "") or "none", pattern)


def _shown(value: float, unit: str) -> str:
    """Return a number of an axis with its unit."""
    if unit == "percentunit":
        return f"{value:.0%}"
    return f"{value:.3g}" + {"s": " s", "ops": "/s"}.get(unit, "")


if __name__ == "__main__":
    main()
