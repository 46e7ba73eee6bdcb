"""The renderer is a library: it draws without broker, database and storage, and without their packages."""

import inspect
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Final

import PIL.Image

import renderer

FOREIGN: Final = (
    *("streams", "agents", "posters"),
    *(
        "faust",
        "mode",
        "aiokafka",
        "confluent_kafka",
        "asyncpg",
        "aiobotocore",
        "botocore",
        "prometheus_client",
        "django",
    ),
)
REPORT: Final = f"""
import json, sys
print(json.dumps(sorted(set(sys.modules) & set({FOREIGN!r}))))
"""


def test_the_example_of_the_package_draws_a_picture_on_its_own(tmp_path: Path) -> None:
    """The lines of the package's docstring make a picture, in a process that loads nothing for Kafka or Postgres."""
    text = inspect.getdoc(renderer) or ""
    example = textwrap.dedent("\n".join(line for line in text.splitlines() if line.startswith("    ")))
    done = subprocess.run(
        [sys.executable, "-c", example + REPORT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert json.loads(done.stdout) == []
    with PIL.Image.open(tmp_path / "hello.png") as image:
        assert image.size == (1080, 1080)
        assert len(image.convert("RGB").getcolors(1 << 16) or ()) > 1


def test_every_entry_point_is_there() -> None:
    """Each name that the package lists can be imported from it, and no other can."""
    assert all(getattr(renderer, name).__module__.startswith("renderer.") for name in renderer.__all__)
    assert not hasattr(renderer, "Nothing")
