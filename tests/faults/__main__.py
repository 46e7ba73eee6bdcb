"""`python -m tests.faults [NAME …] [--times N] [--seed S]`: run fault scenarios and write docs/reliability.md."""

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom

from tests.faults.ledger import Verdict
from tests.faults.scenarios import SCENARIOS
from tests.faults.world import StuckError, world

ROOT = Path(__file__).parents[2]
RUNS = ROOT / "out" / "faults"
DOCUMENT = ROOT / "docs" / "reliability.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a scenario."""

    scenario: str
    seed: int
    day: str
    faults: int
    seconds: float
    verdict: Verdict
    alive: bool
    recoveries: list[float]


def main() -> None:
    """Run what is asked for; the exit code is 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SCENARIOS))
    parser.add_argument("--times", type=int, help="how often to inject each fault")
    parser.add_argument("--seed", type=int, help="repeat the run with this seed")
    options = parser.parse_args()
    broken = False
    for name in options.names or SCENARIOS:
        seed = SystemRandom().randint(1, 10**6) if options.seed is None else options.seed
        run = _run(name, seed, options.times or SCENARIOS[name][1])
        _keep(run)
        print(_said(run), flush=True)  # noqa: T201 - a command
        broken = broken or not run.verdict.safe or not run.alive
    write_document()
    raise SystemExit(1 if broken else 0)


def _run(name: str, seed: int, times: int) -> Run:
    scenario, _, workers = SCENARIOS[name]
    began, alive, recoveries = time.monotonic(), True, list[float]()
    with (
        tempfile.TemporaryDirectory(prefix="posters-", ignore_cleanup_errors=True) as directory,
        world(Path(directory), seed, workers=workers) as stage,
    ):
        try:
            recoveries = scenario(stage, times)
            stage.settle()
        except StuckError as error:
            print(error)  # noqa: T201 - a command
            alive = False
        verdict = stage.ledger.check()
        if not verdict.safe or not alive:
            _keep_logs(Path(directory), name, seed)
    return Run(
        scenario=name,
        seed=seed,
        day=datetime.now(UTC).date().isoformat(),
        faults=times,
        seconds=round(time.monotonic() - began, 1),
        verdict=verdict,
        alive=alive,
        recoveries=[round(each, 1) for each in recoveries],
    )


def _keep(run: Run) -> None:
    RUNS.mkdir(parents=True, exist_ok=True)
    path = RUNS / f"{run.scenario}-{run.seed}.json"
    path.write_text(json.dumps(asdict(run) | {"safe": run.verdict.safe}, indent=1), encoding="utf-8")


def _keep_logs(directory: Path, name: str, seed: int) -> None:
    RUNS.mkdir(parents=True, exist_ok=True)
    for log in directory.glob("worker*.log"):
        (RUNS / f"{name}-{seed}-{log.name}").write_bytes(log.read_bytes()[-200_000:])


def _said(run: Run) -> str:
    verdict = run.verdict
    return (
        f"{run.scenario} (seed {run.seed}): {'safe' if verdict.safe else 'BROKEN'}, "
        f"{'alive' if run.alive else 'STUCK'}; {run.faults} faults, {verdict.posters} posters, "
        f"{len(verdict.lost)} lost, "
        f"{len(verdict.decided_twice)} decided twice, {verdict.repeated} repeated, {run.seconds:g} s"
    )


def write_document() -> None:
    """Write docs/reliability.md from every run that is kept in out/faults."""
    runs: dict[str, list[dict[str, object]]] = {}
    for path in sorted(RUNS.glob("*.json")):
        run = json.loads(path.read_text(encoding="utf-8"))
        runs.setdefault(run["scenario"], []).append(run)
    rows = [_row(name, runs[name]) for name in SCENARIOS if name in runs]
    explained = "\n".join(
        f"- **{name}**: {(SCENARIOS[name][0].__doc__ or '').strip()}" for name in SCENARIOS if name in runs
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
    counts = " | ".join(str(total(field)) for field in ("posters", "lost", "decided_twice", "repeated"))
    return f"| {name} | {faults} | {seeds} | {counts} | {middle} / {most} | {safe} | {alive} |"


HEAD = """# Reliability

What was injected into real parts (Kafka, PostgreSQL, an S3 server, Chromium), and what became of the posters meanwhile.
Written by `make faults` from the runs in `out/faults`; `make faults ARGS="worker-kills --seed 7"` repeats one of them.

- *Lost*: posters without a recorded outcome. *Decided twice*: posters whose outcome changed within a generation.
- *Repeated*: outcomes stated more than once, which everybody recognises by their id and ignores.
- *Recovery*: seconds from the fault (its end, where it lasts) to the next recorded outcome, or to the last one where
  nothing new is asked for; median / longest.
- *Safety* is kept where nothing is lost, decided twice, invented or moved backwards, counts equal a fresh count, every
  outcome is of the expected kind, every completed poster's object is in storage, and there is no dead letter.
- *Liveness* is kept where everything ended in time without anybody's help.

| fault | injected | seeds | posters | lost | decided twice | repeated | recovery | safety | liveness |
|---|---|---|---|---|---|---|---|---|---|
"""
FOOT = """
The group's session timeout was 6 s in these runs (45 s by default): a killed worker's partitions go to others after
that. Order, acknowledgements and revocations are explored apart from real parts, thousands of histories in seconds:
`tests/simulation`.
"""

if __name__ == "__main__":
    main()
