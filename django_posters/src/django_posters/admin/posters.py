"""Admin of posters: images, links, and the actions to retry failed posters and to erase images."""

from typing import ClassVar, Final

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from django_posters.conf import get_settings
from django_posters.contract.topics import POSTER_COMPLETIONS, POSTER_REQUESTS
from django_posters.errors import RequestError
from django_posters.models import Poster
from django_posters.requests import erase_poster
from django_posters.requests.retry import retry_poster

from .filters import ErrorFilter
from .pictures import list_of_images, picture_of
from .read_only import ReadOnlyAdmin, Text, colored, console_link, page_link, record_link

RETRIED: Final = (Poster.Status.FAILED, Poster.Status.CANCELLED)
"""Statuses of posters that can be requested again here."""


@admin.register(Poster)
class PosterAdmin(ReadOnlyAdmin):
    """Posters and their results, read-only."""

    list_display = ("thumbnail", "colored_status", "section", "owner", "error", "requested_at")
    list_display_links = ("thumbnail", "colored_status")
    list_filter = ("status", "degraded", "section", ("error_code", ErrorFilter), "owner_model", "requested_at")
    search_fields = ("entity_id", "job__job_id", "error_message")
    date_hierarchy = "requested_at"
    ordering = ("-requested_at",)
    list_per_page = 50
    show_full_result_count = False
    actions = ("retry", "erase")
    readonly_fields = ("picture", "colored_status", "owner", "of_job", "address", "records", "every_image", "earlier")
    fieldsets: ClassVar = [
        (None, {"fields": ["picture", "colored_status", "owner", "of_job", "address", "records"]}),
        (_("Problems"), {"fields": ["error_code", "error_message", "warnings", "degraded", "retry_at", "assets"]}),
        (
            _("Request"),
            {"fields": ["template_id", "template_version", "metadata", "output", "strict", "alt", "requested_at"]},
        ),
        (
            _("Result"),
            {
                "fields": [
                    "every_image",
                    "earlier",
                    "object_key",
                    "sha256",
                    "size_bytes",
                    "width",
                    "height",
                    "format",
                    "attempt",
                    "generation",
                    "generation_time_ms",
                    "finished_at",
                ]
            },
        ),
    ]

    class Media:
        """Styles for both themes."""

        css: ClassVar = {"all": ["posters/admin.css"]}

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Whether the user has Django's permission to change posters, which ReadOnlyAdmin denies for the form."""
        return admin.ModelAdmin.has_change_permission(self, request)

    def has_erase_permission(self, request: HttpRequest) -> bool:
        """Whether the user has Django's permission to delete posters: only erasing deletes their pictures as well."""
        return admin.ModelAdmin.has_delete_permission(self, request)

    def page_actions(self, request: HttpRequest, row: Poster) -> list[tuple[str, Text]]:
        """Offer to request a poster again that has failed or was cancelled, and to erase pictures."""
        offered: list[tuple[str, Text]] = []
        if row.status in RETRIED and self.has_retry_permission(request):
            offered.append(("retry", _("Ask again")))
        if row.has_own_picture and self.has_erase_permission(request):
            offered.append(("erase", _("Erase its pictures")))
        return offered

    @admin.display(description=_("poster"))
    def thumbnail(self, poster: Poster) -> SafeString | str:
        """Show the image as a thumbnail."""
        return picture_of(poster, "poster-thumbnail") or "–"

    @admin.display(description=_("poster"))
    def picture(self, poster: Poster) -> SafeString | str:
        """Show the image in full."""
        return picture_of(poster, "poster-picture") or "–"

    @admin.display(description=_("images"))
    def every_image(self, poster: Poster) -> SafeString | str:
        """Link to each image, with its size."""
        return list_of_images(poster)

    @admin.display(description=_("status"), ordering="status")
    def colored_status(self, poster: Poster) -> SafeString:
        """Show the status in its colour, and whether the image was erased or lacks an asset."""
        degraded = _(", degraded") if poster.degraded else ""
        return format_html("{}{}{}", colored(poster.status), degraded, _(", erased") if poster.is_erased else "")

    @admin.display(description=_("row"), ordering="entity_id")
    def owner(self, poster: Poster) -> SafeString | str:
        """Link to the row that the poster shows, where that has an admin page."""
        label, model = poster.owner_model.split(".")
        text = f"{model} {poster.entity_id}"
        try:
            return page_link(self.admin_site, f"{label}_{model}", quote(poster.entity_id), text)
        except NoReverseMatch:
            return text

    @admin.display(description=_("error"))
    def error(self, poster: Poster) -> str:
        """Show the error in one line."""
        return f"{poster.error_code}: {poster.error_message}"[:160] if poster.error_code else ""

    @admin.display(description=_("job"))
    def of_job(self, poster: Poster) -> SafeString:
        """Link to the job of the poster."""
        return page_link(self.admin_site, "posters_job", poster.job_id, poster.job_id)

    @admin.display(description=_("address"))
    def address(self, poster: Poster) -> SafeString | str:
        """Link to the picture."""
        return format_html('<a href="{}">{}</a>', poster.url, poster.stored_url) if poster.url else "–"

    @admin.display(description=_("picture of"))
    def earlier(self, poster: Poster) -> SafeString | str:
        """Link to the earlier poster of the row whose picture is shown meanwhile."""
        if poster.picture_of is None:
            return "–"
        return page_link(self.admin_site, "posters_poster", poster.picture_of, poster.picture_of)

    @admin.display(description="Redpanda Console")
    def records(self, poster: Poster) -> SafeString | str:
        """Link to the request and the outcome in Redpanda Console: to the record where it is known, else by the key."""
        if not get_settings().console_url:
            return "–"
        position = poster.job.request_position(poster.poster_index)
        request = (
            record_link(POSTER_REQUESTS, *position, gettext("request"))
            if position is not None
            else console_link(POSTER_REQUESTS, poster.job_id, poster.requested_at, gettext("request"))
        )
        return format_html("{} · {}", request, self._outcome(poster))

    def _outcome(self, poster: Poster) -> SafeString | str:
        if poster.outcome_partition is not None and poster.outcome_offset is not None:
            return record_link(POSTER_COMPLETIONS, poster.outcome_partition, poster.outcome_offset, gettext("outcome"))
        ended = poster.finished_at or poster.requested_at
        return console_link(POSTER_COMPLETIONS, poster.job_id, ended, gettext("outcome"))

    @admin.action(description=_("Ask again for selected posters"), permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Poster]) -> None:
        """Request new posters for the rows of failed and cancelled posters."""
        requested = 0
        for poster in queryset:
            if poster.status not in RETRIED:
                continue
            try:
                retry_poster(poster)
            except RequestError as error:
                self.message_user(request, f"{poster}: {error}", messages.ERROR)
            else:
                requested += 1
        text = ngettext(
            "%(count)d poster is asked for again; only failed and cancelled ones are.",
            "%(count)d posters are asked for again; only failed and cancelled ones are.",
            requested,
        )
        self.message_user(request, text % {"count": requested})

    @admin.action(description=_("Erase the pictures of selected posters"), permissions=["erase"])
    def erase(self, request: HttpRequest, queryset: QuerySet[Poster]) -> HttpResponse | None:
        """Ask for confirmation, then request the deletion of the images and the data they were rendered from."""
        if not request.POST.get("sure"):
            context = self.admin_site.each_context(request) | {
                "title": gettext("Erase pictures"),
                "opts": self.opts,
                "posters": queryset,
                "media": self.media,
                "action": "erase",
                "checkbox": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "admin/posters/erase.html", context)
        count = sum(erase_poster(poster) for poster in queryset)
        text = ngettext(
            "%(count)d poster is to be erased; the workers delete its pictures.",
            "%(count)d posters are to be erased; the workers delete their pictures.",
            count,
        )
        self.message_user(request, text % {"count": count})
        return None
