"""The admin through Django's test client, without a browser."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import JobEvent, PosterOutcome
from django_posters.models import DeadLetterEvent, Job, OutboxEvent, Poster, PosterTemplate, TemplateCommand
from django_posters.results.outcomes import apply_job, apply_outcome
from testimonials import models

import schemas.codec
from django_posters import request_poster, request_posters
from django_tests.admin.pages import ADMIN, EDITED, finish, logged_in, page, tell
from django_tests.outcomes import NOW, URL, job_event, outcome, version
from django_tests.site import NAME, Site, make_testimonial
from schemas.requests import JobCancelRequested


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
