"""`python -m tests.monitoring.record`: inject faults into a running system, and record what Prometheus sees.

The series are written to recorded/faults.txt. The tests of alerts and dashboard evaluate them, and the picture in the
documentation shows them. A recording takes 25 minutes: alerts wait for minutes, and so do the faults.
"""

import contextlib
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import psutil

from tests.faults.world import World, world
from tests.monitoring.series import RECORDED, Recording
from tests.monitoring.server import prometheus, query_range
from tests.parts import free_port

A_SECOND: Final = 2
MINUTE: Final = 60.0


def main() -> None:
    """Record, and write the file. Raises AssertionError where the system does not recover."""
    ports = [free_port(), free_port()]
    with tempfile.TemporaryDirectory(prefix="posters-record-") as name, world(Path(name), seed=1) as system:
        for worker, port in zip(system.workers, ports, strict=True):
            worker.term()
            worker.start(POSTERS_STATUS_ADDRESS=f"127.0.0.1:{port}")
        targets = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
        scrape = f"[{{job_name: posters, static_configs: [{{targets: [{targets}]}}]}}]"
        with prometheus(Path(name), scrape=scrape) as address:
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
                with contextlib.suppress(psutil.NoSuchProcess):
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


def fetch(address: str, began: float, ended: float, marks: dict[str, float], names: dict[str, str]) -> Recording:
    """Return every series of ours, at the times of the recording, with `names` in place of the workers' addresses."""
    found = query_range(address, '{__name__=~"poster_.*|up", __name__!~".*_created"}', began, ended)
    return Recording.of_prometheus(found, began, ended, marks, names)


if __name__ == "__main__":
    main()
