"""The spans of a trace as SVG: a row for each span, and a dashed line for each link."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 760
LEFT, RIGHT, TOP, ROW = 270, 70, 40, 24
TEXT: Final = 'font-family="Noto Sans, Helvetica, Arial, sans-serif" font-size="12" fill="#33475b"'
IDLE_SECONDS: Final = 0.02
"""A time without any span is drawn as this long, whatever it was."""
NARROWEST: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A span: seconds since the beginning, how many spans it is inside of, and the rows of the spans it links to."""

    name: str
    begins: float
    ends: float
    depth: int
    color: str
    links: Sequence[int] = ()


def timeline(bars: Sequence[Bar], *, title: str) -> str:
    """Return the picture; the bars come in the order of their rows."""
    busy = _busy(bars)
    last = _place(busy, max(bar.ends for bar in bars))
    scale = (WIDTH - LEFT - RIGHT) / (last or 1)
    places = [(LEFT + scale * _place(busy, bar.begins), LEFT + scale * _place(busy, bar.ends)) for bar in bars]
    height = TOP + ROW * len(bars) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#fff"/>',
        f"<g {TEXT}>",
        f'<text x="16" y="24" font-weight="bold">{escape(title)}</text>',
        *_links(bars, places),
        *_rows(bars, places),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _rows(bars: Sequence[Bar], places: Sequence[tuple[float, float]]) -> Iterator[str]:
    for row, (bar, (begins, ends)) in enumerate(zip(bars, places, strict=True)):
        y = TOP + ROW * row
        wide = max(NARROWEST, ends - begins)
        yield f'<text x="{16 + 9 * bar.depth}" y="{y + 13}">{escape(bar.name)}</text>'
        yield f'<rect x="{begins:.1f}" y="{y + 2}" width="{wide:.1f}" height="14" rx="2" fill="{bar.color}"/>'
        yield f'<text x="{begins + wide + 5:.1f}" y="{y + 13}" font-size="10">{_duration(bar.ends - bar.begins)}</text>'


def _links(bars: Sequence[Bar], places: Sequence[tuple[float, float]]) -> Iterator[str]:
    for row, bar in enumerate(bars):
        for target in bar.links:
            from_x, to_x = places[row][0], places[target][1]
            from_y, to_y = TOP + ROW * row + 9, TOP + ROW * target + 9
            line = f"M{from_x:.1f} {from_y}L{to_x:.1f} {to_y}"
            yield f'<path d="{line}" stroke="#8795a8" stroke-dasharray="3 3" fill="none"/>'


def _busy(bars: Sequence[Bar]) -> list[tuple[float, float]]:
    """Return the times in which there is a span."""
    merged: list[tuple[float, float]] = []
    for begins, ends in sorted((bar.begins, bar.ends) for bar in bars):
        if merged and begins <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ends))
        else:
            merged.append((begins, ends))
    return merged


def _place(busy: Sequence[tuple[float, float]], time: float) -> float:
    """Return the seconds until a time, in which a time without spans counts little."""
    place, before = 0.0, 0.0
    for begins, ends in busy:
        if time < begins:
            break
        place += min(begins - before, IDLE_SECONDS)
        place += min(time, ends) - begins
        before = ends
    return place


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
