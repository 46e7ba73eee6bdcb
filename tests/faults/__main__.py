"""`python -m tests.faults [NAME …] [--times N] [--seed S] [--outage SECONDS]`: inject faults, tell what came of it."""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom

from tests.faults.ledger import Verdict
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.world import world

ROOT = Path(__file__).parents[2]
RUNS = ROOT / "out" / "faults"
DOCUMENT = ROOT / "docs" / "reliability.md"
SMALL_DISK_MIB = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a scenario."""

    scenario: str
    seed: int
    day: str
    faults: int
    outage: float
    seconds: float
    verdict: Verdict
    stuck: str
    recoveries: list[float]
    figures: dict[str, float]

    @property
    def alive(self) -> bool:
        """Whether everything went on in time, without anybody's help."""
        return not self.stuck


def main() -> None:
    """Run what is asked for; the exit code is 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SCENARIOS))
    parser.add_argument("--times", type=int, help="how often to inject each fault")
    parser.add_argument("--seed", type=int, help="repeat the run with this seed")
    parser.add_argument("--outage", type=float, metavar="SECONDS", help="how long a part is away")
    options = parser.parse_args()
    beside = [] if options.names else [_start(name) for name, scenario in SCENARIOS.items() if scenario.beside]
    broken = False
    for name in options.names or (name for name, scenario in SCENARIOS.items() if not scenario.beside):
        seed = SystemRandom().randint(1, 10**6) if options.seed is None else options.seed
        planned = SCENARIOS[name]
        given = {"times": options.times, "outage": options.outage}
        scenario = replace(planned, **{field: value for field, value in given.items() if value is not None})
        run = _run(name, scenario, seed)
        _keep(run)
        print(_said(run), flush=True)  # noqa: T201 - a command
        broken = broken or not run.verdict.safe or not run.alive
    for process in beside:
        broken = process.wait() != 0 or broken
    write_document()
    raise SystemExit(1 if broken else 0)


def _start(name: str) -> "subprocess.Popen[bytes]":
    """Run a scenario in a process of its own, on parts of its own."""
    return subprocess.Popen([sys.executable, "-m", "tests.faults", name], cwd=ROOT)


def _run(name: str, scenario: Scenario, seed: int) -> Run:
    began, stuck, recoveries = time.monotonic(), "", list[float]()
    with (
        tempfile.TemporaryDirectory(prefix="posters-", ignore_cleanup_errors=True) as directory,
        _small_disk(Path(directory), wanted=scenario.small_disk) as tables,
        world(
            Path(directory),
            seed,
            workers=scenario.workers,
            broker=scenario.broker,
            database_settings=scenario.database_settings,
            tables=tables,
        ) as stage,
    ):
        stage.outage = scenario.outage
        try:
            recoveries = scenario.run(stage, scenario.times)
            stage.settle()
            slow = [each for each in recoveries if each > scenario.recovers]
            stuck = f"went on only after {max(slow):.1f} s" if slow else ""
        except AssertionError as error:
            stuck = str(error) or repr(error)
        verdict = stage.ledger.check()
        if stuck or not verdict.safe:
            _keep_logs(Path(directory), name, seed)
    return Run(
        scenario=name,
        seed=seed,
        day=datetime.now(UTC).date().isoformat(),
        faults=scenario.times,
        outage=scenario.outage,
        seconds=round(time.monotonic() - began, 1),
        verdict=verdict,
        stuck=stuck,
        recoveries=[round(each, 1) for each in recoveries],
        figures=stage.figures,
    )


@contextmanager
def _small_disk(directory: Path, *, wanted: bool) -> Iterator[Path | None]:
    """Give a directory on a disk of its own, which takes root; None where none is wanted."""
    if not wanted:
        yield None
        return
    place = directory / "disk"
    place.mkdir()
    directory.chmod(0o711)  # the server runs as another user
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MIB}m", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def _keep(run: Run) -> None:
    RUNS.mkdir(parents=True, exist_ok=True)
    path = RUNS / f"{run.scenario}-{run.seed}.json"
    kept = asdict(run) | {"safe": run.verdict.safe, "alive": run.alive}
    path.write_text(json.dumps(kept, indent=1), encoding="utf-8")


def _keep_logs(directory: Path, name: str, seed: int) -> None:
    RUNS.mkdir(parents=True, exist_ok=True)
    for log in directory.glob("worker*.log"):
        (RUNS / f"{name}-{seed}-{log.name}").write_bytes(log.read_bytes()[-200_000:])


def _said(run: Run) -> str:
    verdict = run.verdict
    return (
        f"{run.scenario} (seed {run.seed}): {'safe' if verdict.safe else f'BROKEN: {verdict}'[:2000]}, "
        f"{'alive' if run.alive else f'STUCK: {run.stuck}'}; {run.faults} faults, {verdict.posters} posters, "
        f"{verdict.poison} bad records, {len(verdict.lost)} lost, {len(verdict.decided_twice)} decided twice, "
        f"{verdict.repeated} repeated, {run.seconds:g} s {run.figures or ''}"
    )


def write_document() -> None:
    """Write docs/reliability.md from every run that is kept in out/faults."""
    runs: dict[str, list[dict[str, object]]] = {}
    for path in sorted(RUNS.glob("*.json")):
        run = json.loads(path.read_text(encoding="utf-8"))
        runs.setdefault(run["scenario"], []).append(run)
    rows = [_row(name, runs[name]) for name in SCENARIOS if name in runs]
    explained = "\n".join(
        f"- **{name}**: {SCENARIOS[name].described}{_figures(runs[name])}" for name in SCENARIOS if name in runs
    )
    DOCUMENT.write_text(HEAD + "\n".join(rows) + "\n\n" + explained + "\n" + FOOT, encoding="utf-8")


def _row(name: str, runs: list[dict[str, object]]) -> str:
    def total(field: str) -> int:
        values = [run["verdict"][field] for run in runs]  # type: ignore[index]
        return sum(value if isinstance(value, int) else len(value) for value in values)

    recoveries = sorted(each for run in runs for each in run["recoveries"])  # type: ignore[attr-defined]
    middle = f"{statistics.median(recoveries):.1f}" if recoveries else "–"
    most = f"{recoveries[-1]:.1f}" if recoveries else "–"
    seeds = ", ".join(str(run["seed"]) for run in runs)
    faults = sum(int(run["faults"]) for run in runs)  # type: ignore[call-overload]
    safe = "kept" if all(run["safe"] for run in runs) else "**broken**"
    alive = "kept" if all(run["alive"] for run in runs) else "**broken**"
    counts = " | ".join(str(total(field)) for field in ("posters", "poison", "lost", "decided_twice", "repeated"))
    return f"| {name} | {faults} | {seeds} | {counts} | {middle} / {most} | {safe} | {alive} |"


def _figures(runs: list[dict[str, object]]) -> str:
    measured = [f"{what} {value:g}" for run in runs for what, value in run["figures"].items()]  # type: ignore[attr-defined]
    return f" Measured: {'; '.join(measured)}." if measured else ""


HEAD = """# Reliability

What was injected into real parts (Kafka, PostgreSQL, an S3 server, Chromium), and what became of the posters meanwhile.
Written by `make faults` from the runs in `out/faults`; `make faults ARGS="worker-kills --seed 7"` repeats one of them.

- *Lost*: posters without a recorded outcome. *Decided twice*: posters whose outcome changed within a generation.
- *Repeated*: outcomes stated more than once, which everybody recognises by their id and ignores.
- *Recovery*: seconds from the fault (its end, where it lasts) to the next recorded outcome, or to the last one where
  nothing new is asked for; median / longest.
- *Safety* is kept where nothing is lost, decided twice, invented or moved backwards; counts equal a fresh count; every
  outcome is of the expected kind; the object of every completed poster has the recorded bytes, and there are no others;
  every record below an offset that was committed at a fault had its effect by then; and exactly the bad records that
  were mixed in are dead letters, byte for byte.
- *Liveness* is kept where everything ended in time without anybody's help, outcomes went on within 60 s after a fault
  (16 s after a worker's end), and what the fault's sentence says of processes held.

| fault | injected | seeds | posters | bad records | lost | decided twice | repeated | recovery | safety | liveness |
|---|---|---|---|---|---|---|---|---|---|---|
"""
FOOT = """
The group's session timeout was 6 s in these runs (45 s by default): a killed worker's partitions go to others after
that. Order, acknowledgements and revocations are explored apart from real parts, thousands of histories in seconds:
`tests/simulation`.
"""

if __name__ == "__main__":
    main()
