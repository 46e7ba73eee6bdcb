"""Failpoints: places where a test ends the process as a power cut would. Unused, each costs one comparison."""

import os
from typing import Final, Literal, get_args

Point = Literal[
    "intake published",
    "render taken",
    "render drawn",
    "render stored",
    "render published",
    "sink flushing",
    "sink committed",
    "sink announced",
]
POINTS: Final[tuple[Point, ...]] = get_args(Point)
EXIT_CODE: Final = 137

_NAME, _, _COUNT = os.environ.get("FAILPOINT", "").partition(":")
"""`FAILPOINT="render stored:3"` ends the process when that point is reached for the third time."""
_left = int(_COUNT or 1)


def failpoint(name: Point) -> None:
    """End the process here where the environment variable `FAILPOINT` names this point."""
    if name == _NAME:
        _end_when_counted_down()


def _end_when_counted_down() -> None:
    global _left  # noqa: PLW0603 - one process, one place, one count
    _left -= 1
    if _left <= 0:
        os._exit(EXIT_CODE)
