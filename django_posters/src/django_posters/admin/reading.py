"""Pages to look at: nobody but the commands writes these rows."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from django_posters.conf import get_settings

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

_CLOCKS_DIFFER_MS: Final = 1_000
"""How far the broker's clock may be behind the site's."""

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


def console_link(topic: str, key: str, since: datetime, text: str) -> SafeString | str:
    """Return a link to the records of a key from a time on in Redpanda Console, empty where no console is set."""
    console = get_settings().console_url
    if not console:
        return ""
    # So Console 3.6 to 3.10 read their address; 3.5 has no `t`.
    # Console loads so many records of all partitions (-1) from the offset on, where -4 means the time; only among those
    # it looks for the text.
    search = {"p": -1, "s": 500, "o": -4, "t": int(since.timestamp() * 1000) - _CLOCKS_DIFFER_MS, "q": key}
    return format_html('<a href="{}/topics/{}?{}#messages">{}</a>', console, topic, urlencode(search), text)
