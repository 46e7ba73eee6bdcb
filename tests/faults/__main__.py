"""`python -m tests.faults [NAME …] [--times N] [--seed S] [--outage SECONDS]`: inject faults and report the results."""

import argparse
import json
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

from tests.faults.builds import BuildError
from tests.faults.ledger import Verdict
from tests.faults.page import write_document
from tests.faults.scenarios import SCENARIOS, Scenario, SmallDisk
from tests.faults.world import world

ROOT = Path(__file__).parents[2]
RUNS = ROOT / "out" / "faults"
SMALL_DISK_MIB = {"tables": 96, "broker": 400}


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
        """Whether liveness holds: everything continued in time, without intervention."""
        return not self.stuck


def main() -> None:
    """Run the named scenarios, or all; exit with code 1 where safety or liveness was violated."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SCENARIOS))
    parser.add_argument("--times", type=int, help="how often to inject each fault")
    parser.add_argument("--seed", type=int, help="repeat the run with this seed")
    parser.add_argument("--outage", type=float, metavar="SECONDS", help="how long a server is unavailable")
    options = parser.parse_args()
    parallel = [] if options.names else [_start(name) for name, scenario in SCENARIOS.items() if scenario.beside]
    broken = False
    for name in options.names or (name for name, scenario in SCENARIOS.items() if not scenario.beside):
        seed = SystemRandom().randint(1, 10**6) if options.seed is None else options.seed
        planned = SCENARIOS[name]
        given = {"times": options.times, "outage": options.outage}
        scenario = replace(planned, **{field: value for field, value in given.items() if value is not None})
        try:
            run = _run(name, scenario, seed)
        except BuildError as error:
            print(f"{name} was not run: {error}", file=sys.stderr)  # noqa: T201 - a command
            broken = True
            continue
        _store(run)
        print(_summary(run), flush=True)  # noqa: T201 - a command
        broken = broken or not run.verdict.safe or not run.alive
    for process in parallel:
        broken = process.wait() != 0 or broken
    write_document(RUNS)
    raise SystemExit(1 if broken else 0)


def _start(name: str) -> "subprocess.Popen[bytes]":
    """Run a scenario in a separate process, on servers of its own."""
    return subprocess.Popen([sys.executable, "-m", "tests.faults", name], cwd=ROOT)


def _run(name: str, scenario: Scenario, seed: int) -> Run:
    began, stuck, recoveries = time.monotonic(), "", list[float]()
    with (
        tempfile.TemporaryDirectory(prefix="posters-", ignore_cleanup_errors=True) as directory,
        _small_disk(Path(directory), scenario.small_disk) as tables,
        world(
            Path(directory),
            seed,
            fleet=scenario.fleet or ((),) * scenario.workers,
            build=scenario.build(),
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
            stuck = f"recovered only after {max(slow):.1f} s" if slow else ""
        except AssertionError as error:
            stuck = str(error) or repr(error)
        verdict = stage.ledger.check()
        if stuck or not verdict.safe:
            _store_logs(Path(directory), name, seed)
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
def _small_disk(directory: Path, content: SmallDisk | None) -> Iterator[Path | None]:
    """Mount a small disk for the broker, or for the tables, whose directory is given; this needs root."""
    if content is None:
        yield None
        return
    mount = directory / ("kafka" if content == "broker" else "disk")
    mount.mkdir()
    directory.chmod(0o711)  # the server runs as another user
    size = f"size={SMALL_DISK_MIB[content]}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", mount], check=True)
    try:
        yield mount if content == "tables" else None
    finally:
        subprocess.run(["umount", "--lazy", mount], check=True)


def _store(run: Run) -> None:
    RUNS.mkdir(parents=True, exist_ok=True)
    path = RUNS / f"{run.scenario}-{run.seed}.json"
    stored = asdict(run) | {"safe": run.verdict.safe, "alive": run.alive}
    path.write_text(json.dumps(stored, indent=1), encoding="utf-8")


def _store_logs(directory: Path, name: str, seed: int) -> None:
    RUNS.mkdir(parents=True, exist_ok=True)
    for log in directory.glob("worker*.log"):
        (RUNS / f"{name}-{seed}-{log.name}").write_bytes(log.read_bytes()[-200_000:])


def _summary(run: Run) -> str:
    verdict = run.verdict
    return (
        f"{run.scenario} (seed {run.seed}): {'safe' if verdict.safe else f'UNSAFE: {verdict}'[:2000]}, "
        f"{'alive' if run.alive else f'STUCK: {run.stuck}'}; {run.faults} faults, {verdict.posters} posters, "
        f"{verdict.poison} poison messages, {len(verdict.lost)} lost, {len(verdict.decided_twice)} conflicting, "
        f"{verdict.repeated} duplicates, {run.seconds:g} s {run.figures or ''}"
    )


if __name__ == "__main__":
    main()
