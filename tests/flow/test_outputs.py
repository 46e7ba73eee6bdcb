"""Everything that `output` can ask for, from the request to the object."""

import hashlib
import io
from typing import Any

import orjson
import PIL.Image
import pytest

from schemas import topics
from schemas.outcomes import Image, PosterOutcome
from tests.flow.system import System, new_job, stamp

HTML = (
    "<!doctype html><meta charset=utf-8><style>body{margin:0;background:white}b{display:block;width:70px;height:50px;"
    "background:teal}p{height:500px;margin:0}@media(prefers-color-scheme:dark){body{background:black}}</style>"
    "<b></b><p>{{ title }}</p>"
)
SIZES: dict[str, tuple[dict[str, Any], tuple[int, int], str]] = {
    "png": ({"format": "png"}, (300, 200), "PNG"),
    "jpeg": ({"format": "jpeg", "scale": 0.5}, (150, 100), "JPEG"),
    "webp": ({"format": "webp", "transparent": True}, (300, 200), "WEBP"),
    "pdf": ({"format": "pdf", "scale": 2}, (600, 400), "PDF"),
    "crop": ({"selector": "b", "scale": 2}, (140, 100), "PNG"),
    "full page": ({"full_page": True}, (300, 550), "PNG"),
    "dark": ({"color_scheme": "dark", "locale": "de-DE", "timezone": "Asia/Tokyo"}, (300, 200), "PNG"),
}
COMMON = {"width": 300, "height": 200}


def send_batch(system: System, template: str, outputs: list[dict[str, Any]], **fields: Any) -> str:
    """Ask for a poster of each output in one job and return its id."""
    job = new_job()
    event = {
        "type": "batch.requested",
        "version": 1,
        "event_id": str(stamp()["event_id"]),
        "occurred_at": "2026-01-01T00:00:00Z",
        "job_id": job,
        "template_id": template,
        "output": COMMON,
        "posters": [{"custom_data": {"title": "x"}, "output": output} for output in outputs],
        **fields,
    }
    system.send(topics.POSTER_REQUESTS, job, orjson.dumps(event))
    return job


def kept(system: System, image: Image | PosterOutcome) -> tuple[tuple[int, int], str]:
    """Return size and format of the stored object, whose digest and length are those of the event."""
    assert image.object_key is not None
    found: bytes = system.stored(image.object_key)["Body"]
    assert hashlib.sha256(found).hexdigest() == image.sha256
    assert len(found) == image.size_bytes
    if found.startswith(b"%PDF-"):
        return (image.width or 0, image.height or 0), "PDF"
    with PIL.Image.open(io.BytesIO(found)) as picture:
        return picture.size, picture.format or ""


def test_a_batch_of_every_output_and_again_without_a_browser(system: System) -> None:
    """Each poster of a batch has its own size and format; the same batch again is answered with the same objects."""
    template = f"{system.upload(HTML).section}_latest"
    outputs = [output for output, _, _ in SIZES.values()]
    first, second = (send_batch(system, template, outputs) for _ in range(2))

    made = [system.outcome(first, index) for index in range(len(outputs))]
    for outcome, (_, size, kind) in zip(made, SIZES.values(), strict=True):
        assert outcome.status == "completed", outcome.error
        assert (outcome.width, outcome.height) == size
        assert kept(system, outcome) == (size, kind)
        assert [image.name for image in outcome.images] == ["default"]
    for index, outcome in enumerate(made):
        same = system.outcome(second, index)
        assert (same.object_key, same.width, same.height) == (outcome.object_key, outcome.width, outcome.height)


def test_variants_are_objects_of_one_poster(system: System) -> None:
    """Each variant has its own object, the first one leads, the row lists all, and asked for again all are reused."""
    section = system.upload(HTML, output={"quality": 70}).section
    variants = [{"name": name, **output} for name, (output, _, _) in SIZES.items()]
    output = {**COMMON, "variants": variants}
    job = system.request(f"{section}_latest", {"title": "x"}, output=output)
    outcome = system.outcome(job)
    row = system.eventually(
        lambda: system.rows(
            "SELECT object_key, jsonb_array_length(images) AS images FROM template_poster_results "
            "WHERE job_id = %s AND status = 'completed'",
            job,
        )
    )
    again = system.outcome(system.request(f"{section}_latest", {"title": "x"}, output=output))

    assert outcome.status == "completed", outcome.error
    assert [image.name for image in outcome.images] == list(SIZES)
    assert len({image.object_key for image in outcome.images}) == len(SIZES)
    for image, (_, size, kind) in zip(outcome.images, SIZES.values(), strict=True):
        assert (image.width, image.height) == size
        assert kept(system, image) == (size, kind)
    first = outcome.images[0]
    assert (outcome.url, outcome.object_key, outcome.sha256) == (first.url, first.object_key, first.sha256)
    assert row == [{"object_key": first.object_key, "images": len(SIZES)}]
    assert (again.cached, again.images) == (True, outcome.images)


def test_variants_of_the_template_are_its_posters_default(system: System) -> None:
    """A template's variants are made where the request has none, each with what the request says for all."""
    section = system.upload(HTML, output={"variants": [{"name": "a"}, {"name": "b", "width": 80}]}).section
    outcome = system.outcome(system.request(f"{section}_latest", {"title": "x"}, output={"width": 60, "height": 40}))

    assert [(image.name, image.width, image.height) for image in outcome.images] == [("a", 60, 40), ("b", 80, 40)]


@pytest.mark.parametrize(
    ("output", "code", "said"),
    [
        ({"variants": [{"name": "a"}, {"name": "b", "width": 8192, "height": 8192}]}, "dimension_limit", "`b`"),
        ({"variants": [{"name": "a", "format": "jpeg", "transparent": True}]}, "output_invalid", "`a`"),
        ({"selector": "#absent"}, "output_invalid", "#absent"),
        ({"timezone": "Mars/Base"}, "output_invalid", "Mars/Base"),
        ({"full_page": True, "scale": 4, "width": 8000, "height": 1}, "dimension_limit", "16,383"),
    ],
)
def test_what_cannot_be_made_says_what_and_why(system: System, output: dict[str, Any], code: str, said: str) -> None:
    """An output beyond a limit fails the poster with its code, the number and the limit."""
    section = system.upload(HTML).section
    outcome = system.outcome(system.request(f"{section}_latest", {"title": "x"}, output=output))

    assert outcome.error is not None
    assert outcome.error.code == code
    assert said in outcome.error.message
