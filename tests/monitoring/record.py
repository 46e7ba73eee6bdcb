"""`python -m tests.monitoring.record`: inject faults into a running system, and record what Prometheus sees of it.

The series are written to recorded/faults.txt. The tests of the alerts and of the dashboard evaluate them, and the picture
in the documentation shows them. A recording takes 25 minutes: alerts wait for minutes, and so do the faults.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.faults.world import World, world
from tests.monitoring.series import RECORDED, STEP_SECONDS, Recording
from tests.parts import free_port

ROOT: Final = Path(__file__).parents[2]
PROMETHEUS: Final = ROOT / ".parts" / "tools" / "prometheus"
A_SECOND: Final = 2
MINUTE: Final = 60.0


def main() -> None:
    """Record, and write the file. Raises AssertionError where the system does not recover."""
    ports = [free_port(), free_port()]
    with tempfile.TemporaryDirectory(prefix="posters-record-") as name, world(Path(name), seed=1) as system:
        for worker, port in zip(system.workers, ports, strict=True):
            worker.term()
            worker.start(POSTERS_STATUS_ADDRESS=f"127.0.0.1:{port}")
        with prometheus(Path(name), ports) as address:
            began, marks = time.time(), inject(system, ports)
            ended = time.time()
            names = {f"127.0.0.1:{port}": f"worker-{number}" for number, port in enumerate(ports, start=1)}
            RECORDED.write_text(fetch(address, began, ended, marks, names).to_text(), encoding="utf-8")


def inject(system: World, ports: list[int]) -> dict[str, float]:
    """Inject one fault after the other under load; return the minute at which each began and ended."""
    began, marks = time.monotonic(), {}

    def mark(name: str) -> None:
        marks[name] = round((time.monotonic() - began) / 60, 2)
        sys.stderr.write(f"{marks[name]:6.2f} {name}\n")

    with system.load(A_SECOND):
        system.wait(3 * MINUTE)
        mark("storage unavailable")
        system.storage_proxy.set("slow down")
        system.wait(9 * MINUTE)
        mark("storage available")
        system.storage_proxy.set("well")
        system.wait(3 * MINUTE)
        mark("bad records of one producer")
        for number in range(60):
            system.system.send("poster-requests", b"producer", b"no JSON %d" % number)
        system.wait(1 * MINUTE)
        mark("browsers killed")
        for _ in range(6):
            for browser in system.workers[0].browsers():
                with contextlib.suppress(Exception):
                    browser.kill()
            system.wait(8)
        mark("worker killed")
        system.workers[1].kill()
        system.wait(0.5 * MINUTE)
        system.workers[1].start(POSTERS_STATUS_ADDRESS=f"127.0.0.1:{ports[1]}")
        mark("worker started")
        system.wait(2 * MINUTE)
        mark("database unavailable")
        system.database_proxy.set("refuse")
        system.wait(2 * MINUTE)
        mark("database available")
        system.database_proxy.set("ok")
        system.wait(3 * MINUTE)
    system.settle(300)
    mark("end")
    return marks


@contextlib.contextmanager
def prometheus(directory: Path, ports: list[int]) -> Iterator[str]:
    """Run Prometheus on the workers; yield its address."""
    port, data = free_port(), directory / "prometheus"
    targets = ", ".join(f'"127.0.0.1:{each}"' for each in ports)
    configuration = directory / "prometheus.yml"
    configuration.write_text(
        f"global: {{scrape_interval: {STEP_SECONDS}s, scrape_timeout: 5s}}\n"
        f"scrape_configs: [{{job_name: posters, static_configs: [{{targets: [{targets}]}}]}}]\n",
        encoding="utf-8",
    )
    command = [
        str(PROMETHEUS), f"--config.file={configuration}", f"--storage.tsdb.path={data}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(100):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/-/ready", timeout=2)
                break
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def query_range(address: str, expression: str, began: float, ended: float) -> list[dict[str, object]]:
    """Return what an expression is over time: a list of `metric` (labels) and `values` (time and value)."""
    question = urllib.parse.urlencode({"query": expression, "start": began, "end": ended, "step": STEP_SECONDS})
    with urllib.request.urlopen(f"{address}/api/v1/query_range?{question}", timeout=60) as response:
        answer = json.load(response)
    assert answer["status"] == "success", answer
    found: list[dict[str, object]] = answer["data"]["result"]
    return found


def fetch(address: str, began: float, ended: float, marks: dict[str, float], names: dict[str, str]) -> Recording:
    """Return every series of ours, at the times of the recording, with `names` in place of the workers' addresses."""
    found = query_range(address, '{__name__=~"poster_.*|up", __name__!~".*_created"}', began, ended)
    return Recording.of_prometheus(found, began, ended, marks, names)


if __name__ == "__main__":
    main()
