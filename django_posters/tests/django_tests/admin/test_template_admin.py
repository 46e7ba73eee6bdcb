"""Templates in the admin: uploads, previews, versions and their placeholders."""

import re
import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from django_posters.models import OutboxEvent, Poster, PosterTemplate, TemplateCommand
from django_posters.template_uploads.commands import upload_template
from django_posters.template_uploads.upload import Upload

from django_posters import request_poster
from django_tests.admin.pages import ADMIN, EDITED, command, finish, page, previewed, sent, sha256, tell
from django_tests.outcomes import NOW, version
from django_tests.site import NAME, make_testimonial
from schemas.templates import (
    Placeholder,
    PlaceholderDeclaration,
    TemplateError,
    TemplateRejected,
)


def test_template_is_uploaded_through_the_outbox(admin: Client) -> None:
    """Saving in the editor sends a command to the templates role, and the page receives its answer."""
    reply = command(admin, **EDITED, set_as_active="on", width="1200", height="630")
    waiting = admin.get(reply["answer"]).json()
    event = sent()

    tell(version(1, command_id=event.event_id, section="quote", html_sha256=sha256(EDITED["html"])))

    done = admin.get(reply["answer"]).json()
    assert (event.section, event.name, event.html_content) == ("quote", "quote", "<p>{{ quote }}</p>")
    assert (event.set_as_active, event.width, event.height, event.source) == (True, 1200, 630, NAME)
    assert (waiting["state"], waiting["advice"]) == ("sent", "")
    assert done["state"] == "done"
    assert "&lt;p&gt;{{ quote }}&lt;/p&gt;" in page(admin, done["page"].removeprefix(ADMIN))


def test_template_is_uploaded_from_a_file(admin: Client) -> None:
    """An uploaded file replaces the text field."""
    file = SimpleUploadedFile("quote.html", "<p>“é”</p>".encode())

    command(admin, **EDITED | {"html": ""}, file=file)

    assert sent().html_content == "<p>“é”</p>"


def test_unsaved_html_is_previewed_with_sample_data(admin: Client) -> None:
    """A preview sends the unsaved HTML with its data, and creates no version."""
    command(admin, **EDITED | {"kind": "preview"}, width="600", height="315")

    event = sent()
    assert (event.html_content, event.custom_data, event.output) == (
        "<p>{{ quote }}</p>",
        {"quote": "Hi"},
        {"width": 600, "height": 315},
    )
    assert not PosterTemplate.objects.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"section": "Quote"}, "Section: Use 1 to 63 of a-z"),
        ({"html": ""}, "HTML: Write the HTML, or choose a file."),
        ({"html": "x" * (1024 * 1024 + 1)}, "1,048,577 bytes; 1,048,576 are allowed"),
        ({"kind": "preview", "custom_data": "[1]"}, "Sample data: Write an object"),
        ({"kind": "preview", "custom_data": "{"}, "Sample data: Enter a valid JSON"),
        ({"kind": "preview", "html": "a\0b"}, "Null characters are not allowed"),
        ({"kind": "delete"}, "there is no such template"),
        ({"kind": "activate", "template": "5"}, "there is no such template"),
    ],
)
def test_bad_command_sends_nothing(admin: Client, change: dict[str, str], message: str) -> None:
    """Invalid input gets an answer that names the field, and nothing is written into the outbox."""
    reply = command(admin, **EDITED | change)

    assert message in reply["errors"][0]["message"]
    assert not OutboxEvent.objects.exists()
    assert not TemplateCommand.objects.exists()


@pytest.mark.parametrize(
    ("kind", "event_type"),
    [("activate", "template.activate"), ("archive", "template.archive"), ("get", "template.get")],
)
def test_version_is_commanded(admin: Client, kind: str, event_type: str) -> None:
    """Each button of a version sends the command of its label."""
    tell(version(3))

    command(admin, kind=kind, template=str(uuid.UUID(int=3)))

    row = OutboxEvent.objects.get()
    assert (row.key, TemplateCommand.objects.get().kind) == ("testimonial", event_type)
    assert f'"type":"{event_type}"'.encode() in bytes(row.value)


def test_missing_answer_shows_what_to_check(admin: Client) -> None:
    """After 30 s without an answer, and not before, the page names which process to check."""
    reply = command(admin, **EDITED)
    early = admin.get(reply["answer"]).json()["advice"]
    TemplateCommand.objects.update(created_at=timezone.now() - timedelta(seconds=31))
    unsent = admin.get(reply["answer"]).json()["advice"]
    OutboxEvent.objects.all().delete()
    unanswered = admin.get(reply["answer"]).json()["advice"]

    assert early == ""
    assert "still in the outbox: is `manage.py relay_posters` running" in unsent
    assert "a worker with the role `templates` running" in unanswered


def test_placeholders_are_shown(admin: Client) -> None:
    """A version's page has a table of the placeholders with type and sample, and the samples as data.

    A sample that is only the default is left out of the data: with it, a preview would hide a default that changes.
    """
    stars = Placeholder(name="stars", data_type="rating", sample_value=4)
    tell(version(1, placeholders=[stars, Placeholder(name="kicker", default="New", sample_value="New")]))

    shown = page(admin, f"postertemplate/{uuid.UUID(int=1)}/change/")

    assert '<th scope="row">stars</th><td>rating</td><td>yes</td>' in shown
    assert "<td>New</td>" in shown
    assert "{\n  &quot;stars&quot;: 4\n}" in shown  # with a line for each value


def test_long_values_are_shortened(admin: Client) -> None:
    """A `data:` address of a sample does not fill the page, neither the editor's table nor that of the comparison."""
    address = "data:image/png;base64," + "A" * 3_000
    for number in (1, 2):
        tell(version(number, placeholders=[Placeholder(name="photo", default="x" * 999, sample_value=address)]))

    editor = page(admin, f"postertemplate/{uuid.UUID(int=1)}/change/")
    compared = page(admin, f"postertemplate/compare/?id={uuid.UUID(int=1)}&id={uuid.UUID(int=2)}")

    assert re.search(r"<td>data:image/png;base64,A+… \(3,022\)</td>", editor)
    assert address not in compared
    assert "x… (999)" in compared


def test_versions_are_compared(admin: Client) -> None:
    """Selected versions are shown side by side with their defaults, and previewed with the same data on request."""
    for number, default in ((1, "Was"), (2, "Is")):
        quote = Placeholder(name="quote", sample_value="Hi")
        tell(version(number, placeholders=[quote, Placeholder(name="kicker", default=default, sample_value=default)]))
    ids = [str(uuid.UUID(int=number)) for number in (1, 2)]

    answer = admin.post(
        ADMIN + "postertemplate/", {"action": "compare", "_selected_action": ids}, follow=True
    ).content.decode()
    command(admin, kind="compare", template=ids[1], custom_data='{"quote": "Both"}')

    assert [f'data-template="{pk}"' in answer for pk in ids] == [True, True]
    assert re.search(r'class="poster-differs"><th scope="row">kicker', answer)
    assert "<b>Was</b>" in answer
    assert "<b>Is</b>" in answer
    assert '<th scope="row">quote</th>' in answer
    assert (sent().template_id, sent().custom_data) == (ids[1], {"quote": "Both"})


def test_versions_are_compared_with_their_own_samples(admin: Client) -> None:
    """Without data the workers draw each version with its samples, so that a changed default is seen."""
    tell(version(1, placeholders=[Placeholder(name="kicker", default="New", sample_value="New")]))

    command(admin, kind="compare", template=str(uuid.UUID(int=1)), custom_data="")

    assert sent().custom_data is None


def test_previews_are_thumbnails_of_their_versions(admin: Client) -> None:
    """The action requests previews; the list then shows the newest one of each version."""
    for number in (1, 2):
        tell(version(number))
    ids = [str(uuid.UUID(int=number)) for number in (1, 2)]

    answer = admin.post(ADMIN + "postertemplate/", {"action": "draw", "_selected_action": ids}, follow=True)
    for row in TemplateCommand.objects.all():
        tell(previewed(row.pk, f"https://cdn.test/{row.template_id}.png"))

    shown = page(admin, "postertemplate/")
    assert "2 previews are asked for" in answer.content.decode()
    assert all(f'<img src="https://cdn.test/{pk}.png" class="poster-thumbnail"' in shown for pk in ids)


def test_sample_data_is_saved_with_the_version(admin: Client) -> None:
    """An upload declares the sample data as samples, and keeps descriptions, output and scripts of what was edited."""
    tell(version(1, placeholders=[Placeholder(name="quote", description="What was said.")]))

    command(
        admin,
        **EDITED | {"custom_data": '{"quote": "Hi", "rating": 4}', "output": '{"format": "jpeg"}'},
        javascript="on",
        template=str(uuid.UUID(int=1)),
    )

    event = sent()
    assert event.placeholders == [
        PlaceholderDeclaration(name="quote", sample_value="Hi", description="What was said."),
        PlaceholderDeclaration(name="rating", sample_value=4),
    ]
    assert (event.output, event.javascript) == ({"format": "jpeg"}, True)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("", (None, None)),
        ("use", (False, False)),
        ("change", (True, False)),
        ("nothing", (False, True)),
    ],
)
def test_use_by_other_sites_is_chosen(admin: Client, chosen: str, expected: tuple[bool | None, bool | None]) -> None:
    """The editor's choice goes into the upload; it starts with leaving the section as it is."""
    command(admin, **EDITED | {"other_sites": chosen})

    assert (sent().shared, sent().private) == expected
    assert '<option value="" selected>as it is</option>' in page(admin, "postertemplate/add/")


def test_owner_of_a_section_is_shown(admin: Client) -> None:
    """A version's page names the site that its section belongs to, and what others may do with it."""
    tell(version(1, owner="bank", shared=True, private=True))

    shown = page(admin, f"postertemplate/{uuid.UUID(int=1)}/change/")

    assert "The section belongs to <b>bank</b>. Other sites may change it. Other sites may not use it." in shown
    assert PosterTemplate.objects.values_list("owner", "is_shared", "is_private").get() == ("bank", True, True)


def test_refusals_are_shown(admin: Client) -> None:
    """A refused upload is in the list with its reason, line and column, whoever sent it, and its page has the HTML."""
    row = upload_template(Upload(section="quote", name="quote", html="<p>\n{{ quote }</p>"))
    problem = TemplateError(code="template_syntax", message="unexpected end", line=2, column=7)
    event = TemplateRejected(
        event_id=uuid.uuid4(), occurred_at=NOW, command_id=row.pk, section="quote", errors=[problem]
    )
    tell(event)

    listed, shown = page(admin, "templatecommand/"), page(admin, f"templatecommand/{row.pk}/change/")

    assert "2:7: template_syntax: unexpected end" in listed
    assert ">rejected</b>" in listed
    assert "   2  {{ quote }&lt;/p&gt;" in shown


def test_pictures_are_not_left_behind(admin: Client) -> None:
    """Nobody is offered to delete rows that stand for pictures or for the workers' catalog, only to erase pictures."""
    poster = request_poster(make_testimonial())
    finish(poster)
    tell(version(1))

    for path in ("poster/", "job/", "postertemplate/", "templatecommand/"):
        assert 'value="delete_selected"' not in page(admin, path)
    answer = admin.post(f"{ADMIN}poster/{poster.pk}/delete/", {"post": "yes"})

    assert answer.status_code == 403
    assert 'value="erase"' in page(admin, "poster/")
    assert Poster.objects.exists()
