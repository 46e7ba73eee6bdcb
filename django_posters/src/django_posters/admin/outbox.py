"""Admin of the outbox and of dead letters."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Min
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_posters.models import DeadLetterEvent, OutboxEvent

from .read_only import ReadOnlyAdmin, record_link


def shown_bytes(value: Any) -> SafeString | str:
    """Return the first 20,000 characters of an event as text; invalid UTF-8 is replaced."""
    if value is None:
        return "–"
    return format_html('<pre class="poster-event">{}</pre>', bytes(value).decode("utf-8", "replace")[:20_000])


@admin.register(OutboxEvent)
class OutboxAdmin(ReadOnlyAdmin):
    """Committed events that are not yet published. An old event means that no relay is running."""

    may_delete = True
    list_display = ("id", "topic", "key", "age", "refused")
    list_filter = ("topic",)
    search_fields = ("key", "event_id")
    ordering = ("id",)
    fields = ("event_id", "topic", "key", "headers", "created_at", "refused", "content")
    readonly_fields = ("content",)

    class Media:
        """Styles."""

        css: ClassVar = {"all": ["posters/admin.css"]}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the age of the oldest event in the title."""
        answer = super().changelist_view(request, extra_context)
        if isinstance(answer, TemplateResponse) and answer.context_data is not None:
            answer.context_data["title"] = self._title()
        return answer

    @admin.display(description=_("age"), ordering="created_at")
    def age(self, event: OutboxEvent) -> str:
        """Show the time since the event was written."""
        return timesince(event.created_at)

    @admin.display(description=_("event"))
    def content(self, event: OutboxEvent) -> SafeString | str:
        """Show the body of the event."""
        return shown_bytes(event.value)

    def _title(self) -> str:
        oldest = OutboxEvent.objects.filter(refused="").aggregate(at=Min("created_at"))["at"]
        if oldest is None:
            return gettext("Nothing waits to be published")
        waits = timesince(oldest)
        late = (timezone.now() - oldest).total_seconds() > 60
        if late:
            return gettext("The oldest event waits for %(time)s: is `manage.py relay_posters` running?") % {
                "time": waits
            }
        return gettext("The oldest event waits for %(time)s") % {"time": waits}


@admin.register(DeadLetterEvent)
class DeadLetterAdmin(ReadOnlyAdmin):
    """Kafka records that could not be applied."""

    may_delete = True
    list_display = ("topic", "partition", "offset", "error", "seen_at")
    ordering = ("-id",)
    list_filter = ("topic", "seen_at")
    fields = ("topic", "partition", "offset", "place", "error", "seen_at", "content")
    readonly_fields = ("place", "content")

    class Media:
        """Styles."""

        css: ClassVar = {"all": ["posters/admin.css"]}

    @admin.display(description=_("on the topic"))
    def place(self, event: DeadLetterEvent) -> SafeString | str:
        """Link to the record in Redpanda Console, by its partition and offset."""
        return record_link(event.topic, event.partition, event.offset, str(event))

    @admin.display(description=_("record"))
    def content(self, event: DeadLetterEvent) -> SafeString | str:
        """Show the value of the record."""
        return shown_bytes(event.value)
