"""A hostile site beside another: whatever it sends, a single poster of its neighbour hardly waits."""

import statistics
from typing import Any, Final

from msgspec import Raw

from schemas import topics
from schemas.envelope import Envelope
from schemas.requests import BatchRequested, PosterRequested
from tests.faults.ledger import Expected
from tests.faults.load_faults import p95, probe
from tests.faults.world import World
from tests.flow.system import new_job, stamp

HOSTILE: Final = "hostile"
UNKNOWN: Final = 14_000
ENDLESS: Final = 9
SINGLES: Final = 200
BATCH: Final = 300


def unknown_templates(world: World, _: int) -> list[float]:
    """Another site requests 14,000 posters of templates that do not exist; meanwhile single posters are requested."""
    requests = [_single(f"unknown_{number}_latest", {}) for number in range(UNKNOWN)]
    return _beside(world, requests, "failed")


def endless_scripts(world: World, _: int) -> list[float]:
    """Another site requests nine posters whose scripts never end; meanwhile single posters are requested."""
    html = "<p>{{ title }}</p><script>for (;;) {}</script>"
    template = f"{world.system.upload(html, javascript=True).section}_latest"
    return _beside(world, [_single(template, {"title": str(number)}) for number in range(ENDLESS)], "failed")


def singles(world: World, _: int) -> list[float]:
    """Another site requests 200 single posters at once; meanwhile single posters are requested."""
    return _beside(world, [_single(world.template, {"title": new_job()}) for _ in range(SINGLES)], "completed")


def batch_marked_normal(world: World, _: int) -> list[float]:
    """Another site requests a batch of 300 with the priority of single posters; meanwhile these are requested."""
    posters = [Raw(b'{"entity_id":"e","custom_data":{"title":"%d"}}' % number) for number in range(BATCH)]
    request = BatchRequested(
        **_hostile(), job_id=new_job(), template_id=world.template, posters=posters, priority="normal"
    )
    return _beside(world, [request], "completed")


def _beside(world: World, requests: list[PosterRequested] | list[BatchRequested], expected: Expected) -> list[float]:
    """Send the requests of the hostile site; meanwhile, measure single posters of its neighbour."""
    idle = probe(world)
    for request in requests:
        posters = len(request.posters) if isinstance(request, BatchRequested) else 1
        world.ledger.expected |= {(request.job_id, index): expected for index in range(posters)}
    values: dict[str, Envelope] = {request.job_id: request for request in requests}
    world.system.send_all(topics.POSTER_REQUESTS, values)
    busy = probe(world)
    render = statistics.median(each.generation_time_ms or 0 for each in idle)
    world.figures |= {
        "single posters, p95 at rest, ms": p95(idle),
        "single posters, p95 beside the other site, ms": p95(busy),
        "allowed, ms": 3 * p95(idle) + render,
    }
    recovery = world.settle(300)
    assert p95(busy) <= 3 * p95(idle) + render, world.figures
    return [recovery]


def _single(template: str, data: dict[str, str]) -> PosterRequested:
    job = new_job()
    return PosterRequested(**_hostile(), job_id=job, template_id=template, entity_id=job, custom_data=data)


def _hostile() -> dict[str, Any]:
    return {**stamp(), "source": HOSTILE}
