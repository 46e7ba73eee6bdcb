"""What roles publish stays the same byte for byte: consumers recognise a repeated event by its id."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import orjson

from agents import events
from schemas.codec import decode
from schemas.outcomes import PosterOutcome, PosterWarning
from schemas.progress import LogRecorded
from schemas.renders import PosterPinned
from schemas.templates import TemplatePreviewed, TemplateRejected
from streams.delivery import Record
from tests.agents.published import IMAGE, NOW, PINNED, published

GOLDEN = Path(__file__).with_name("published.json")


def shown(record: Record) -> list[str]:
    """Return topic, key, value and headers of a record as texts."""
    headers = ", ".join(f"{name}={(value or b'').decode()}" for name, value in record.headers)
    return [record.topic, str(record.key), (record.value or b"").decode(), headers]


async def test_every_role_publishes_what_it_always_has() -> None:
    """Records, their order, bytes and headers are those of the golden file, for every kind of poster and job event."""
    expected = orjson.loads(GOLDEN.read_bytes())
    cases = {case: [shown(record) for record in records] for case, records in (await published()).items()}

    assert list(cases) == list(expected)
    for case, records in cases.items():
        assert records == expected[case], case


def test_fact_ids_are_composed_in_one_place() -> None:
    """Besides the one builder, only the templates role composes ids: those of its own rows and catalog."""
    agents = Path(events.__file__).parent
    composing = {path.relative_to(agents).as_posix() for path in agents.rglob("*.py") if "fact_id(" in path.read_text()}

    assert composing - {"events.py"} <= {f"templates/{name}.py" for name in ("answers", "commands", "preview")}


def test_ids_of_template_commands_stay() -> None:
    """A preview, and the answer to a command from whichever role, have the ids they always had."""
    command = UUID(int=9)

    assert str(events.preview_id(command)) == "83df3540-8ab1-55f7-bea3-ab95950c7078"
    assert str(events.template_answer_id(TemplatePreviewed, command)) == "0a217f2e-103e-5d9d-9524-458379006785"
    assert str(events.template_answer_id(TemplateRejected, command)) == "b586560a-917e-5275-a453-fc36325a0881"


def test_an_unreadable_request_has_the_id_of_its_position() -> None:
    """The row that stands for a request without a readable id is the same on every delivery."""
    assert str(events.salvaged_id("poster-requests", 0, 5)) == "45c5f6aa-421d-5cce-a411-8ce62fb9f706"


def test_a_completion_repeats_what_intake_found() -> None:
    """Its warnings come first and are in no second log line; those of the rendering are logged, also after a retry."""
    found = PosterWarning(code="unknown_data", message="the template does not use `colour`")
    drawn = PosterWarning(code="missing_glyphs", message="no installed font draws: x")
    poster = replace(PINNED, warnings=[found])
    retried = events.PinnedPosterEvents(poster=poster, now=NOW, headers=()).records_to_retry(1, NOW, "upload", "x")[-1]
    again = events.PinnedPosterEvents(poster=decode(retried.value, PosterPinned), now=NOW, headers=())
    outcome, *logs = again.records_of_completion(events.StoredPoster(images=[IMAGE], warnings=[drawn]))

    assert decode(outcome.value, PosterOutcome).warnings == [found, drawn]
    assert [decode(log.value, LogRecorded).code for log in logs] == ["missing_glyphs"]
