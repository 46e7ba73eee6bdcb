"""Filters of lists in the admin."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.admin import AllValuesFieldListFilter
from django.contrib.admin.views.main import ChangeList
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from django_posters.labels import COMMANDS

if TYPE_CHECKING:
    _Choice = dict[str, Any]


class NamedEmptyFilter(AllValuesFieldListFilter):
    """All values of a text column. The empty one has a name: Django would show nothing, which nobody can click."""

    empty: ClassVar[Promise | str] = "–"

    def choices(self, changelist: ChangeList) -> "Iterator[_Choice]":  # type: ignore[override]
        """Name the empty value, which may have its count behind it."""
        for choice in super().choices(changelist):
            text = str(choice["display"])
            yield {**choice, "display": f"{self.empty}{text}" if text[:1] in ("", " ") else choice["display"]}


class KindFilter(NamedEmptyFilter):
    """The kinds of template commands, by the names that the list has for them."""

    def choices(self, changelist: ChangeList) -> "Iterator[_Choice]":  # type: ignore[override]
        """Name the kinds, which may have their counts behind them."""
        for choice in super().choices(changelist):
            kind, space, count = str(choice["display"]).partition(" ")
            yield {**choice, "display": f"{COMMANDS[kind]}{space}{count}" if kind in COMMANDS else choice["display"]}


class OwnerFilter(NamedEmptyFilter):
    """The owners of sections."""

    empty = _("no site")


class ErrorFilter(NamedEmptyFilter):
    """The error codes of posters."""

    empty = _("no error")
