"""template-events and the catalog, applied in this process: the newest report on a version wins."""

import hashlib
import itertools
import uuid
from datetime import timedelta

import pytest
from django_posters.contract.codec import decode
from django_posters.contract.templates import TemplateAnswer, TemplateUploaded
from django_posters.models import PosterTemplate, TemplateCommand
from django_posters.results.template_results import apply_answer, apply_version

from django_tests.outcomes import NOW, URL, version
from django_tests.site import Site
from schemas.codec import encode
from schemas.envelope import Envelope
from schemas.templates import (
    Placeholder,
    TemplateActivated,
    TemplateArchived,
    TemplateDescribed,
    TemplateError,
    TemplatePreviewed,
    TemplateRejected,
)


def take(*events: Envelope) -> None:
    """Apply an answer of the templates role, as the consumer does."""
    for event in events:
        apply_answer(decode(encode(event), TemplateAnswer))


def take_from_catalog(event: Envelope) -> None:
    """Apply an entry of the catalog, as the consumer does."""
    apply_version(decode(encode(event), TemplateUploaded))


def sha256(html: str) -> str:
    return hashlib.sha256(html.encode()).hexdigest()


def send(kind: str = "template.upload", **fields: str) -> TemplateCommand:
    """Save a command that the site has sent."""
    return TemplateCommand.objects.create(
        command_id=uuid.uuid4(), kind=kind, section="testimonial", created_at=NOW, **fields
    )


def test_version_is_known_as_it_is(any_site: Site) -> None:
    """A catalog entry is written into the version's row, with its placeholders and samples."""
    quote = Placeholder(name="quote", sample_value="They just appear.", description="What was said.")

    take(version(3, placeholders=[quote], output={"scale": 2}))

    template = PosterTemplate.objects.get()
    assert (str(template), template.name, template.width, template.height) == (
        "testimonial@3",
        "Testimonial",
        1080,
        1350,
    )
    assert (template.placeholders[0]["data_type"], template.samples) == ("text", {"quote": "They just appear."})
    assert (template.output, template.is_active, template.reported_at) == ({"scale": 2}, False, NOW)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_newest_report_wins(any_site: Site, order: tuple[int, ...]) -> None:
    """The newest report on a version wins, in whatever order and however often reports arrive."""
    words = [
        version(1),
        version(1, TemplateActivated, minutes=1, is_active=True, active_from=NOW),
        version(1, TemplateArchived, minutes=2, active_from=NOW, archived_at=NOW + timedelta(minutes=2)),
    ]

    for index in (*order, *order):
        take(words[index])

    template = PosterTemplate.objects.get()
    assert (template.is_active, template.active_from) == (False, NOW)
    assert template.archived_at == NOW + timedelta(minutes=2)


def test_section_has_one_active_version(any_site: Site) -> None:
    """The version that became active last is the only active one, in whatever order the reports arrive."""
    older = version(1, is_active=True, active_from=NOW)
    newer = version(2, TemplateActivated, minutes=1, is_active=True, active_from=NOW + timedelta(minutes=1))

    take(older, newer)

    assert [template.version for template in PosterTemplate.objects.filter(is_active=True)] == [2]


def test_upload_of_this_site_keeps_its_html(any_site: Site) -> None:
    """The answer to an upload adds the version with the uploaded HTML, and completes the command."""
    command = send(html_content="<p>{{ quote }}</p>")

    take(version(1, command_id=command.pk, html_sha256=sha256("<p>{{ quote }}</p>")))

    command.refresh_from_db()
    assert command.template is not None
    assert (command.state, command.template.html_content) == ("done", "<p>{{ quote }}</p>")
    assert command.html_content == ""


def test_version_that_another_took_over_from_is_not_taken_for_it(any_site: Site) -> None:
    """The catalog's deactivation of an older version names the new version's command, but does not get its HTML."""
    command = send(html_content="<p>new</p>")
    take_from_catalog(version(1, command_id=command.pk))
    take_from_catalog(version(2, command_id=command.pk, html_sha256=sha256("<p>new</p>")))
    before = TemplateCommand.objects.get().state
    take(version(2, command_id=command.pk, html_sha256=sha256("<p>new</p>")))

    command.refresh_from_db()
    assert (before, command.state, command.template_id) == ("sent", "done", uuid.UUID(int=2))
    html = PosterTemplate.objects.order_by("version").values_list("html_content", flat=True)
    assert list(html) == ["", "<p>new</p>"]


def test_described_version_has_its_html(any_site: Site) -> None:
    """The answer to template.get contains the HTML of a version that another site uploaded."""
    take(version(1), version(1, TemplateDescribed, html_content="<p>{{ quote }}</p>"))

    assert PosterTemplate.objects.get().html_content == "<p>{{ quote }}</p>"


def test_rejection_is_reported_with_its_place(any_site: Site) -> None:
    """A rejected command has the errors with line and column, and no version is added."""
    command = send()
    error = TemplateError(code="template_syntax", message="unexpected end", line=3, column=7)
    refusal = TemplateRejected(
        event_id=uuid.uuid4(), occurred_at=NOW, command_id=command.pk, section="testimonial", errors=[error]
    )

    take(refusal, refusal)

    command.refresh_from_db()
    assert (command.state, command.answered_at) == ("rejected", NOW)
    assert command.errors == [{"code": "template_syntax", "message": "unexpected end", "line": 3, "column": 7}]
    assert not PosterTemplate.objects.exists()


def test_preview_is_reported_with_its_url(any_site: Site) -> None:
    """The answer to a preview is the URL of the image, and adds no version."""
    command = send("template.preview", html_content="<p>draft</p>")
    answer = TemplatePreviewed(
        event_id=uuid.uuid4(),
        occurred_at=NOW,
        command_id=command.pk,
        section="testimonial",
        url=URL,
        object_key="a.png",
    )

    take(answer)

    command.refresh_from_db()
    assert (command.state, command.url) == ("done", URL)
