"""The S3 server is down or answers with errors: posters wait, and none fails."""

from typing import Final

from tests.faults.storage_proxy import Mode
from tests.faults.world import World

MODES: Final[tuple[Mode, ...]] = ("some errors", "slow down", "silent", "forbidden")


def down(world: World, times: int) -> list[float]:
    """Under load, the S3 server is killed and restarted some time later: no poster fails."""
    recoveries = []
    with world.load(4):
        for _ in range(times):
            world.approach(1, 3)
            world.objects.kill()
            world.wait(world.outage)
            world.objects.start()
            recoveries.append(world.recovered())
    return recoveries


def errors(world: World, times: int) -> list[float]:
    """S3 answers some requests with 500, then all with 503 and Retry-After, then none, then 403, each for some time."""
    recoveries = []
    with world.load(4):
        for number in range(times):
            world.approach(1, 3)
            before = world.storage_proxy.refused
            world.storage_proxy.set(MODES[number % len(MODES)])
            world.wait(world.outage)
            assert world.storage_proxy.refused > before, f"seed {world.seed}: nothing was refused"
            world.storage_proxy.set("well")
            recoveries.append(world.recovered())
    return recoveries
