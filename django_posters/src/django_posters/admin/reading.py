"""Pages to look at: nobody but the commands writes these rows."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from django_posters.conf import get_settings

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

COLORS = {
    "queued": "var(--body-quiet-color)",
    "processing": "var(--link-fg)",
    "completed": "light-dark(#0b6b2c, #63d48a)",
    "failed": "light-dark(#b3261e, #ff8a80)",
    "cancelled": "light-dark(#8a5a00, #ffc266)",
}


class ReadOnlyAdmin(ModelAdmin):
    """Rows can be seen, and deleted by those who may; not added or changed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Say no."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say no."""
        return False


def colored(status: str) -> SafeString:
    """Return a status in its colour, legible in the light and the dark theme."""
    # Django's themes say by an attribute which of the two colours it is.
    return format_html('<b class="poster-status" style="color: {}">{}</b>', COLORS[status], status)


def console_link(topic: str, key: str, text: str) -> SafeString | str:
    """Return a link to the records of a key in Redpanda Console, empty where no console is set."""
    console = get_settings().console_url
    if not console:
        return ""
    return format_html(
        '<a href="{}/topics/{}?p=-1&amp;s=50&amp;o=-2&amp;q={}#messages">{}</a>', console, topic, key, text
    )
