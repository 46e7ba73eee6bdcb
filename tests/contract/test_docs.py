"""What docs/contract.md tells people to do works, and what it lists is true."""

import json
import re
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from schemas import limits
from schemas.codec import decode
from schemas.requests import PosterRequested
from tests.contract.published import ROOT, SCHEMAS, example, to_bytes

PAGE = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def programs() -> dict[str, Any]:
    """The names that the page's Python defines."""
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        exec(compile(block, "docs/contract.md", "exec"), names)  # noqa: S102 - our own page
    return names


def test_asking_as_shown(programs: dict[str, Any], broker: str) -> None:
    """The page's producer puts a request of the contract on the topic, under its key."""
    producer = Producer({"bootstrap.servers": broker})
    programs["ask"](producer, "testimonial-4711-v3", "testimonial_latest", {"name": "ليلى"}, metadata={"row": 4711})
    assert producer.flush(20) == 0
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "docs", "auto.offset.reset": "earliest"})
    consumer.subscribe(["poster-requests"])
    record = consumer.poll(20)
    consumer.close()

    assert record is not None
    event = decode(record.value(), PosterRequested)
    assert (record.key(), event.job_id) == (b"testimonial-4711-v3", "testimonial-4711-v3")
    assert (event.custom_data, event.metadata) == ({"name": "ليلى"}, {"row": 4711})


def test_reading_as_shown(programs: dict[str, Any]) -> None:
    """The page's reader keeps the first terminal event of a generation, and the newest generation."""
    outcomes = programs["Outcomes"]()
    failed = example("poster.failed", "retries-spent")
    poster = (failed["job_id"], failed["poster_index"])
    completed = {**example("poster.completed", "degraded"), "poster_index": poster[1]}
    replayed = {**completed, "generation": 1}
    progress, unknown = example("poster.queued"), {**completed, "version": 2}

    news = [
        outcomes.apply(to_bytes(event))
        for event in (progress, unknown, failed, failed, completed, replayed, failed, replayed)
    ]

    assert news == [False, False, True, False, False, True, False, False]
    assert outcomes.of(*poster)["generation"] == 1
    assert outcomes.of("unknown") is None


def test_codes_listed_are_the_codes() -> None:
    """The table of codes is `codes.json`, word for word."""
    listed = re.findall(r"^\| `(\w+)` \| (no|yes|once|yes, in strict|warning only) \| (.*) \|$", PAGE, re.MULTILINE)
    codes = json.loads((SCHEMAS / "codes.json").read_bytes())

    assert [(code, meaning) for code, _, meaning in listed] == [(entry["code"], entry["meaning"]) for entry in codes]
    assert {code: word.partition(",")[0] in ("yes", "once") for code, word, _ in listed} == {
        entry["code"]: entry["retryable"] for entry in codes
    }
    assert {code for code, word, _ in listed if word == "warning only"} == {
        entry["code"] for entry in codes if not entry["error"]
    }


def test_limits_listed_are_the_limits() -> None:
    """The table of limits has the numbers that the code enforces."""
    for row in (
        f"| `entity_id` | {limits.ENTITY_ID_MAX_BYTES} bytes |",
        f"| `custom_data` | {limits.CUSTOM_DATA_MAX_BYTES // 1024} KiB, {limits.CUSTOM_DATA_MAX_DEPTH} levels,",
        f"| `metadata` | {limits.METADATA_MAX_BYTES // 1024} KiB,",
        f"| a request as a whole | {limits.REQUEST_MAX_BYTES // 1024} KiB |",
        f"| an image | {limits.AREA_MAX_DEVICE_PIXELS // 10**6} megapixels, {limits.SIDE_MAX_DEVICE_PIXELS:,} device",
        f"| a template's HTML | {limits.TEMPLATE_HTML_MAX_BYTES // 1024**2} MiB |",
        (
            "| a template's placeholders, as JSON with all that is declared of them"
            f" | {limits.PLACEHOLDERS_MAX_BYTES // 1024} KiB |"
        ),
    ):
        assert f"\n{row}" in PAGE


def test_links_lead_somewhere() -> None:
    """Every file that the documentation's contract, architecture and decisions link to exists."""
    pages = [ROOT / "docs" / "contract.md", ROOT / "docs" / "architecture.md"]
    pages += (ROOT / "docs" / "decisions").glob("*.md")
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
