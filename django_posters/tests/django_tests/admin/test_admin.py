"""The admin through Django's test client, without a browser."""

import hashlib
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import JobEvent, PosterOutcome
from django_posters.contract.templates import TemplateAnswer
from django_posters.models import DeadLetterEvent, Job, OutboxEvent, Poster, PosterTemplate, TemplateCommand
from django_posters.results.outcomes import apply_job, apply_outcome
from django_posters.results.template_results import apply_answer
from django_posters.template_uploads.commands import upload_template
from django_posters.template_uploads.upload import Upload
from testimonials import models

import schemas.codec
from django_posters import request_poster, request_posters
from django_tests.outcomes import NOW, URL, job_event, outcome, version
from django_tests.site import NAME, Site, make_testimonial
from schemas.envelope import Envelope
from schemas.requests import JobCancelRequested
from schemas.templates import (
    Placeholder,
    PlaceholderDeclaration,
    TemplateActivate,
    TemplateError,
    TemplateGet,
    TemplatePreview,
    TemplatePreviewed,
    TemplateRejected,
    TemplateUpload,
)

ADMIN = "/admin/posters/"
EDITED = {"section": "quote", "html": "<p>{{ quote }}</p>", "kind": "upload", "custom_data": '{"quote": "Hi"}'}


@pytest.fixture
def site(postgres_url: str) -> Iterator[Site]:
    """The site on PostgreSQL, without a broker."""
    with Site(database_url=postgres_url, broker="127.0.0.1:9") as site:
        yield site


@pytest.fixture
def admin(site: Site) -> Client:
    """A client that is logged in as a superuser."""
    return logged_in(User.objects.create_superuser("admin"))


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, path: str) -> str:
    answer = client.get(ADMIN + path)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def tell(event: Envelope) -> None:
    """Apply an answer of the templates role."""
    apply_answer(decode(schemas.codec.encode(event), TemplateAnswer))


def previewed(command_id: uuid.UUID, url: str) -> TemplatePreviewed:
    return TemplatePreviewed(
        event_id=uuid.uuid4(),
        occurred_at=NOW,
        command_id=command_id,
        section="testimonial",
        url=url,
        object_key="previews/a.png",
    )


def sha256(html: str) -> str:
    return hashlib.sha256(html.encode()).hexdigest()


def finish(poster: Poster, status: str = "completed") -> None:
    apply_outcome(decode(outcome(poster.job_id, status), PosterOutcome))


def command(client: Client, **fields: Any) -> dict[str, Any]:
    """Send a command as the page does, and return the site's reply."""
    reply: dict[str, Any] = client.post(ADMIN + "postertemplate/commands/", fields).json()
    return reply


def sent() -> Any:
    """Return the one event in the outbox as the templates role reads it."""
    value = bytes(OutboxEvent.objects.get().value)
    return schemas.codec.decode(value, TemplateUpload, TemplatePreview, TemplateActivate, TemplateGet)


@pytest.mark.parametrize(
    "path",
    [
        "poster/",
        "job/",
        "outboxevent/",
        "deadletterevent/",
        "postertemplate/",
        "templatecommand/",
        "postertemplate/add/",
    ],
)
def test_pages_open_with_and_without_rows(admin: Client, path: str) -> None:
    """Every page opens on an empty site and on one with rows, and nothing can be edited by hand."""
    page(admin, path)
    finish(request_poster(make_testimonial()))
    tell(version(1))
    DeadLetterEvent.objects.create(topic="job-events", partition=1, offset=2, value=b"\xff{", error="bad", seen_at=NOW)

    shown = page(admin, path)

    assert 'name="_save"' not in shown


def test_row_pages_open(admin: Client) -> None:
    """Every row has a page that shows its values."""
    finish(request_poster(make_testimonial(), metadata={"user_id": 7}))
    poster, event = Poster.objects.get(), OutboxEvent.objects.get()
    tell(version(1))

    assert URL in page(admin, f"poster/{poster.pk}/change/")
    assert poster.job_id in page(admin, f"job/{poster.job_id}/change/")
    assert "poster.requested" in page(admin, f"outboxevent/{event.pk}/change/")
    assert "Testimonial" in page(admin, f"postertemplate/{PosterTemplate.objects.get().pk}/change/")


def test_posters_are_shown_with_what_became_of_them(admin: Client) -> None:
    """The list has thumbnails, statuses, error texts and links to the rows, and can be filtered."""
    done, failed = request_poster(make_testimonial()), request_poster(make_testimonial(author="Unlucky"))
    finish(done)
    finish(failed, "failed")

    shown, only_failed = page(admin, "poster/"), page(admin, "poster/?status__exact=failed")

    assert f'<img src="{URL}" class="poster-thumbnail"' in shown
    assert "upload: the store is full" in shown
    assert f"/admin/testimonials/testimonial/{done.entity_id}/change/" in shown
    assert URL not in only_failed


def test_failed_posters_are_requested_again(admin: Client) -> None:
    """The action requests the failed and cancelled ones of the selected posters again, with their options."""
    failed = request_poster(make_testimonial(), metadata={"user_id": 7}, output={"width": 600}, strict=True)
    done, gone = request_poster(make_testimonial()), request_poster(lost := make_testimonial())
    finish(done)
    finish(failed, "failed")
    finish(gone, "cancelled")
    lost.delete()
    before = OutboxEvent.objects.count()

    selected = [str(pk) for pk in Poster.objects.values_list("pk", flat=True)]
    answer = admin.post(ADMIN + "poster/", {"action": "retry", "_selected_action": selected}, follow=True)

    again = models.Testimonial.objects.get(pk=failed.entity_id).poster
    assert again is not None
    assert again != failed
    assert (again.metadata, again.output, again.strict, again.status) == (
        {"user_id": 7},
        {"width": 600},
        True,
        "queued",
    )
    assert OutboxEvent.objects.count() == before + 1
    assert "1 poster is asked for again" in answer.content.decode()
    assert "was deleted; nothing was requested" in answer.content.decode()


def test_console_is_linked_to_where_it_is_set(admin: Client) -> None:
    """With CONSOLE_URL a poster's page links to its records in Redpanda Console, without it there is no link.

    Console looks for a text only among the records that it loads: from a time on (`o=-4` and `t`), not the oldest ones.
    """
    poster = request_poster(make_testimonial())
    finish(poster)
    poster.refresh_from_db()
    path = f"poster/{poster.pk}/change/"
    posters = {"BOOTSTRAP_SERVERS": "localhost:9092", "SITE": NAME, "CONSOLE_URL": "http://console.test:8080/"}
    without = page(admin, path)

    with override_settings(POSTERS=posters):
        shown = page(admin, path)

    links = [urlsplit(unescape(link)) for link in re.findall(r'href="(http://console[^"]+)"', shown)]
    queries = [dict(parse_qsl(link.query)) for link in links]
    assert [link.path for link in links] == ["/topics/poster-requests", "/topics/poster-completions"]
    assert {link.fragment for link in links} == {"messages"}
    for query, moment in zip(queries, (poster.requested_at, poster.finished_at), strict=True):
        since = datetime.fromtimestamp(int(query.pop("t")) / 1000, tz=UTC)
        assert timedelta() < moment - since < timedelta(seconds=5)
        assert query == {"p": "-1", "s": "200", "o": "-4", "q": poster.job_id, "f": f"key={poster.job_id}"}
    assert "/topics/" not in without


def test_console_is_linked_to_the_records_themselves_where_they_are_known(admin: Client) -> None:
    """Once relay and consumer have recorded partition and offset, the links lead to the request and to the outcome."""
    poster = request_poster(make_testimonial())
    poster.job.request_records = [[0, 1, 4, 123]]
    poster.job.save()
    finish(poster)
    Poster.objects.update(outcome_partition=5, outcome_offset=0)
    posters = {"BOOTSTRAP_SERVERS": "localhost:9092", "SITE": NAME, "CONSOLE_URL": "http://console.test:8080/"}

    with override_settings(POSTERS=posters):
        shown = page(admin, f"poster/{poster.pk}/change/")

    assert 'href="http://console.test:8080/topics/poster-requests?p=4&amp;s=1&amp;o=123#messages"' in shown
    assert 'href="http://console.test:8080/topics/poster-completions?p=5&amp;s=1&amp;o=0#messages"' in shown


def test_console_is_linked_to_the_topic_of_the_site(admin: Client) -> None:
    """With OWN_TOPICS requests are on a topic of the site; outcomes are on the topic that all sites read."""
    poster = request_poster(make_testimonial())
    poster.job.request_records = [[0, 1, 4, 123]]
    poster.job.save()
    finish(poster)
    posters = {"BOOTSTRAP_SERVERS": "localhost:9092", "SITE": NAME, "CONSOLE_URL": "http://console.test:8080/"}

    with override_settings(POSTERS={**posters, "OWN_TOPICS": True}):
        shown = page(admin, f"poster/{poster.pk}/change/")

    assert f'href="http://console.test:8080/topics/poster-requests.{NAME}?p=4&amp;s=1&amp;o=123#messages"' in shown
    assert 'href="http://console.test:8080/topics/poster-completions?' in shown


def test_a_dead_letter_links_to_its_record(admin: Client) -> None:
    """With CONSOLE_URL to exactly this record, by partition and offset; without it the place is a text."""
    letter = DeadLetterEvent.objects.create(
        topic="job-events", partition=1, offset=2, value=b"{", error="bad", seen_at=NOW
    )
    path = f"deadletterevent/{letter.pk}/change/"
    without = page(admin, path)
    posters = {"BOOTSTRAP_SERVERS": "localhost:9092", "SITE": NAME, "CONSOLE_URL": "http://console.test:8080/"}

    with override_settings(POSTERS=posters):
        shown = page(admin, path)

    assert 'href="http://console.test:8080/topics/job-events?p=1&amp;s=1&amp;o=2#messages"' in shown
    assert "job-events/1@2" in without
    assert "/topics/" not in without


def test_jobs_are_cancelled(admin: Client) -> None:
    """The action cancels the unfinished ones of the selected jobs, and the list shows it."""
    open_job, done = request_poster(make_testimonial()).job, request_poster(make_testimonial()).job
    apply_job(decode(job_event(done.pk, 1, "completed", total_count=1, success_count=1), JobEvent))

    answer = admin.post(ADMIN + "job/", {"action": "cancel", "_selected_action": [open_job.pk, done.pk]}, follow=True)

    shown = answer.content.decode()
    event = schemas.codec.decode(bytes(OutboxEvent.objects.latest("pk").value), JobCancelRequested)
    assert (event.job_id, event.reason) == (open_job.pk, "by admin in the admin")
    assert "1 job is to be cancelled" in shown
    assert shown.count(", to be cancelled") == 1


def test_pictures_are_erased_once_that_is_meant(admin: Client) -> None:
    """The action asks for confirmation, then requests the deletion of the image and unlinks its row."""
    poster = request_poster(make_testimonial())
    finish(poster)
    fields = {"action": "erase", "_selected_action": [str(poster.pk)]}

    asked = admin.post(ADMIN + "poster/", fields)
    between = OutboxEvent.objects.count()
    answer = admin.post(ADMIN + "poster/", fields | {"sure": "yes"}, follow=True)

    assert "This cannot be undone" in asked.content.decode()
    assert between == 1
    assert "1 poster is to be erased" in answer.content.decode()
    assert URL not in answer.content.decode()
    assert models.Testimonial.objects.get().poster is None
    apply_outcome(decode(outcome(poster.job_id, "erased"), PosterOutcome))
    assert ", erased" in page(admin, "poster/")


def test_cancelling_and_erasing_take_permissions(site: Site) -> None:
    """Users with the view permission only are not offered the actions."""
    request_poster(make_testimonial())
    user = User.objects.create_user("looker", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_poster", "view_job"]))

    for path in ("poster/", "job/"):
        assert 'name="action"' not in page(logged_in(user), path)


def test_progress_of_jobs_is_read_by_one_query(admin: Client) -> None:
    """The list of jobs marks the unfinished ones, and one query reads the progress of all of them."""
    for number in range(2):
        make_testimonial(author=f"Author {number}")
    jobs = [request_posters(models.Testimonial.objects.all(), reuse=False) for _ in range(3)]
    apply_job(decode(job_event(jobs[0].pk, 1, "failed", total_count=2, failure_count=2), JobEvent))
    marked = set(re.findall(r'data-job="(\w+)"', page(admin, "job/")))

    address = f"{ADMIN}job/progress/?" + "&".join(f"job={job.pk}" for job in jobs)
    with CaptureQueriesContext(connection) as queries:
        reported = admin.get(address).json()

    assert marked == {jobs[1].pk, jobs[2].pk}
    assert (reported[jobs[0].pk]["failure_count"], reported[jobs[1].pk]["total_count"]) == (2, 2)
    assert sum("posters_job" in query["sql"] for query in queries) == 1


def test_progress_of_jobs_is_for_those_who_may_see_them(site: Site) -> None:
    """Staff without the permission get 403, and anonymous users are redirected to the login."""
    staff = logged_in(User.objects.create_user("staff", is_staff=True))

    assert staff.get(ADMIN + "job/progress/").status_code == 403
    assert Client().get(ADMIN + "job/progress/").status_code == 302


@pytest.mark.parametrize(
    ("minutes", "title"),
    [
        (0, "The oldest event waits for 0\xa0minutes<"),
        (5, "waits for 5\xa0minutes: is `manage.py relay_posters` running?"),
    ],
)
def test_outbox_says_how_long_the_oldest_waits(admin: Client, minutes: int, title: str) -> None:
    """The title of the outbox shows the age of the oldest event, and after a minute what to check."""
    assert "Nothing waits to be published" in page(admin, "outboxevent/")
    request_poster(make_testimonial())
    OutboxEvent.objects.update(created_at=timezone.now() - timedelta(minutes=minutes, seconds=1))

    assert title in page(admin, "outboxevent/")


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

    assert "<th>stars</th><td>rating</td><td>yes</td>" in shown
    assert "<td>New</td>" in shown
    assert "{&quot;stars&quot;: 4}" in shown


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


def test_newest_is_first(admin: Client) -> None:
    """Posters, jobs and commands are listed from the newest one, whatever their keys."""
    posters = [request_poster(make_testimonial()) for _ in range(5)]
    for minutes, poster in enumerate(posters):
        at = NOW + timedelta(minutes=minutes)
        Poster.objects.filter(pk=poster.pk).update(requested_at=at)
        Job.objects.filter(pk=poster.job_id).update(requested_at=at)

    for path, keys in (("poster/", [poster.pk for poster in posters]), ("job/", [poster.job_id for poster in posters])):
        shown = page(admin, path)
        places = [shown.index(f'value="{key}"') for key in keys]
        assert places == sorted(places, reverse=True)


def test_own_admin_of_a_site_shows_and_asks_again(admin: Client) -> None:
    """PosterAdminMixin gives the site's ModelAdmin thumbnails, read with the rows, and the action "Ask again"."""
    done, failed = (request_poster(make_testimonial(author=author)) for author in ("Ada", "Unlucky"))
    finish(done)
    finish(failed, "failed")
    make_testimonial(author="New")

    with CaptureQueriesContext(connection) as queries:
        shown = admin.get("/admin/testimonials/testimonial/").content.decode()
    read = [query["sql"] for query in queries if '"posters_poster"' in query["sql"]]
    rows = [str(pk) for pk in models.Testimonial.objects.values_list("pk", flat=True)]
    fields = {"action": "ask_for_posters_again", "_selected_action": rows}
    answer = admin.post("/admin/testimonials/testimonial/", fields, follow=True)

    assert f'<img src="{URL}" class="poster-thumbnail"' in shown
    assert ">failed</b>" in shown
    assert len(read) == 1
    assert "3 posters are asked for." in answer.content.decode()
    assert Poster.objects.filter(status="queued").count() == 3


def test_own_admin_asks_only_for_those_who_may_change(site: Site) -> None:
    """Without the permission to change the rows the mixin offers no action."""
    make_testimonial()
    user = User.objects.create_user("reader", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_testimonial"))

    shown = logged_in(user).get("/admin/testimonials/testimonial/").content.decode()

    assert "Maya" in shown
    assert "ask_for_posters_again" not in shown


def test_viewers_change_nothing(site: Site) -> None:
    """Users with the view permission only see templates and answers, but no buttons, and cannot send commands."""
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    viewer = logged_in(user)
    tell(version(1))
    request_poster(make_testimonial())

    shown = page(viewer, f"postertemplate/{uuid.UUID(int=1)}/change/")
    refused = viewer.post(ADMIN + "postertemplate/commands/", EDITED)

    assert "data-kind=" not in shown
    assert 'value="retry"' not in page(viewer, "poster/")
    assert refused.status_code == 403
    assert viewer.get(ADMIN + "postertemplate/add/").status_code == 403
    assert not TemplateCommand.objects.exists()


def test_job_leads_to_its_posters(admin: Client) -> None:
    """A job's page links to the list of its posters, and to no others."""
    mine, other = request_poster(make_testimonial()), request_poster(make_testimonial())
    [link] = re.findall(r'href="/admin/posters/(poster/\?[^"]+)"', page(admin, f"job/{mine.job_id}/change/"))

    shown = page(admin, link)

    assert str(mine.pk) in shown
    assert str(other.pk) not in shown
    assert Job.objects.count() == 2
