"""Read-only admin base class and shared display functions. Only requests and commands write these rows."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString

from django_posters.conf import get_settings
from django_posters.contract.topics import POSTER_REQUESTS
from django_posters.labels import STATUSES

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

Text = str | Promise
"""A text, or one that is translated when it is shown."""

_CLOCK_SKEW_MS: Final = 1_000
"""Tolerance in milliseconds for a broker whose clock is behind the site's."""

_RECORDS: Final = 200
"""How many records a page of Console loads: with their bodies, and requests may have megabytes."""


class ReadOnlyAdmin(ModelAdmin):
    """Admin of rows that cannot be added or changed. Users with the permission can delete them, where that is offered.

    It is not offered where a row stands for more than itself: a poster without its row leaves its pictures behind.
    """

    may_delete = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Deny it for everybody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deny it for everybody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deny it, or decide by Django's permission where deleting is offered."""
        return self.may_delete and super().has_delete_permission(request, obj)

    def page_actions(self, request: HttpRequest, row: Any) -> list[tuple[str, Text]]:
        """Return the actions of the list that the page of this row offers: their names and the texts of the buttons."""
        return []

    def page_links(self, request: HttpRequest, row: Any) -> list[tuple[str, Text]]:
        """Return the links of the page of this row: their addresses and texts."""
        return []

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the actions of the row on its page."""
        row = kwargs.get("obj")
        context["page_actions"] = self.page_actions(request, row) if row is not None else []
        context["page_links"] = self.page_links(request, row) if row is not None else []
        context["checkbox"] = ACTION_CHECKBOX_NAME
        return super().render_change_form(request, context, *args, **kwargs)


def colored(status: str) -> SafeString:
    """Return a status in its colour, readable in the light and the dark theme."""
    # By a class of admin.css: a Content Security Policy may refuse styles within the page.
    return format_html('<b class="poster-status poster-is-{}">{}</b>', status, STATUSES[status])


def page_link(site: AdminSite, model: str, key: object, text: object) -> SafeString:
    """Return a link to the page of a row; `model` as in `posters_job`. Raises NoReverseMatch where it has none."""
    return format_html('<a href="{}">{}</a>', reverse(f"{site.name}:{model}_change", args=[key]), text)


def console_link(topic: str, key: str, since: datetime, text: str) -> SafeString | str:
    """Return a link to the records of a key since a time in Redpanda Console; empty where `CONSOLE_URL` is not set."""
    if not get_settings().console_url:
        return ""
    # The parameters of Console 3.6 to 3.10; 3.5 has no `t`. Console loads `s` records of all partitions (`p=-1`) from
    # offset `o` on, where -4 stands for the time `t`, and searches the text `q` among those records only. Its newer
    # page filters by the exact key (`f`); the older one ignores that.
    time = int(since.timestamp() * 1000) - _CLOCK_SKEW_MS
    search = {"p": -1, "s": _RECORDS, "o": -4, "t": time, "q": key, "f": f"key={key}"}
    return _link(topic, search, text)


def record_link(topic: str, partition: int, offset: int, text: str) -> SafeString | str:
    """Return a link to one record in Redpanda Console; the text alone where `CONSOLE_URL` is not set."""
    if not get_settings().console_url:
        return text
    return _link(topic, {"p": partition, "s": 1, "o": offset}, text)


def _link(topic: str, search: Mapping[str, object], text: str) -> SafeString:
    settings = get_settings()
    # Requests may have a topic of the site's own; all others are read where every site reads them.
    name = settings.written_topic(topic) if topic == POSTER_REQUESTS else settings.topic(topic)
    address = f"{settings.console_url}/topics/{name}?{urlencode(search)}#messages"
    return format_html('<a href="{}">{}</a>', address, text)
