"""Every fault: what is injected, and what has to hold. Each returns the seconds from a fault to the next outcome."""

from collections.abc import Callable
from typing import Final

from streams.failpoint import EXIT_CODE, POINTS
from tests.faults.world import World

Scenario = Callable[[World, int], list[float]]
DRAIN_SECONDS: Final = 25.0


def worker_kills(world: World, times: int) -> list[float]:
    """One of two workers is killed (-9) every few seconds, and started again, under a load of 6 posters a second."""
    recoveries = []
    with world.load(6):
        for _ in range(times):
            world.wait(world.random.uniform(0.5, 3))
            victim = world.random.choice(world.workers)
            victim.kill()
            victim.start()
            recoveries.append(world.recovered())
    return recoveries


def drains(world: World, times: int) -> list[float]:
    """The workers are told to stop (TERM) in turn, under load: code 0 within 25 s, and nothing is made twice."""
    recoveries = []
    with world.load(4):
        for number in range(times):
            world.wait(world.random.uniform(2, 5))
            worker = world.workers[number % len(world.workers)]
            code, seconds = worker.term()
            assert code == 0, f"seed {world.seed}: {worker.name} ended with {code}; see {worker.log}"
            assert seconds < DRAIN_SECONDS, f"seed {world.seed}: {worker.name} took {seconds:.1f} s"
            worker.start()
            recoveries.append(world.recovered())
    return recoveries


def browser_kills(world: World, times: int) -> list[float]:
    """The browser of a worker is killed (-9) under load: the worker goes on with another one."""
    recoveries = []
    processes = [worker.process for worker in world.workers]
    with world.load(5):
        for _ in range(times):
            world.wait(world.random.uniform(1, 3))
            worker = world.random.choice(world.workers)
            for browser in worker.browsers():
                browser.kill()
            recoveries.append(world.recovered())
    assert [worker.process for worker in world.workers] == processes
    assert all(worker.alive for worker in world.workers), f"seed {world.seed}: a worker ended with its browser"
    return recoveries


def crash_points(world: World, times: int, first: int = 0) -> list[float]:
    """The only worker ends at a named place in the code, as by a power cut, at each place in turn."""
    recoveries = []
    (worker,) = world.workers
    for number in range(first, first + times):
        point = POINTS[number % len(POINTS)]
        worker.term()
        worker.start(FAILPOINT=f"{point}:{world.random.randint(1, 3)}")
        with world.load(3):
            assert worker.process is not None
            code = worker.process.wait(150)
        assert code == EXIT_CODE, f"seed {world.seed}: at `{point}` the worker ended with {code}; see {worker.log}"
        worker.start()
        recoveries.append(world.settle())
    return recoveries


def database_restarts(world: World, times: int) -> list[float]:
    """Postgres is stopped, or killed (-9), and started again after up to two seconds, under load."""
    recoveries = []
    with world.load(6):
        for number in range(times):
            world.wait(world.random.uniform(1, 3))
            (world.postgres.stop if number % 2 else world.postgres.kill)()
            world.wait(world.random.uniform(0, 2))
            world.postgres.start()
            recoveries.append(world.recovered())
    return recoveries


def database_away(world: World, times: int) -> list[float]:
    """The line to Postgres goes dead without a word, or is cut, for 20 s, under load: workers stay, posters go on."""
    recoveries = []
    processes = [worker.process for worker in world.workers]
    with world.load(4):
        for number in range(times):
            world.wait(world.random.uniform(1, 3))
            world.database_proxy.set("refuse" if number % 2 else "black hole")
            world.wait(20)
            world.database_proxy.reset()
            world.database_proxy.set("ok")
            recoveries.append(world.recovered())
    assert [worker.process for worker in world.workers] == processes
    assert all(worker.alive for worker in world.workers), f"seed {world.seed}: a worker ended"
    return recoveries


def storage_down(world: World, times: int) -> list[float]:
    """The S3 server is killed and comes back after 15 s, under load: no poster fails for it."""
    recoveries = []
    with world.load(4):
        for _ in range(times):
            world.wait(world.random.uniform(1, 3))
            world.objects.kill()
            world.wait(15)
            world.objects.start()
            recoveries.append(world.recovered())
    return recoveries


def broker_kills(world: World, times: int) -> list[float]:
    """The only broker is killed (-9) and is back after two to six seconds, under load: what was asked for arrives."""
    recoveries = []
    with world.load(6):
        for _ in range(times):
            world.wait(world.random.uniform(2, 4))
            world.kafka.kill()
            world.wait(world.random.uniform(2, 6))
            world.kafka.start()
            recoveries.append(world.recovered())
    return recoveries


SCENARIOS: Final[dict[str, tuple[Scenario, int, int]]] = {
    "worker-kills": (worker_kills, 200, 2),
    "drains": (drains, 10, 2),
    "browser-kills": (browser_kills, 20, 2),
    "crash-points": (crash_points, 3 * len(POINTS), 1),
    "database-restarts": (database_restarts, 20, 2),
    "database-away": (database_away, 6, 2),
    "storage-down": (storage_down, 6, 2),
    "broker-kills": (broker_kills, 10, 2),
}
"""By name: the scenario, how often the whole suite injects its fault, and with how many workers."""
