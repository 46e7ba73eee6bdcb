"""A request becomes a poster in S3 and rows in Postgres."""

import hashlib
import io
import re
from typing import Any

import orjson
import pytest
from PIL import Image

from schemas import topics
from schemas.requests import JobCancelRequested
from schemas.templates import (
    PlaceholderDeclaration,
    TemplateActivate,
    TemplateArchive,
    TemplateGet,
    TemplatePreview,
    TemplateUpdate,
    TemplateUpload,
)
from tests.flow.system import REPOSITORY, System, new_job, stamp

HTML = "<!doctype html><body style='margin:0;background:#204060;color:#fff'><h1>{{ title }}</h1>"


@pytest.fixture(scope="module")
def template(system: System) -> str:
    """A template with one required placeholder, as `<section>_latest`."""
    return f"{system.upload(HTML).section}_latest"


def test_a_request_becomes_an_object_a_completion_and_rows(system: System, template: str) -> None:
    """The object, the completion, the result row, the job row and the job event agree, and metadata is untouched."""
    metadata = {"user_id": 7, "testimonial_id": 9, "nested": {"ä": [1, None]}}
    job = system.request(template, {"title": "Grüße 漢字"}, entity_id="row/1", metadata=metadata)

    outcome = system.outcome(job)
    kept = system.stored(outcome.object_key or "")
    row = system.eventually(
        lambda: next(
            iter(system.rows("SELECT * FROM template_generation_jobs WHERE job_id = %s AND status = 'completed'", job)),
            None,
        )
    )
    result = system.rows(
        "SELECT job_id, entity_id, status, output_url FROM template_poster_results WHERE job_id = %s", job
    )
    event = system.wait(
        topics.JOB_EVENTS, lambda record: record.body["type"] == "job.completed" and record.body["job_id"] == job
    )

    assert outcome.status == "completed"
    assert outcome.metadata == metadata
    assert outcome.source == "tests"
    assert (outcome.width, outcome.height, outcome.format) == (1080, 1080, "png")
    assert outcome.object_key is not None
    assert "/row%2F1_" in outcome.object_key
    assert kept["ContentType"] == "image/png"
    assert "immutable" in str(kept["CacheControl"])
    assert kept["Metadata"] == {"sha256": outcome.sha256, "width": "1080", "height": "1080"}
    assert hashlib.sha256(bytes(kept["Body"])).hexdigest() == outcome.sha256
    assert (row["total_count"], row["success_count"], row["failure_count"]) == (1, 1, 0)
    assert row["metadata"] == metadata
    assert result == [{"job_id": job, "entity_id": "row/1", "status": "completed", "output_url": outcome.url}]
    assert (event.body["success_count"], event.body["total_count"], event.body["metadata"]) == (1, 1, metadata)


@pytest.mark.parametrize(
    ("output", "kind", "size"),
    [
        ({"format": "jpeg", "width": 400, "height": 300, "quality": 70}, "JPEG", (400, 300)),
        ({"format": "webp", "width": 400, "height": 300, "scale": 2}, "WEBP", (800, 600)),
        ({"format": "png", "width": 333, "height": 222, "scale": 1.5}, "PNG", (500, 333)),
    ],
    ids=["jpeg", "webp at twice the size", "png at one and a half"],
)
def test_the_image_has_the_format_and_size_that_was_asked_for(
    system: System, template: str, output: dict[str, object], kind: str, size: tuple[int, int]
) -> None:
    """Width and height count CSS pixels, and scale multiplies them."""
    outcome = system.outcome(system.request(template, {"title": "x"}, output=output))

    image = Image.open(io.BytesIO(bytes(system.stored(outcome.object_key or "")["Body"])))

    assert image.format == kind
    assert image.size == size == (outcome.width, outcome.height)


def test_missing_data_fails_at_once_with_every_name(system: System) -> None:
    """A poster whose template lacks data never reaches a browser, and its sender learns all that is missing."""
    section = system.upload("<p>{{ first }} {{ second }} {{ third }}</p>").section

    outcome = system.outcome(system.request(f"{section}_latest", {"second": "there"}))

    assert outcome.error is not None
    assert outcome.error.code == "template_data"
    assert "first" in outcome.error.message
    assert "third" in outcome.error.message
    assert "second" not in outcome.error.message


def test_unknown_data_is_a_warning(system: System, template: str) -> None:
    """Data that the template does not use is a warning of the completion and in the log, and the poster is made."""
    job = system.request(template, {"title": "x", "colour": "red"})

    outcome = system.outcome(job)
    log = system.wait(
        topics.POSTER_LOGS, lambda record: record.key == job.encode() and record.body["level"] == "WARNING"
    )

    assert outcome.status == "completed"
    assert [warning.code for warning in outcome.warnings] == ["unknown_data"]
    assert "colour" in outcome.warnings[0].message
    assert log.body["code"] == "unknown_data"
    assert "colour" in log.body["message"]


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ({"format": "gif"}, "output_invalid"),
        ({"width": 0}, "output_invalid"),
        ({"variants": [{"name": "a"}, {"name": "a"}]}, "output_invalid"),
        ({"width": 8192, "height": 8192}, "dimension_limit"),
    ],
)
def test_an_output_that_cannot_be_made_is_refused(
    system: System, template: str, output: dict[str, object], code: str
) -> None:
    """An output that cannot be made is refused with its code, never ignored."""
    outcome = system.outcome(system.request(template, {"title": "x"}, output=output))

    assert outcome.error is not None
    assert outcome.error.code == code


def test_a_batch_in_parts_is_one_job_and_a_bad_poster_fails_alone(system: System, template: str) -> None:
    """Each poster of each part has its own outcome; the one that cannot be read does not touch the others."""
    job = new_job()
    for part, first, posters in ((1, 0, 7), (2, 7, 6)):
        raw = [{"entity_id": f"e{first + n}", "custom_data": {"title": f"{first + n}"}} for n in range(posters)]
        if part == 2:
            raw[0] = {"entity_id": "e7", "custom_data": "not an object"}
        event: dict[str, Any] = {
            **{name: str(value) for name, value in stamp().items()},
            "type": "batch.requested",
            "version": 1,
            "job_id": job,
            "template_id": template,
            "posters": raw,
            "part": part,
            "parts": 2,
            "first_index": first,
            "total_count": 13,
            "metadata": {"campaign": 1},
        }
        event["occurred_at"] = event["occurred_at"].replace(" ", "T")
        system.send(topics.POSTER_REQUESTS, job, orjson.dumps(event))

    row = system.eventually(
        lambda: next(
            iter(
                system.rows(
                    "SELECT status, total_count, success_count, failure_count FROM template_generation_jobs "
                    "WHERE job_id = %s AND success_count + failure_count = 13",
                    job,
                )
            ),
            None,
        )
    )
    bad = system.outcome(job, 7)

    assert row == {"status": "completed", "total_count": 13, "success_count": 12, "failure_count": 1}
    assert bad.error is not None
    assert bad.error.code == "invalid_request"
    assert bad.metadata == {"campaign": 1}


def test_versions_are_pinned_activated_and_archived(system: System) -> None:
    """`@1` is version 1, `_latest` the active one, and an archived one is refused, once intake has read the catalog."""
    first = system.upload("<p>one {{ title }}</p>")
    section = first.section
    system.answer(
        TemplateUpdate(
            **stamp(),
            section=section,
            template_id=f"{section}@1",
            html_content="<p>two {{ title }}</p>",
            set_as_active=True,
        )
    )

    def made_with(template: str) -> int | str:
        outcome = system.outcome(system.request(template, {"title": "x"}))
        return outcome.error.code if outcome.error is not None else outcome.template_version or 0

    system.eventually(lambda: made_with(f"{section}_latest") == 2)
    numbered, by_id = made_with(f"{section}@1"), made_with(str(first.template_id))
    system.answer(TemplateActivate(**stamp(), section=section, template_id=f"{section}@1"))
    system.eventually(lambda: made_with(f"{section}_latest") == 1)
    active = system.rows("SELECT version FROM templates WHERE section = %s AND is_active", section)
    archived = system.answer(TemplateArchive(**stamp(), section=section, template_id=f"{section}@2")).body
    system.eventually(lambda: made_with(f"{section}@2") == "template_not_found")

    assert (numbered, by_id) == (1, 1)
    assert active == [{"version": 1}]
    assert archived["type"] == "template.archived"


def test_the_same_upload_again_is_the_same_version(system: System) -> None:
    """Section, name, HTML and options make an upload idempotent."""
    first = system.upload(HTML)

    again = system.upload(HTML, section=first.section)

    assert (again.template_id, again.template_version) == (first.template_id, 1)


@pytest.mark.parametrize(
    "options",
    [
        {"javascript": True},
        {"width": 600},
        {"output": {"format": "jpeg"}},
        {"placeholders": [PlaceholderDeclaration(name="title", sample_value="Another")]},
    ],
    ids=lambda options: next(iter(options)),
)
def test_the_same_html_with_other_options_is_the_next_version(system: System, options: dict[str, Any]) -> None:
    """What an upload changes beside the HTML takes effect; sent once more, it is that version again."""
    first = system.upload(HTML)

    second = system.upload(HTML, section=first.section, **options)
    again = system.upload(HTML, section=first.section, **options)

    assert (second.template_version, again.template_version) == (2, 2)


def test_a_template_is_described_with_its_html(system: System) -> None:
    """`template.get` answers with the HTML and the placeholders."""
    section = system.upload(HTML).section

    described = system.answer(TemplateGet(**stamp(), section=section, template_id=f"{section}_latest")).body

    assert described["type"] == "template.described"
    assert described["html_content"] == HTML
    assert [item["name"] for item in described["placeholders"]] == ["title"]


@pytest.mark.parametrize("saved", [True, False], ids=["a version", "HTML that is not saved"])
def test_a_preview_is_a_picture_without_a_job(system: System, saved: bool) -> None:
    """A preview answers with a URL, and leaves no job behind."""
    section = system.upload(HTML).section
    subject: dict[str, Any] = {"template_id": f"{section}@1"} if saved else {"html_content": "<h2>{{ draft }}</h2>"}

    answer = system.answer(TemplatePreview(**stamp(), section=section, **subject)).body
    # A later poster is recorded by now; so would be the job of a preview.
    later = system.request(f"{section}_latest", {"title": "later"})
    system.eventually(lambda: system.rows("SELECT FROM template_generation_jobs WHERE job_id = %s", later))
    system.eventually(system.sink_is_idle)
    jobs = system.rows("SELECT job_id FROM template_generation_jobs WHERE job_id LIKE 'preview%%'")

    assert answer["type"] == "template.previewed"
    assert system.stored(answer["object_key"])["ContentType"] == "image/png"
    assert jobs == []


def test_a_template_that_does_not_compile_is_rejected_with_its_place(system: System) -> None:
    """The designer learns line and column."""
    command = TemplateUpload(**stamp(), section="broken", name="x", html_content="<p>\n  {% if %}</p>")

    rejected = system.answer(command).body

    assert rejected["type"] == "template.rejected"
    assert rejected["errors"][0]["line"] == 2
    assert rejected["errors"][0]["column"] is not None


@pytest.mark.parametrize(
    ("html", "javascript", "words"),
    [
        ("<SCRIPT>1</SCRIPT>", False, "a <script>"),
        ('<link rel=stylesheet media=print\nonLoad="this.media=\'all\'" href="data:text/css,">', False, "`onload`"),
        ("<img src='data:,' onload=1>", True, ""),
        ("<p onclick='x()'>onload=</p>", False, ""),
    ],
    ids=["a script", "a style sheet that waits for one", "with javascript", "another event"],
)
def test_a_template_whose_scripts_will_not_run_is_told_of(
    system: System, html: str, javascript: bool, words: str
) -> None:
    """Without `javascript` a script, or a style sheet that one applies, would be missing in every poster."""
    warnings = system.upload(html, javascript=javascript).warnings

    assert [warning.code for warning in warnings] == (["javascript_off"] if words else [])
    assert all(words in warning.message for warning in warnings)


@pytest.mark.parametrize(
    ("section", "html"),
    [("Bad Section", "<p>"), ("a_latest", "<p>"), ("large", "x" * (1024 * 1024 + 1))],
    ids=["a bad section", "a reserved section", "too large"],
)
def test_an_upload_beyond_the_limits_is_rejected(system: System, section: str, html: str) -> None:
    """Nothing is stored, and the answer says why."""
    rejected = system.answer(TemplateUpload(**stamp(), section=section, name="x", html_content=html)).body

    assert rejected["type"] == "template.rejected"
    assert rejected["errors"][0]["message"]


def test_a_cancelled_job_is_cancelled_whenever_its_request_comes(system: System, template: str) -> None:
    """A cancellation of a job not yet known also cancels the request that comes later."""
    job = new_job()
    system.send(topics.POSTER_REQUESTS, job, JobCancelRequested(**stamp(), job_id=job))
    system.eventually(lambda: system.rows("SELECT job_id FROM early_commands WHERE job_id = %s", job))
    system.request(template, {"title": "x"}, job_id=job)

    outcome = system.outcome(job)

    assert outcome.status == "cancelled"


def test_the_documented_queries_find_a_failed_poster(system: System) -> None:
    """Every query of docs/operations.md runs as written and finds a poster that failed: its job, its row, its error."""
    section = system.upload("<p>{{ needed }}</p>").section
    job = system.request(f"{section}_latest", {})
    system.outcome(job)
    system.eventually(
        lambda: system.rows("SELECT FROM template_generation_logs WHERE level = 'ERROR' AND job_id = %s", job)
    )
    found = [system.rows(query) for query in documented_queries()]

    assert len(found) >= 4
    for rows in found:
        assert any(job == row.get("job_id") or row.get("error_code") == "template_data" for row in rows)


def documented_queries() -> list[str]:
    """Return the SQL statements of docs/operations.md."""
    blocks = re.findall(r"```sql\n(.*?)```", (REPOSITORY / "docs" / "operations.md").read_text(), re.DOTALL)
    return [statement.strip() for block in blocks for statement in block.split(";") if statement.strip()]


def test_a_stopped_worker_ends_with_zero_and_the_next_continues(system: System, template: str) -> None:
    """SIGTERM drains; requests sent while no worker runs are made by the next one."""
    assert system.stop_worker() == 0, system.log_tail()
    job = system.request(template, {"title": "while no worker runs"})
    system.start_worker()

    assert system.outcome(job).status == "completed"
