"""The S3 server is away, or answers and does not serve: posters wait, none fails for it."""

from typing import Final

from tests.faults.storage_proxy import Mood
from tests.faults.world import World

MOODS: Final[tuple[Mood, ...]] = ("some errors", "slow down", "silent", "forbidden")


def down(world: World, times: int) -> list[float]:
    """The S3 server is killed and comes back some time later, under load: no poster fails for it."""
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
            world.storage_proxy.set(MOODS[number % len(MOODS)])
            world.wait(world.outage)
            assert world.storage_proxy.refused > before, f"seed {world.seed}: nothing was refused"
            world.storage_proxy.set("well")
            recoveries.append(world.recovered())
    return recoveries
