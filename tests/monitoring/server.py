"""A Prometheus server of our own: on workers that run, or on a recording."""

import contextlib
import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.monitoring.series import STEP_SECONDS, Recording
from tests.parts import free_port

TOOLS: Final = Path(__file__).parents[2] / ".parts" / "tools"
_START: Final = 1_700_000_000
"""When a recording begins, in Unix time, once it is loaded: any time will do that its steps fit."""


@contextlib.contextmanager
def prometheus(directory: Path, *, scrape: str = "[]", options: tuple[str, ...] = ()) -> Iterator[str]:
    """Run Prometheus with the data in `directory`; yield its address. `scrape`: its scrape_configs."""
    port = free_port()
    configuration = directory / "prometheus.yml"
    configuration.write_text(
        f"global: {{scrape_interval: {STEP_SECONDS}s, scrape_timeout: 5s}}\nscrape_configs: {scrape}\n",
        encoding="utf-8",
    )
    command = [
        str(TOOLS / "prometheus"), f"--config.file={configuration}", f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", *options,
    ]  # fmt: skip
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_ready(address)
        yield address
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def loaded(recording: Recording, directory: Path) -> Iterator[str]:
    """Run Prometheus on a recording; yield its address."""
    file = directory / "recording.txt"
    file.write_text(recording.to_openmetrics(_START), encoding="utf-8")
    promtool = [str(TOOLS / "promtool"), "tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run([*promtool, str(file), str(directory / "data")], check=True, capture_output=True)
    # The recording is old, and must not be deleted; a series that ended must not go on.
    options = ("--storage.tsdb.retention.time=100y", "--query.lookback-delta=40s")
    with prometheus(directory, options=options) as address:
        yield address


def query_recording(address: str, expression: str, recording: Recording) -> list[dict[str, Any]]:
    """Return what an expression is over the time of a recording, the times counted in minutes from its beginning."""
    found = query_range(address, expression, _START, _START + recording.minutes * 60)
    for series in found:
        series["values"] = [((moment - _START) / 60, float(value)) for moment, value in series["values"]]
    return found


def query_range(address: str, expression: str, began: float, ended: float) -> list[dict[str, Any]]:
    """Return what an expression is over time: a list of `metric` (labels) and `values` (time and value)."""
    question = urllib.parse.urlencode({"query": expression, "start": began, "end": ended, "step": STEP_SECONDS})
    url = f"{address}/api/v1/query_range?{question}"
    with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310 - our own server
        answer = json.load(response)
    assert answer["status"] == "success", answer
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


def _wait_until_ready(address: str) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/-/ready", timeout=2)  # noqa: S310 - our own server
            return
        time.sleep(0.1)
    raise AssertionError("Prometheus does not start")
