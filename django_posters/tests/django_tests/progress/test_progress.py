"""Live progress: what a page receives, and the load on the database."""

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import JobEvent, PosterOutcome
from django_posters.models import Job
from django_posters.progress import Progress, progress_stream, views
from django_posters.progress.progress_stream import ProgressPoller
from django_posters.results.outcomes import apply_job, apply_outcome
from testimonials import models

import django_posters
from django_posters import request_poster, request_posters
from django_tests.outcomes import URL, job_event, outcome
from django_tests.site import NAME, Site, forget_connections, make_testimonial

STRICT = {"BOOTSTRAP_SERVERS": "localhost:9092", "SITE": NAME}


def make_job(count: int = 2) -> Job:
    """Request that many posters as one job."""
    for number in range(count):
        make_testimonial(author=f"Author {number}")
    return request_posters(models.Testimonial.objects.all())


def count_up(job: Job, revision: int, status: str = "processing", **counts: int) -> None:
    apply_job(decode(job_event(job.pk, revision, status, total_count=job.total_count, **counts), JobEvent))


def test_json_says_how_far_a_job_is(any_site: Site) -> None:
    """A page that polls gets the counts, and no cache stores the response."""
    job = make_job()
    count_up(job, 3, success_count=1)

    answer = Client().get(f"/posters/jobs/{job.pk}/")

    reported = answer.json()
    assert (reported["status"], reported["total_count"], reported["finished_count"], reported["is_finished"]) == (
        "processing",
        2,
        1,
        False,
    )
    assert "no-store" in answer["Cache-Control"]


def test_single_poster_is_reported_with_its_url(any_site: Site) -> None:
    """The progress of a single poster is complete as soon as its row is, even before the counts of its job."""
    poster = request_poster(make_testimonial())
    apply_outcome(decode(outcome(poster.job_id), PosterOutcome))

    reported = Client().get(f"/posters/jobs/{poster.job_id}/").json()

    assert (reported["is_finished"], reported["url"], reported["success_count"]) == (True, URL, 1)


def test_only_staff_may_follow_by_default(any_site: Site) -> None:
    """By default users other than staff get 403, and an unknown job is 404."""
    with override_settings(POSTERS=STRICT):
        job = make_job()
        addresses = [f"/posters/jobs/{job.pk}/", f"/posters/jobs/{job.pk}/events/"]
        client = Client()
        anonymous = [client.get(address).status_code for address in addresses]
        client.force_login(User.objects.create_user("visitor"))
        visitor = [client.get(address).status_code for address in addresses]
        client.force_login(User.objects.create_user("editor", is_staff=True))
        editor = [client.get(address).status_code for address in addresses]
        unknown = client.get("/posters/jobs/unknown/").status_code

    assert (anonymous, visitor, editor, unknown) == ([403, 403], [403, 403], [200, 200], 404)


def test_permission_is_the_site_s_own(any_site: Site) -> None:
    """The site's permission function gets the request and the job, and its result decides."""
    job = make_job()

    def only_this(request: Any, asked: Job) -> bool:
        return bool(request.headers.get("X-Who") == "me" and asked == job)

    with override_settings(POSTERS=STRICT | {"PERMISSION": only_this}):
        answers = [Client(headers=headers).get(f"/posters/jobs/{job.pk}/") for headers in ({"X-Who": "me"}, {})]

    assert [answer.status_code for answer in answers] == [200, 403]


def test_wsgi_is_answered_with_json(any_site: Site) -> None:
    """Under WSGI the stream's URL responds at once, so that it occupies no worker and the page polls."""
    job = make_job()

    answer = Client().get(f"/posters/jobs/{job.pk}/events/")

    assert answer["Content-Type"] == "application/json"
    assert answer.json()["job_id"] == job.pk


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A poller with a short interval."""
    monkeypatch.setattr(progress_stream.ProgressPoller.__init__, "__kwdefaults__", {"poll_seconds": 0.01})


async def read_stream(answer: Any) -> AsyncIterator[str]:
    assert isinstance(answer, StreamingHttpResponse)
    async for part in answer:
        yield part.decode() if isinstance(part, bytes) else part


@pytest.mark.usefixtures("quick")
async def test_stream_tells_every_change_to_the_end(postgres_url: str) -> None:
    """A stream sends the current state, each change with its id, and the final state, and then ends."""
    with Site(database_url=postgres_url, broker="127.0.0.1:9"):
        job = await sync_to_async(make_job)()
        answer = await AsyncClient().get(f"/posters/jobs/{job.pk}/events/")
        reported = []
        async for event in read_stream(answer):
            reported.append(event)
            if len(reported) == 1:
                await sync_to_async(count_up)(job, 1, success_count=1)
            if len(reported) == 2:
                await sync_to_async(count_up)(job, 2, "completed", success_count=2)
        await sync_to_async(forget_connections)()

    assert answer["Content-Type"] == "text/event-stream"
    assert [event.split("\n")[0] for event in reported] == ["id: 0-queued", "id: 1-processing", "id: 2-completed"]
    last = json.loads(reported[-1].split("data: ")[1])
    assert (last["success_count"], last["is_finished"]) == (2, True)


@pytest.mark.usefixtures("quick")
async def test_reconnecting_page_receives_only_changes(postgres_url: str) -> None:
    """With Last-Event-ID nothing is sent twice, and a page that has the final state gets 204."""
    with Site(database_url=postgres_url, broker="127.0.0.1:9"):
        job = await sync_to_async(make_job)()
        await sync_to_async(count_up)(job, 1, success_count=1)
        address, headers = f"/posters/jobs/{job.pk}/events/", {"Last-Event-ID": "1-processing"}
        answer = await AsyncClient().get(address, headers=headers)
        await sync_to_async(count_up)(job, 2, "completed", success_count=2)
        reported = [event async for event in read_stream(answer)]
        again = await AsyncClient().get(address, headers={"Last-Event-ID": "2-completed"})
        await sync_to_async(forget_connections)()

    assert [event.split("\n")[0] for event in reported] == ["id: 2-completed"]
    assert again.status_code == 204


def state(job_id: str, done: int, of: int = 3) -> Progress:
    status = "completed" if done == of else "processing"
    return Progress(
        job_id=job_id,
        status=status,
        total_count=of,
        success_count=done,
        failure_count=0,
        cancelled_count=0,
        revision=done,
    )


class Counts:
    """A fake of the database: each read finds every job one poster further."""

    def __init__(self, looks: Iterator[int]) -> None:
        self._looks = looks
        self.asked: list[list[str]] = []

    async def __call__(self, job_ids: Iterable[str]) -> dict[str, Progress]:
        self.asked.append(sorted(job_ids))
        done = next(self._looks)
        return {job_id: state(job_id, done) for job_id in job_ids}


async def test_one_read_serves_every_page() -> None:
    """There is one read per interval, whatever the number of pages and jobs."""
    counts = Counts(itertools.chain([1, 2], itertools.repeat(3)))
    watch = ProgressPoller(counts, poll_seconds=0)

    async def follow(job_id: str) -> list[int]:
        return [reported.revision async for reported in watch.follow(state(job_id, 0)) if reported is not None]

    followed = await asyncio.gather(*(follow(f"job-{number % 4}") for number in range(40)))

    assert followed == [[1, 2, 3]] * 40
    assert counts.asked[:3] == [["job-0", "job-1", "job-2", "job-3"]] * 3
    assert len(counts.asked) < 10


async def test_polling_stops_after_the_last_page() -> None:
    """After the last stream ends the database is not read any more."""
    counts = Counts(iter(range(1, 100)))
    watch = ProgressPoller(counts, poll_seconds=0)
    pages = watch.follow(state("job-1", 0, of=1000))

    await anext(pages)
    await pages.aclose()
    for _ in range(10):
        await asyncio.sleep(0)
    asked = len(counts.asked)
    for _ in range(10):
        await asyncio.sleep(0)

    assert len(counts.asked) == asked


async def test_late_page_receives_the_current_counts() -> None:
    """A page that read the counts just before a change was published receives the change too."""
    watch = ProgressPoller(Counts(itertools.repeat(1)), poll_seconds=0)
    early = watch.follow(state("job-1", 0))
    await anext(early)

    late = watch.follow(state("job-1", 0))
    first = await asyncio.wait_for(anext(late), 5)

    assert first == state("job-1", 1)
    for pages in (early, late):
        await pages.aclose()


async def test_streams_send_heartbeats() -> None:
    """A stream without changes sends heartbeats, so that no proxy closes the connection."""

    async def nothing_new(job_ids: Iterable[str]) -> dict[str, Progress]:
        return {job_id: state(job_id, 0) for job_id in job_ids}

    pages = ProgressPoller(nothing_new, poll_seconds=0.001).follow(state("job-1", 0), heartbeat_seconds=0.01)

    assert [await anext(pages), await anext(pages)] == [None, None]
    await pages.aclose()


@pytest.mark.parametrize("outage", [OperationalError("gone"), InterfaceError("the connection is closed")])
async def test_database_outage_ends_no_stream(outage: Exception) -> None:
    """While the database is unavailable the streams wait, and they continue when it is available again."""
    answers: Iterator[Exception | None] = itertools.chain([outage], itertools.repeat(None))

    async def read(job_ids: Iterable[str]) -> dict[str, Progress]:
        if (error := next(answers)) is not None:
            raise error
        return {job_id: state(job_id, 3) for job_id in job_ids}

    pages = ProgressPoller(read, poll_seconds=0).follow(state("job-1", 0))

    assert [reported.revision async for reported in pages if reported is not None] == [3]


def test_progress_bar_takes_twenty_lines() -> None:
    """A progress bar needs one script of at most 20 lines, without a library."""
    script = Path(django_posters.__file__).parent / "static" / "posters" / "progress.js"
    lines = script.read_text(encoding="utf-8").splitlines()

    assert len(lines) <= 20
    assert not re.search(r"\b(import|require)\b", script.read_text(encoding="utf-8"))


def test_stream_needs_no_transaction_of_any_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """ATOMIC_REQUESTS of a second database does not refuse the stream either."""
    monkeypatch.setattr(views, "connections", ["default", "archive"])

    view: Any = views._without_transactions(lambda _: None)  # type: ignore[arg-type,return-value]

    assert view._non_atomic_requests == {"default", "archive"}
