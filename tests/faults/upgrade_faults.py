"""Rolling upgrades: workers of an earlier build and of this one work side by side on one cluster."""

from typing import Final

from tests.faults.builds import THIS_BUILD, Build, earlier_build
from tests.faults.world import Worker, World

HOST: Final = ("intake", "retry", "templates", "render")
FLEET: Final = (("sink",), ("sink",), HOST, HOST)
"""The roles of each worker. Readers of outcomes run apart from their writers, so that they can be replaced first."""
TEMPLATE: Final = '<p style="font-family: Nobodys">{{ title }}</p>'
"""This build adds a warning to its posters whose code the earlier one does not know."""
WARNED: Final = """
SELECT count(*) AS n FROM template_poster_results WHERE warnings @> '[{"code": "font_missing"}]'
"""


def upgrade(world: World, times: int) -> list[float]:
    """Under load, this build is set up, then its workers replace those of an earlier build in turn, sinks first."""
    _prepare(world)
    with world.load(3):
        world.approach(2, 4)
        THIS_BUILD.run("setup", **world.system.environment)
        recoveries = [_replace(world, worker, THIS_BUILD) for worker in world.workers[:times]]
    _check_warned(world)
    return recoveries


def downgrade(world: World, times: int) -> list[float]:
    """Under load, the workers of this build are replaced in turn by those of an earlier one, sinks last."""
    for worker in world.workers:
        worker.term()
    THIS_BUILD.run("setup", **world.system.environment)
    for worker in world.workers:
        worker.build = THIS_BUILD
        worker.start()
    _prepare(world)
    earlier = earlier_build()
    with world.load(3):
        recoveries = [_replace(world, worker, earlier) for worker in world.workers[::-1][:times]]
    _check_warned(world)
    return recoveries


def _prepare(world: World) -> None:
    world.template = f"{world.system.upload(TEMPLATE).section}_latest"
    world.ledger.builds_differ = True


def _check_warned(world: World) -> None:
    """Check that outcomes with a code that the earlier build does not know were recorded."""
    (row,) = world.system.rows(WARNED)
    assert row["n"] > 0, f"seed {world.seed}: no poster has the warning that only this build knows"


def _replace(world: World, worker: Worker, build: Build) -> float:
    """Stop a worker and start it with a build; return how many seconds later an outcome was recorded."""
    world.approach(4, 8)
    code, _ = worker.term()
    assert code == 0, f"seed {world.seed}: {worker.name} ended with {code}; see {worker.log}"
    worker.build, starts = build, _starts(worker)
    worker.start()
    recovered = world.recovered()
    world.expect(lambda: _starts(worker) > starts)
    assert all(each.alive for each in world.workers), f"seed {world.seed}: a worker ended beside those of another build"
    return recovered


def _starts(worker: Worker) -> int:
    """Return how often the worker has begun to work; the next one is replaced once it has."""
    return worker.log.read_bytes().count(b" working as ")
