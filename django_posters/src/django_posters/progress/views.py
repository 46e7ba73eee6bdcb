"""Views of a job's progress: as JSON, and as server-sent events under ASGI."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, TypeAlias

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db import connections, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from django_posters.conf import get_settings
from django_posters.database import database_alias
from django_posters.models import Job

from .job_progress import Progress, read_progress
from .progress_stream import close_connections, get_poller

_View: TypeAlias = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


@never_cache
@require_safe
def progress(request: HttpRequest, job_id: str) -> HttpResponse:
    """Return the progress as JSON."""
    response = JsonResponse(_read(request, job_id).as_json())
    if isinstance(request, ASGIRequest):
        # Otherwise a page polls: an EventSource that gets no event stream logs an error in the browser.
        response["X-Posters-Events"] = "stream"
    return response


def _without_transactions(view: _View) -> _View:
    """Exempt a view from ATOMIC_REQUESTS of every database, with which Django refuses to call an async view."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


@_without_transactions
@never_cache
@require_safe
async def progress_events(request: HttpRequest, job_id: str) -> HttpResponseBase:
    """Stream the progress until the job is finished: one event per change, and a comment after 15 s without one."""
    async with get_poller().initial_reads:
        now = await sync_to_async(_read_alone)(request, job_id)
    if not isinstance(request, ASGIRequest):
        # Under WSGI a stream would occupy a worker. A page that gets no event stream polls the JSON view.
        return JsonResponse(now.as_json())
    last_event_id = request.headers.get("Last-Event-ID")
    if now.is_finished and last_event_id == now.event_id:
        return HttpResponse(status=204)  # tells EventSource not to reconnect
    response = StreamingHttpResponse(_Stream(_events(now, last_event_id)), content_type="text/event-stream")
    response["X-Accel-Buffering"] = "no"
    return response


def _read(request: HttpRequest, job_id: str) -> Progress:
    job = Job.objects.using(database_alias()).filter(pk=job_id).first()
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
    """Server-sent events that end when Django closes the response, however the client disconnected.

    Otherwise the subscription of a client that disconnects during a send would live until garbage collection.
    """

    def __init__(self, events: AsyncGenerator[str]) -> None:
        self._events = events
        self._loop = asyncio.get_running_loop()

    def __aiter__(self) -> AsyncIterator[str]:
        return self._events

    def close(self) -> None:
        """End the stream. Django calls this in another thread."""
        if not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(self._end(), self._loop)

    async def _end(self) -> None:
        await self._events.aclose()


async def _events(now: Progress, last_event_id: str | None) -> AsyncGenerator[str]:
    await sync_to_async(close_connections)()  # middleware may have opened one to save the session
    if last_event_id != now.event_id:
        yield _event(now)
    async with aclosing(get_poller().follow(now)) as following:
        async for changed in following:
            yield _event(changed) if changed is not None else ": still here\n\n"


def _event(progress: Progress) -> str:
    return f"id: {progress.event_id}\ndata: {json.dumps(progress.as_json())}\n\n"
