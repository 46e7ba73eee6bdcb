"""A broker that is there and not ready for us. Apart from the other tests of the flow: it wants an empty broker."""

import os
import subprocess
import sys
import time
from pathlib import Path


def test_a_worker_without_its_topics_says_so_and_ends(empty_broker: str, tmp_path: Path) -> None:
    """Within ten seconds the worker names every topic it misses and what makes them, and ends with a code."""
    environment = {**os.environ, "POSTERS_BROKERS": empty_broker, "POSTERS_STORAGE_URL": tmp_path.as_uri()}
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", "posters", "worker", "retry"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode == 1
    assert time.monotonic() - began < 10
    assert "poster-retries-2" in ended.stderr
    assert "posters setup" in ended.stderr
