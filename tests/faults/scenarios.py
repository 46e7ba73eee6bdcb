"""The fault scenarios: what is injected and what must hold. Each returns the seconds from each fault to recovery."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from streams.failpoint import EXIT_CODE, POINTS
from tests.faults import (
    broker_faults,
    cluster_faults,
    database_faults,
    hostile_faults,
    hostile_site,
    load_faults,
    neighbour_faults,
    storage_faults,
    upgrade_faults,
)
from tests.faults.builds import THIS_BUILD, Build, earlier_build
from tests.faults.world import SESSION_SECONDS, World
from tests.parts import KafkaCluster, KafkaServer

DRAIN_SECONDS: Final = 25.0
SmallDisk = Literal["tables", "broker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A fault: how it is injected, how often by the whole suite, into how many workers, with which servers.

    `small_disk`: what is on a disk that the scenario can fill;
    `outage`: for how many seconds a server is unavailable; `recovers`: within how many seconds outcomes must continue;
    `fleet`: the roles of each worker, where not all run all; `build`: what the workers are of at first;
    `beside`: the scenario mostly waits, so the suite runs it in parallel with the others.
    """

    run: Callable[[World, int], list[float]]
    times: int
    workers: int = 2
    fleet: tuple[tuple[str, ...], ...] = ()
    build: Callable[[], Build] = lambda: THIS_BUILD
    outage: float = 20.0
    recovers: float = 60.0
    broker: Callable[[Path], KafkaServer | KafkaCluster] = KafkaServer
    small_disk: SmallDisk | None = None
    beside: bool = False
    database_settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def described(self) -> str:
        """The description for the page, in a sentence."""
        return (self.run.__doc__ or "").strip()


def worker_kills(world: World, times: int) -> list[float]:
    """Under load, one of two workers, sometimes both, is killed (SIGKILL) every few seconds and started again."""
    recoveries, killed = list[float](), 0
    with world.load(4):
        while killed < times:
            world.approach(0.5, 3)
            victims = world.random.sample(world.workers, 1 if world.random.random() < 0.7 or killed + 1 == times else 2)
            for victim in victims:
                victim.kill()
            for victim in victims:
                victim.start()
            killed += len(victims)
            recoveries.append(world.recovered())
    return recoveries


def drains(world: World, times: int) -> list[float]:
    """Under load, the workers are stopped (SIGTERM) in turn: each exits with code 0 within 25 s."""
    recoveries = []
    with world.load(4):
        for number in range(times):
            world.approach(2, 5)
            worker = world.workers[number % len(world.workers)]
            code, seconds = worker.term()
            assert code == 0, f"seed {world.seed}: {worker.name} ended with {code}; see {worker.log}"
            assert seconds < DRAIN_SECONDS, f"seed {world.seed}: {worker.name} took {seconds:.1f} s"
            worker.start()
            recoveries.append(world.recovered())
    return recoveries


def browser_kills(world: World, times: int) -> list[float]:
    """Under load, the browser of a worker is killed (SIGKILL): the worker continues with a new one."""
    return _killing(world, times, lambda worker: worker.browsers())


def renderer_kills(world: World, times: int) -> list[float]:
    """Under load, only the renderer processes of a browser are killed (SIGKILL): the worker continues."""
    return _killing(world, times, lambda worker: worker.renderers())


def _killing(world: World, times: int, victims: Callable[..., list[object]]) -> list[float]:
    recoveries = []
    processes = [worker.process for worker in world.workers]
    with world.load(5):
        for _ in range(times):
            world.approach(1, 3)
            worker = world.random.choice(world.workers)
            # The replacement of the last one may still be starting.
            world.expect(lambda worker=worker: bool(victims(worker)))  # type: ignore[misc]
            for victim in victims(worker):
                victim.kill()  # type: ignore[attr-defined]
            recoveries.append(world.recovered())
    assert [worker.process for worker in world.workers] == processes
    assert all(worker.alive for worker in world.workers), f"seed {world.seed}: a worker ended with its browser"
    return recoveries


def crash_points(world: World, times: int, first: int = 0) -> list[float]:
    """The only worker exits abruptly at a failpoint in the code, as in a power cut, at each failpoint in turn."""
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
        world.ledger.take_snapshot()
        worker.start()
        recoveries.append(world.settle())
    return recoveries


def broker_kills(world: World, times: int) -> list[float]:
    """Under load, the only broker is killed (SIGKILL) and restarted after two to six seconds: all requests complete."""
    recoveries = []
    with world.load(6):
        for _ in range(times):
            world.approach(2, 4)
            assert isinstance(world.kafka, KafkaServer)
            world.kafka.kill()
            world.wait(world.random.uniform(2, 6))
            world.kafka.start()
            recoveries.append(world.recovered())
    return recoveries


SCENARIOS: Final[dict[str, Scenario]] = {
    "worker-kills": Scenario(run=worker_kills, times=200, recovers=SESSION_SECONDS + 10),
    "drains": Scenario(run=drains, times=10, recovers=SESSION_SECONDS + 10),
    "browser-kills": Scenario(run=browser_kills, times=20),
    "renderer-kills": Scenario(run=renderer_kills, times=20),
    "crash-points": Scenario(run=crash_points, times=2 * len(POINTS), workers=1),
    "database-restarts": Scenario(run=database_faults.restarts, times=20),
    "database-away": Scenario(run=database_faults.away, times=6),
    "database-gone": Scenario(run=database_faults.away, times=1, outage=600.0, beside=True),
    "database-full": Scenario(run=database_faults.full, times=3, outage=10.0, small_disk="tables"),
    "database-crowded": Scenario(
        run=database_faults.crowded, times=4, outage=10.0, database_settings={"max_connections": "30"}
    ),
    "database-locked": Scenario(run=database_faults.locked, times=4, outage=12.0),
    "storage-down": Scenario(run=storage_faults.down, times=6, outage=15.0),
    "storage-errors": Scenario(run=storage_faults.errors, times=4, outage=10.0),
    "rolling-upgrade": Scenario(
        run=upgrade_faults.upgrade,
        times=len(upgrade_faults.FLEET),
        fleet=upgrade_faults.FLEET,
        build=earlier_build,
        recovers=SESSION_SECONDS + 10,
    ),
    "rolling-downgrade": Scenario(
        run=upgrade_faults.downgrade,
        times=len(upgrade_faults.FLEET),
        fleet=upgrade_faults.FLEET,
        build=earlier_build,
        recovers=SESSION_SECONDS + 10,
    ),
    "broker-kills": Scenario(run=broker_kills, times=10),
    "broker-restarts": Scenario(run=broker_faults.broker_restarts, times=6),
    "node-kills": Scenario(run=broker_faults.node_kills, times=6, broker=KafkaCluster),
    "majority-kills": Scenario(run=broker_faults.majority_kills, times=2, broker=KafkaCluster),
    "slow-link": Scenario(run=broker_faults.slow_link, times=2, broker=broker_faults.FarKafka),
    "cut-link": Scenario(run=broker_faults.cut_link, times=3, broker=broker_faults.FarKafka),
    "partitions-added": Scenario(run=broker_faults.partitions_added, times=1, recovers=broker_faults.ADAPT_SECONDS),
    "broker-full": Scenario(run=cluster_faults.full, times=2, outage=10.0, small_disk="broker"),
    "retention": Scenario(run=cluster_faults.retention, times=3),
    "offsets-reset": Scenario(run=cluster_faults.offsets_reset, times=3),
    "clocks": Scenario(run=cluster_faults.clocks, times=6, recovers=60.0),
    "hostile-records": Scenario(run=hostile_faults.records, times=40),
    "hostile-producer": Scenario(run=hostile_faults.producer, times=3),
    "hostile-uploads": Scenario(run=hostile_faults.uploads, times=len(hostile_faults.UPLOADS)),
    "hostile-documents": Scenario(run=hostile_faults.documents, times=2 * len(hostile_faults.DOCUMENTS)),
    "killer-posters": Scenario(run=hostile_faults.killers, times=3),
    "oversized-batches": Scenario(run=hostile_faults.batches, times=2),
    "hostile-site": Scenario(run=hostile_site.hostile_site, times=15, recovers=SESSION_SECONDS + 10),
    "backlog": Scenario(run=load_faults.backlog, times=1, workers=1, recovers=300.0),
    "neighbour-unknown": Scenario(run=neighbour_faults.unknown_templates, times=1, workers=1, recovers=300.0),
    "neighbour-endless": Scenario(run=neighbour_faults.endless_scripts, times=1, workers=1, recovers=300.0),
    "neighbour-singles": Scenario(run=neighbour_faults.singles, times=1, workers=1, recovers=300.0),
    "neighbour-batch": Scenario(run=neighbour_faults.batch_marked_normal, times=1, workers=1, recovers=300.0),
}
"""By name, in the order of the runs and of the page."""
