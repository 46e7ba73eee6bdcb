"""`python -m bench.simulated worker render`: a render worker whose drawing is simulated, to see how workers scale.

Everything is the real role (inbox, lanes, pool, storage, broker, crash journal) except the browser: a document is
"drawn" by a sleep of the time that a rich poster takes of a core, and its image has the bytes of a rich poster. So many
workers fit on a few cores, as on a machine of its own for each.
"""

import asyncio
import os
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from bench.baselines.documents import HEIGHT, WIDTH
from posters.main import main
from renderer import engine
from renderer.page.page_result import PageResult
from renderer.rendering import AssetUsage, Image, RenderRequest
from renderer.warm_browser import Launcher
from schemas.output import named_outputs

DRAW_SECONDS: Final = 0.265
"""The processor time of a rich poster in Chromium over the pipe."""
IMAGE_VARIABLE: Final = "BENCH_IMAGE"
"""Environment variable: the file with the image that every poster gets."""


class NoBrowser:
    """A browser without processes."""

    def memory_bytes(self) -> int:
        """Return 0."""
        return 0


class SimulatedWorker:
    """Takes the time that drawing takes, and returns the same image each time."""

    browser: Final = NoBrowser()

    def __init__(self, launcher: Launcher, **_: object) -> None:
        self._launcher = launcher
        self._data = Path(os.environ[IMAGE_VARIABLE]).read_bytes()

    async def open(self) -> NoBrowser:
        """Say that a browser has come up."""
        self._launcher.version = "simulated"
        self._launcher.came_up.set()
        return self.browser

    async def draw(self, request: RenderRequest, _: object) -> PageResult:
        """Return the image of each output after the time of a drawing."""
        await asyncio.sleep(DRAW_SECONDS)
        images = [
            Image(name=name, data=self._data, width=WIDTH, height=HEIGHT, format=output.format or "png")
            for name, output in named_outputs(request.output)
        ]
        return PageResult(
            images=images,
            characters="",
            families=[],
            broken_families=[],
            named_families=frozenset(),
            languages=[],
            usage=AssetUsage(),
            warnings=[],
            composed_seconds=DRAW_SECONDS,
            captured_seconds=0.0,
        )

    async def clear(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""


def with_simulated_drawing() -> Any:
    """Replace the engine's workers; leaving the context undoes that."""
    return patch.object(engine, "Worker", SimulatedWorker)


if __name__ == "__main__":
    with with_simulated_drawing():
        main()
