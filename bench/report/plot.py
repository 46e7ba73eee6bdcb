"""A line plot as SVG, small enough to be read in a diff."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 760
HEIGHT: Final = 360
LEFT, RIGHT, TOP, BOTTOM = 64, 130, 24, 48
TEXT: Final = 'font-family="Noto Sans, Helvetica, Arial, sans-serif" font-size="12" fill="#33475b"'
STEPS: Final = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A named line through points of (x, y), neither of them negative, x rising."""

    name: str
    color: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to places in the picture; both axes begin at 0."""

    most_x: float
    most_y: float

    def x(self, value: float) -> float:
        """Return the place from the left."""
        return round(LEFT + value * (WIDTH - LEFT - RIGHT) / self.most_x, 1)

    def y(self, value: float) -> float:
        """Return the place from the top."""
        return round(HEIGHT - BOTTOM - value * (HEIGHT - TOP - BOTTOM) / self.most_y, 1)


def plot(lines: Sequence[Line], *, title: str, x_name: str, y_name: str) -> str:
    """Return the plot, in which each line bears its name at its end."""
    most_x = max(x for line in lines for x, _ in line.points) or 1
    most_y = max(y for line in lines for _, y in line.points) or 1
    step_x, step_y = step(most_x), step(most_y)
    scale = Scale(most_x, step_y * (most_y // step_y + 1))
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#fff"/>',
        f"<g {TEXT}>",
        *_axes(scale, step_x, step_y),
        f'<text x="{middle:g}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x_name)}</text>',
        f'<text x="{LEFT - 8}" y="{TOP - 8}" text-anchor="end">{escape(y_name)}</text>',
        *_drawn(scale, lines),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _axes(scale: Scale, step_x: float, step_y: float) -> Iterator[str]:
    for value in marks(scale.most_y, step_y):
        y = scale.y(value)
        yield f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#dfe5ec"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:g}" text-anchor="end">{value:,g}</text>'
    for value in marks(scale.most_x, step_x):
        yield f'<text x="{scale.x(value)}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{value:,g}</text>'


def _drawn(scale: Scale, lines: Sequence[Line]) -> Iterator[str]:
    heights = spread_out([scale.y(line.points[-1][1]) for line in lines])
    for line, height in zip(lines, heights, strict=True):
        path = " ".join(f"{scale.x(x):g},{scale.y(y):g}" for x, y in line.points)
        beside = scale.x(line.points[-1][0]) + 8
        yield f'<polyline points="{path}" fill="none" stroke="{line.color}" stroke-width="2"/>'
        yield f'<text x="{beside:g}" y="{height + 4:g}" fill="{line.color}">{escape(line.name)}</text>'


def step(most: float) -> float:
    """Return a round step that leads to `most` in eight at most."""
    power = 10.0 ** (len(f"{max(1, int(most / 8))}") - 1)
    return next(each * power for each in STEPS if each * power * 8 >= most)


def marks(most: float, step: float) -> list[float]:
    """Return the multiples of `step` from 0 to `most`."""
    return [each * step for each in range(int(most / step) + 1)]


def spread_out(heights: Sequence[float], apart: float = 16) -> list[float]:
    """Return the heights, moved down where one would cover the one above it."""
    moved = dict[int, float]()
    last = float("-inf")
    for index in sorted(range(len(heights)), key=lambda each: heights[each]):
        last = moved[index] = max(heights[index], last + apart)
    return [moved[index] for index in range(len(heights))]
