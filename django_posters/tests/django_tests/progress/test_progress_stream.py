"""Progress streams of many pages, served by one process."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from typing import Any, Final

import pytest
from asgiref.sync import sync_to_async
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIHandler
from django.db import connection, connections
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import JobEvent
from django_posters.models import Job
from django_posters.progress import Progress, progress_stream
from django_posters.results.outcomes import apply_job
from testimonials import models

from django_posters import request_posters
from django_tests.outcomes import job_event
from django_tests.site import Site, forget_connections, make_testimonial
from django_tests.streaming import TIMEOUT_SECONDS, FollowingPage

PAGES: Final = 200
JOBS: Final = 4


class Looks:
    """Counts the reads of progress and their queries."""

    def __init__(self) -> None:
        self.count = 0
        self.queries = 0
        self._read = progress_stream.read_progress

    def __call__(self, job_ids: Iterable[str]) -> dict[str, Progress]:
        self.count += 1
        with connection.execute_wrapper(self._note):
            return self._read(job_ids)

    def _note(self, execute: Any, *asked: Any) -> Any:
        self.queries += 1
        return execute(*asked)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """The reads for all pages together."""
    counting = Looks()
    monkeypatch.setattr(progress_stream, "read_progress", counting)
    return counting


@pytest.fixture
async def application(postgres_url: str) -> AsyncIterator[ASGIHandler]:
    """The example site as an ASGI application."""
    with Site(database_url=postgres_url, broker="127.0.0.1:9"):
        yield get_asgi_application()
        await sync_to_async(forget_connections)()


def make_jobs() -> list[Job]:
    for number in range(JOBS):
        make_testimonial(author=f"Author {number}")
    rows = models.Testimonial.objects.all()
    return [request_posters(rows, reuse=False) for _ in range(JOBS)]


def tell(job: Job, done: int) -> None:
    status = "completed" if done == job.total_count else "processing"
    apply_job(decode(job_event(job.pk, done, status, total_count=job.total_count, success_count=done), JobEvent))


def count_connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


async def test_two_hundred_pages_are_one_question_a_second(application: ASGIHandler, looks: Looks) -> None:
    """Each page receives its own job only, and all pages together cause one read a second."""
    jobs = await sync_to_async(make_jobs)()
    pages = [FollowingPage(application, jobs[number % JOBS].pk) for number in range(PAGES)]
    started = time.monotonic()
    async with AsyncExitStack() as stack:
        for page in pages:
            await stack.enter_async_context(page)
        for done in range(1, JOBS + 1):
            await asyncio.gather(*(page.hears(done) for page in pages))
            connections = await sync_to_async(count_connections)()
            for job in jobs:
                await sync_to_async(tell)(job, done)
        await asyncio.gather(*(page.ends() for page in pages))
        seconds = time.monotonic() - started

    for page in pages:
        assert [(reported["job_id"], reported["success_count"]) for reported in page.received] == [
            (page.job_id, done) for done in range(JOBS + 1)
        ]
    assert JOBS <= looks.count <= seconds / progress_stream.POLL_SECONDS + 1
    assert looks.queries == looks.count
    assert connections < 10


async def watching_ends() -> None:
    """Return when the poller has stopped."""
    watch = progress_stream.get_poller()
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while watch._polling is not None and not watch._polling.done():
            await asyncio.wait([watch._polling])


async def test_disconnected_pages_leave_nothing_behind(application: ASGIHandler, looks: Looks) -> None:
    """A client that disconnects, even one that stopped reading, leaves no queue, task or connection behind."""
    jobs = await sync_to_async(make_jobs)()
    before = asyncio.all_tasks()
    pages = [FollowingPage(application, job.pk) for job in jobs * 2]
    for page in pages:
        await page.__aenter__()
        await page.hears(1)
    for page in pages[:JOBS]:
        page.stall()
    for job in jobs:
        await sync_to_async(tell)(job, 1)
    for page in pages[JOBS:]:
        await page.hears(2)

    for page in pages:
        await page.leave()
    await watching_ends()

    assert (progress_stream.get_poller()._queues, progress_stream.get_poller()._last) == ({}, {})
    assert asyncio.all_tasks() == before
    assert await sync_to_async(count_connections)() == 1


async def test_first_page_may_disconnect_before_the_others(application: ASGIHandler, looks: Looks) -> None:
    """The poller does not depend on the request that started it: the first page may disconnect."""
    [job, *_] = await sync_to_async(make_jobs)()
    async with FollowingPage(application, job.pk) as other:
        async with FollowingPage(application, job.pk) as first:
            await first.hears(1)
            await other.hears(1)
        await sync_to_async(tell)(job, job.total_count)
        await other.ends()

    assert [reported["status"] for reported in other.received] == ["queued", "completed"]


async def test_page_hears_something_while_nothing_happens(
    application: ASGIHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between changes a comment is sent as a heartbeat, which is not an event."""
    monkeypatch.setitem(progress_stream.ProgressPoller.follow.__kwdefaults__, "heartbeat_seconds", 0.01)
    [job, *_] = await sync_to_async(make_jobs)()
    async with FollowingPage(application, job.pk) as page:
        await page.hears(3)

    assert page.heard[1:3] == [": still here\n\n"] * 2
    assert [reported["status"] for reported in page.received] == ["queued"]


async def test_reconnecting_page_receives_what_it_missed(application: ASGIHandler, looks: Looks) -> None:
    """With Last-Event-ID a page receives nothing twice, and one that has the final state does not reconnect."""
    [job, *_] = await sync_to_async(make_jobs)()
    await sync_to_async(tell)(job, 1)
    async with FollowingPage(application, job.pk, last_event_id="1-processing") as back:
        await sync_to_async(tell)(job, job.total_count)
        await back.ends()
    [last] = back.received
    async with FollowingPage(application, job.pk, last_event_id=f"{last['revision']}-{last['status']}") as done:
        await done.ends()

    assert last["is_finished"]
    assert (done.status, done.heard) == (204, [])


async def test_site_with_a_transaction_a_request_can_stream(
    application: ASGIHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streams work with ATOMIC_REQUESTS, on whichever database, which Django does not support for async views."""
    monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", True)
    [job, *_] = await sync_to_async(make_jobs)()
    async with FollowingPage(application, job.pk) as page:
        await page.hears(1)

    assert page.status == 200
