"""The worker with simulated drawing is the worker, less its browser."""

from pathlib import Path

import pytest

from bench.baselines.documents import OUTPUT
from bench.simulated import IMAGE_VARIABLE, with_simulated_drawing
from renderer import engine
from renderer.engine import Engine
from renderer.rendering import RenderRequest


async def test_the_real_engine_returns_the_image_without_a_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pool, costs and fingerprint are the engine's; the bytes are the given image's, after the drawing's time."""
    (tmp_path / "rich.png").write_bytes(b"image")
    monkeypatch.setenv(IMAGE_VARIABLE, str(tmp_path / "rich.png"))
    real = vars(engine)["Worker"]
    with with_simulated_drawing():
        async with Engine(concurrency=1) as simulated:
            rendering = await simulated.render(RenderRequest(html="<p>", output=OUTPUT))
            assert "-simulated-" in simulated.fingerprint

    assert [image.data for image in rendering.images] == [b"image"]
    assert rendering.timings.composed >= 0.265
    assert vars(engine)["Worker"] is real
