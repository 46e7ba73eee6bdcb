"""Admin of jobs, with live progress bars and the cancel action."""

import json
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import Script
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from django_posters.labels import STATUSES
from django_posters.models import Job
from django_posters.progress import read_progress
from django_posters.requests import cancel_job

from .read_only import ReadOnlyAdmin, Text, colored

MAX_JOBS: Final = 200
"""Limit of one progress request, above the page size of a list."""


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Jobs, read-only."""

    list_display = ("colored_status", "progress", "counts", "section", "owner_model", "requested_at")
    list_filter = ("status", "section", "requested_at")
    search_fields = ("job_id",)
    date_hierarchy = "requested_at"
    ordering = ("-requested_at",)
    show_full_result_count = False
    actions = ("cancel",)
    fields = (
        "job_id",
        "colored_status",
        "progress",
        "counts",
        "of_posters",
        "template_id",
        "metadata",
        "requested_at",
        "finished_at",
    )
    readonly_fields = ("colored_status", "progress", "counts", "of_posters")

    class Media:
        """The script that updates the progress bars, and styles."""

        css: ClassVar = {"all": ["posters/admin.css"]}
        js: ClassVar = [Script("posters/admin_jobs.js", type="module")]

    def get_urls(self) -> list[URLPattern]:
        """Add the JSON view that the pages poll for progress."""
        progress = path("progress/", self.admin_site.admin_view(self.progress_view), name="posters_job_progress")
        return [progress, *super().get_urls()]

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Whether the user has Django's permission to change jobs, which ReadOnlyAdmin denies for the form."""
        return admin.ModelAdmin.has_change_permission(self, request)

    def page_actions(self, request: HttpRequest, row: Job) -> list[tuple[str, Text]]:
        """Offer to cancel an unfinished job."""
        if row.is_finished or row.cancel_requested_at is not None or not self.has_cancel_permission(request):
            return []
        return [("cancel", _("Cancel what is left"))]

    def progress_view(self, request: HttpRequest) -> JsonResponse:
        """Return the progress of the jobs in the query string, by one database query."""
        if not self.has_view_permission(request):
            return JsonResponse({}, status=403)
        found = read_progress(request.GET.getlist("job")[:MAX_JOBS])
        return JsonResponse({job_id: progress.as_json() for job_id, progress in found.items()})

    @admin.display(description=_("status"), ordering="status")
    def colored_status(self, job: Job) -> SafeString:
        """Show the status in its colour, and whether cancellation was requested."""
        cancelling = job.cancel_requested_at is not None and not job.is_finished
        text = format_html('<span class="poster-cancelling">{}</span>', _(", to be cancelled")) if cancelling else ""
        return format_html("{}{}", colored(job.status), text)

    @admin.display(description=_("progress"))
    def progress(self, job: Job) -> SafeString:
        """Show a progress bar. The script updates it until the job is finished."""
        address = reverse(f"{self.admin_site.name}:posters_job_progress")
        live: Any = ""
        if not job.is_finished:
            texts = json.dumps({status: str(STATUSES[status]) for status in Job.Status.values})
            live = format_html(' data-job="{}" data-url="{}" data-texts="{}"', job.pk, address, texts)
        total = job.total_count or 1
        done = total if job.is_finished else job.finished_count
        bar = '<progress value="{}" max="{}" aria-label="{}"{}></progress>'
        return format_html(bar, done, total, _("progress"), live)

    @admin.display(description=_("completed / failed / cancelled / all"))
    def counts(self, job: Job) -> SafeString:
        """Show the counts of the job."""
        return format_html(
            '<span class="poster-counts">{} / {} / {} / {}</span>',
            job.success_count,
            job.failure_count,
            job.cancelled_count,
            job.total_count,
        )

    @admin.display(description=_("posters"))
    def of_posters(self, job: Job) -> SafeString:
        """Link to the list of its posters."""
        address = reverse(f"{self.admin_site.name}:posters_poster_changelist")
        text = ngettext("%(count)d poster", "%(count)d posters", job.total_count) % {"count": job.total_count}
        return format_html('<a href="{}?job__job_id={}">{}</a>', address, job.pk, text)

    @admin.action(description=_("Cancel what is left of selected jobs"), permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Request the cancellation of all unfinished posters of the jobs."""
        count = sum(cancel_job(job, reason=f"by {request.user} in the admin") for job in queryset)
        text = ngettext(
            "%(count)d job is to be cancelled; finished ones are left as they are.",
            "%(count)d jobs are to be cancelled; finished ones are left as they are.",
            count,
        )
        self.message_user(request, text % {"count": count})
