"""Postgres restarts, is unreachable, out of disk or connections, or locked: the sink waits, and no poster fails."""

import contextlib
import shutil

import psycopg

from tests.faults.world import World

MAX_CONNECTIONS = 200
OURS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'posters-%'"


def restarts(world: World, times: int) -> list[float]:
    """Under load, Postgres is restarted, or killed (SIGKILL) and started again up to two seconds later."""
    recoveries = []
    with world.load(6):
        for number in range(times):
            world.approach(1, 3)
            if number % 2:
                world.postgres.restart()
            else:
                world.postgres.kill()
                world.wait(world.random.uniform(0, 2))
                world.postgres.start()
            recoveries.append(world.recovered())
    return recoveries


def away(world: World, times: int) -> list[float]:
    """Under load, connections to Postgres hang, or are refused, for some time: no worker ends, and no poster fails."""
    recoveries = []
    with world.load(3), world.no_worker_ends():
        for number in range(times):
            world.approach(1, 3)
            world.database_proxy.set("refuse" if number % 2 else "black hole")
            world.wait(world.outage)
            world.database_proxy.reset()
            world.database_proxy.set("ok")
            recoveries.append(world.recovered())
    return recoveries


def full(world: World, times: int) -> list[float]:
    """Under load, the disk of the tables is full for some time: rows wait until there is space."""
    recoveries = []
    assert world.tables is not None
    filler = world.tables / "filler"
    with world.load(4), world.no_worker_ends():
        for _ in range(times):
            world.approach(1, 3)
            with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(max(4096, shutil.disk_usage(world.tables).free // 2)))
            world.wait(world.outage)
            filler.unlink()
            recoveries.append(world.recovered())
    assert any(worker.logged("53100") for worker in world.workers), f"seed {world.seed}: the disk was never full"
    return recoveries


def crowded(world: World, times: int) -> list[float]:
    """Under load, other clients take every connection of Postgres for some time: rows wait for one."""
    recoveries = []
    with world.load(4), world.no_worker_ends():
        for _ in range(times):
            world.approach(1, 3)
            with contextlib.ExitStack() as taken:
                first = taken.enter_context(psycopg.connect(world.system.database_url, autocommit=True))
                passed = world.deadline(world.outage)
                while not passed():
                    first.execute(OURS)
                    with contextlib.suppress(psycopg.OperationalError):
                        for _ in range(MAX_CONNECTIONS):
                            taken.enter_context(psycopg.connect(world.system.database_url))
                    world.wait(0.2)
            recoveries.append(world.recovered())
    assert any(worker.logged("53300") for worker in world.workers), f"seed {world.seed}: connections never ran out"
    return recoveries


def locked(world: World, times: int) -> list[float]:
    """Under load, another transaction locks the table of jobs for some time: rows wait until it ends."""
    recoveries = []
    with world.load(4), world.no_worker_ends():
        for _ in range(times):
            world.approach(2, 4)
            with psycopg.connect(world.system.database_url) as holder:
                holder.execute("LOCK TABLE template_generation_jobs IN EXCLUSIVE MODE")
                world.wait(world.outage)
            recoveries.append(world.recovered())
    assert any(worker.logged("55P03") for worker in world.workers), f"seed {world.seed}: no worker waited for the lock"
    return recoveries
