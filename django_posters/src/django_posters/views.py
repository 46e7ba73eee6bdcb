"""A job's progress for a page: as JSON, and as server-sent events where the server is asynchronous."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from . import outbox
from .conf import get_settings
from .models import Job
from .progress import Progress, read_progress
from .watching import close_connections, watch


@never_cache
@require_safe
def progress(request: HttpRequest, job_id: str) -> HttpResponse:
    """Return the progress as JSON."""
    return JsonResponse(_read(request, job_id).as_json())


@transaction.non_atomic_requests  # with ATOMIC_REQUESTS Django would refuse to call it: it is asynchronous
@never_cache
@require_safe
async def progress_events(request: HttpRequest, job_id: str) -> HttpResponseBase:
    """Stream the progress until the job is finished: an event a change, and a comment after 15 s of silence."""
    async with watch().arriving:
        now = await sync_to_async(_read_alone)(request, job_id)
    if not isinstance(request, ASGIRequest):
        # Under WSGI a stream would hold a worker. A page that gets no event stream falls back to JSON.
        return JsonResponse(now.as_json())
    last_told = request.headers.get("Last-Event-ID")
    if now.is_finished and last_told == now.event_id:
        return HttpResponse(status=204)  # EventSource does not come again
    response = StreamingHttpResponse(_Stream(_events(now, last_told)), content_type="text/event-stream")
    response["X-Accel-Buffering"] = "no"
    return response


def _read(request: HttpRequest, job_id: str) -> Progress:
    job = Job.objects.using(outbox.database()).filter(pk=job_id).first()
    if job is None:
        raise Http404(f"there is no job {job_id!r}")
    if not get_settings().permission(request, job):
        raise PermissionDenied(f"the progress of job {job_id!r} is not for this user")
    return read_progress([job_id])[job_id]


def _read_alone(request: HttpRequest, job_id: str) -> Progress:
    try:
        return _read(request, job_id)
    finally:
        close_connections()


class _Stream:
    """Events that end when Django closes the response, however the page went away.

    A page that left while it was being sent something would be followed until the garbage collector finds out.
    """

    def __init__(self, events: AsyncGenerator[str]) -> None:
        self._events = events
        self._loop = asyncio.get_running_loop()

    def __aiter__(self) -> AsyncIterator[str]:
        return self._events

    def close(self) -> None:
        """End it. Django calls this in another thread."""
        if not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(self._end(), self._loop)

    async def _end(self) -> None:
        await self._events.aclose()


async def _events(now: Progress, last_told: str | None) -> AsyncGenerator[str]:
    await sync_to_async(close_connections)()  # middleware may have opened one since, to save the session
    if last_told != now.event_id:
        yield _event(now)
    async with aclosing(watch().follow(now)) as following:
        async for told in following:
            yield _event(told) if told is not None else ": still here\n\n"


def _event(told: Progress) -> str:
    return f"id: {told.event_id}\ndata: {json.dumps(told.as_json())}\n\n"
