"""A job's progress for a page: as JSON, and as server-sent events where the server is asynchronous."""

import json
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from . import outbox
from .conf import get_settings
from .models import Job
from .progress import Progress, read_progress
from .watching import watch


@never_cache
@require_safe
def progress(request: HttpRequest, job_id: str) -> HttpResponse:
    """Return the progress as JSON."""
    return JsonResponse(_read(request, job_id).as_json())


@never_cache
@require_safe
async def progress_events(request: HttpRequest, job_id: str) -> HttpResponseBase:
    """Stream the progress until the job is finished: an event a change, and a comment after 15 s of silence."""
    now = await sync_to_async(_read)(request, job_id)
    if not isinstance(request, ASGIRequest):
        # Under WSGI a stream would hold a worker. A page that gets no event stream falls back to JSON.
        return JsonResponse(now.as_json())
    last_told = request.headers.get("Last-Event-ID")
    if now.is_finished and last_told == now.event_id:
        return HttpResponse(status=204)  # EventSource does not come again
    response = StreamingHttpResponse(_events(now, last_told), content_type="text/event-stream")
    response["X-Accel-Buffering"] = "no"
    return response


def _read(request: HttpRequest, job_id: str) -> Progress:
    job = Job.objects.using(outbox.database()).filter(pk=job_id).first()
    if job is None:
        raise Http404(f"there is no job {job_id!r}")
    if not get_settings().permission(request, job):
        raise PermissionDenied(f"the progress of job {job_id!r} is not for this user")
    return read_progress([job_id])[job_id]


async def _events(now: Progress, last_told: str | None) -> AsyncIterator[str]:
    if last_told != now.event_id:
        yield _event(now)
    async for told in watch().follow(now):
        yield _event(told) if told is not None else ": still here\n\n"


def _event(told: Progress) -> str:
    return f"id: {told.event_id}\ndata: {json.dumps(told.as_json())}\n\n"
