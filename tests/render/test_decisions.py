"""What the render role decides without a browser: lanes, retries, keys."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agents.render.lanes import Lanes
from agents.render.object_key import object_digest, object_key
from agents.render.retry_schedule import retry_for
from agents.render.slow_templates import SlowTemplates
from renderer.concurrency_limit import ConcurrencyLimit
from renderer.cost_estimates import CostEstimates
from renderer.rendering import AssetUsage
from schemas.codes import ErrorCode
from schemas.outcomes import Asset
from tests.streams.deliveries import delivery

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def lanes_of(permits: int) -> Lanes:
    """Return empty lanes."""
    return Lanes(ConcurrencyLimit(permits), CostEstimates(), SlowTemplates(1))


def test_bulk_gets_a_fifth_while_normal_waits_and_all_of_it_otherwise() -> None:
    """Four normal posters, then one of bulk; bulk alone is served without a pause."""
    lanes = lanes_of(100)
    for offset in range(20):
        lanes.append(delivery(offset, topic="poster-renders"))
    for offset in range(5):
        lanes.append(delivery(offset, topic="poster-renders-bulk"))

    order = ["b" if lanes.popleft().topic.endswith("bulk") else "n" for _ in range(25)]

    assert "".join(order) == "nnnnb" * 5


def test_normal_goes_first() -> None:
    """A poster that somebody waits for overtakes a backlog."""
    lanes = lanes_of(100)
    for offset in range(5):
        lanes.append(delivery(offset, topic="poster-renders-bulk"))
    lanes.append(delivery(99, topic="poster-renders"))

    assert lanes.popleft().offset == 99


def test_bulk_without_room_waits_but_keeps_its_fifth() -> None:
    """Without a free permit only normal posters begin, a few; bulk has the first one after four of them."""
    limit = ConcurrencyLimit(0)
    lanes = Lanes(limit, CostEstimates(), SlowTemplates(1))
    lanes.append(delivery(0, topic="poster-renders-bulk"))
    alone = len(lanes)
    for offset in range(1, 8):
        lanes.append(delivery(offset, topic="poster-renders"))
    begun = []
    for _ in range(5):
        begun.append(lanes.popleft())
        lanes.end(begun[-1])
    with limit.yielded():
        begun.append(lanes.popleft())

    assert alone == 0
    assert [each.offset for each in begun] == [1, 2, 3, 4, 5, 0]


@pytest.mark.parametrize(
    ("code", "attempt", "tier"),
    [
        ("render_timeout", 1, 1),
        ("upload", 2, 2),
        ("internal", 3, 3),
        ("internal", 4, None),
        ("renderer_oom", 1, 1),
        ("renderer_oom", 2, None),
        ("template_data", 1, None),
    ],
)
def test_each_attempt_has_its_tier_until_there_are_none_left(code: ErrorCode, attempt: int, tier: int | None) -> None:
    """Retryable codes pass three tiers, memory one, the rest none."""
    retry = retry_for(code, attempt, (10, 60, 600), NOW)

    assert (retry.tier if retry else None) == tier
    if retry is not None:
        assert retry.due_at == NOW + timedelta(seconds=(10, 60, 600)[retry.tier - 1])


def test_a_key_names_the_section_the_entity_and_everything_that_shapes_the_image() -> None:
    """Entities are percent-encoded; another renderer or another missing asset is another key."""
    digest = object_digest("a" * 64, "chromium-1")
    missing = Asset(url="https://example.test/a.png", ok=False, reason="asset_blocked")

    assert object_key("cards", "Ä/1", digest, "jpeg") == f"templates/cards/%C3%84%2F1_{digest}.jpg"
    assert digest != object_digest("a" * 64, "chromium-2")
    assert digest != object_digest("a" * 64, "chromium-1", AssetUsage(assets=[missing], contents=[None]))


def test_a_key_follows_from_the_content_of_assets() -> None:
    """Another content is another key; the order in which they came and what a failed one held are not."""
    there = [Asset(url=f"https://example.test/{name}.png", ok=True, status=200) for name in "ab"]
    late = Asset(url="https://example.test/c.png", ok=False, reason="asset_timeout", ms=5000)

    def digest(assets: list[Asset], contents: list[str | None]) -> str:
        return object_digest("a" * 64, "chromium-1", AssetUsage(assets=assets, contents=contents))

    assert digest(there, ["1", "2"]) == digest(there[::-1], ["2", "1"])
    assert digest(there, ["1", "2"]) != digest(there, ["2", "1"])
    assert digest(there, ["1", "2"]) != digest(there, ["1", "3"])
    assert digest([late], [None]) == digest([replace(late, ms=5001)], ["4"])
