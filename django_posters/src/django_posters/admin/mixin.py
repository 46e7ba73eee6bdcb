"""A mixin for the site's own ModelAdmin of a model with a PosterField: thumbnails, and "Ask again"."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.db import models
from django.db.models import QuerySet
from django.forms import Media
from django.http import HttpRequest
from django.urls import NoReverseMatch
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from django_posters.errors import RequestError
from django_posters.models import Poster
from django_posters.requests import request_poster
from django_posters.requests.rows import find_field

from .pictures import picture_of
from .read_only import colored, page_link

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = object


class PosterAdminMixin(ModelAdmin):
    """Put it before `ModelAdmin`, `poster_thumbnail` into `list_display`, and `poster_picture` into `readonly_fields`.

    `poster_field` names the PosterField where the model has several. The action needs the permission to change the
    rows. One query reads the posters of a list.
    """

    poster_field: str | None = None

    @property
    def media(self) -> Media:
        """Add the styles of thumbnails."""
        return super().media + Media(css={"all": ["posters/admin.css"]})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read the posters of the list by one query."""
        # With select_related() here Django would not join what `list_display` or `list_select_related` asks for.
        return super().get_queryset(request).prefetch_related(self._poster_field_name())

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        """Add "Ask again" to the actions of the list, for those who may change the rows. Popups have no actions.

        `action_location` is an argument of Django 6.1: whether the actions are those of the list or of a row's page.
        """
        location = {} if action_location is None else {"action_location": action_location}
        actions: dict[str, Any] = super().get_actions(request, **location)
        if self.actions is not None and IS_POPUP_VAR not in request.GET and self.has_change_permission(request):
            action = self.get_action(ask_for_posters_again, **location)
            if action is not None:
                actions[ask_for_posters_again.__name__] = action
        return actions

    @admin.display(description=_("poster"))
    def poster_thumbnail(self, row: models.Model) -> SafeString | str:
        """Show the last good picture, and the status of a newer request that has none yet."""
        poster = self._poster_of(row)
        return _with_status(poster, "poster-thumbnail") if poster is not None else "–"

    @admin.display(description=_("poster"))
    def poster_picture(self, row: models.Model) -> SafeString | str:
        """Show the last good picture in full, why a newer request failed, and a link to the poster's own page."""
        poster = self._poster_of(row)
        if poster is None:
            return "–"
        shown = _with_status(poster, "poster-picture")
        if poster.error_code:
            shown = format_html("{}<br>{}: {}", shown, poster.error_code, poster.error_message)
        try:
            link = page_link(self.admin_site, "posters_poster", poster.pk, _("Everything about this poster"))
        except NoReverseMatch:  # an admin site of one's own may leave the pages of posters out
            return shown
        return format_html("{}<br>{}", shown, link)

    def ask_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Request a new poster for each row, even if nothing changed."""
        requested = 0
        for row in queryset:
            try:
                request_poster(row, field=self._poster_field_name(), reuse=False)
            except RequestError as error:
                self.message_user(request, f"{row}: {error}", messages.ERROR)
            else:
                requested += 1
        text = ngettext("%(count)d poster is asked for.", "%(count)d posters are asked for.", requested)
        self.message_user(request, text % {"count": requested})

    def _poster_of(self, row: models.Model) -> Poster | None:
        # The page of a new row has an instance that is not saved.
        poster: Poster | None = getattr(row, self._poster_field_name(), None)
        return poster

    def _poster_field_name(self) -> str:
        return find_field(self.model, self.poster_field).name


def _with_status(poster: Poster, css_class: str) -> SafeString | str:
    picture = picture_of(poster, css_class)
    if picture and poster.status == Poster.Status.COMPLETED:
        return picture
    return format_html("{} {}", picture, colored(poster.status))


@admin.action(description=_("Ask again for the posters of selected rows"))
def ask_for_posters_again(model_admin: PosterAdminMixin, request: HttpRequest, queryset: QuerySet[Any]) -> None:
    """Request new posters for the rows; the function has the name of the action."""
    model_admin.ask_again(request, queryset)
