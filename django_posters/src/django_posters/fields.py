"""PosterField: the foreign key from a row of the site to its newest poster.

Migrations of sites name `django_posters.fields.PosterField`: this path must not change.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.core.checks import CheckMessage, Error
from django.db import models, router
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute, ForwardManyToOneDescriptor
from django.utils.module_loading import import_string

from .contract.references import is_section
from .durations import as_duration

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable

    from .models import Poster

    _ForeignKey = models.ForeignKey[Poster | Combinable | None, Poster | None]
    _Descriptor = ForwardManyToOneDescriptor[models.ForeignKey[Any, Any]]
else:
    _ForeignKey = models.ForeignKey
    _Descriptor = ForwardManyToOneDescriptor

DataSource = Callable[[Any], Mapping[str, Any]] | str
TextSource = Callable[[Any], object] | str

_FIXED: Final = ("to", "on_delete", "null", "blank", "editable", "related_name")


class _AssignedLink(_Descriptor):
    """Notes that a site assigned a poster to a row by hand, so that `save()` writes it."""

    def __set__(self, instance: Any, value: Any) -> None:
        super().__set__(instance, value)
        _note_assigned(instance, _assigned(instance) | {self.field.attname})


class _Link(ForeignKeyDeferredAttribute):
    """Forgets what was assigned by hand when the column is read again, as `refresh_from_db()` does."""

    def __set__(self, instance: Any, value: Any) -> None:
        super().__set__(instance, value)
        if assigned := _assigned(instance):
            _note_assigned(instance, assigned - {self.field.attname})


class _Unchanged:
    """The SQL of a column as it is, which `save()` writes into it.

    No expression of Django: from 6.0 on Django reads such a column anew, or defers it where the server cannot return
    it (MariaDB), so that the next access would be a query and the next `save()` one with `update_fields`.
    """

    def __init__(self, column: str) -> None:
        self._column = column

    def as_sql(self, _compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        return connection.ops.quote_name(self._column), []


def _assigned(instance: models.Model) -> frozenset[str]:
    return getattr(instance._state, "posters_assigned", frozenset())


def _note_assigned(instance: Any, names: frozenset[str]) -> None:
    instance._state.posters_assigned = names


class PosterField(_ForeignKey):
    """A nullable foreign key to the newest poster of a row, filled by `request_poster()`.

    `section` selects the templates. `data` returns the values of the template as a dict: the name of a method of the
    model, the dotted path of a function that takes the row, or such a function. `alt` returns the alternative text of
    the picture, likewise; it may also name a field. `debounce`, a timedelta or seconds, is how long a request waits for
    later ones of its row. None of these is part of migrations.

    `save()` of a row leaves the link as it is in the database, where another process may have renewed it since the row
    was read. An assignment to the attribute is saved; one to the attribute with `_id` is not.
    """

    descriptor_class = _Link
    forward_related_accessor_class = _AssignedLink

    def __init__(
        self,
        section: str = "",
        *,
        data: DataSource = "",
        alt: TextSource = "",
        debounce: timedelta | float | None = None,
        **options: Any,
    ) -> None:
        self.section = section
        self.data = data
        self.alt = alt
        self.debounce = debounce
        self.refused = sorted(set(options) & (set(_FIXED) - {"to"}))
        options |= {
            "to": options.get("to", "posters.Poster"),
            "on_delete": models.SET_NULL,
            "null": True,
            "blank": True,
            "editable": False,
            "related_name": "+",
        }
        super().__init__(**options)

    def deconstruct(self) -> Any:
        """Leave out `section` and `data`: a new poster design needs no migration."""
        name, path, args, options = super().deconstruct()
        for option in _FIXED:
            options.pop(option, None)
        return name, path, args, options

    def check(self, **options: Any) -> list[CheckMessage]:
        """Report a section, data source or database that `request_poster()` cannot use."""
        return [
            *super().check(**options),
            *self._check_section(),
            *self._check_data(),
            *self._check_alt(),
            *self._check_debounce(),
            *self._check_options(),
            *self._check_route(),
        ]

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return what `save()` writes: the link as it is in the database, unless the site assigned another one."""
        if not add and self.attname not in _assigned(model_instance):
            return _Unchanged(self.column)
        _note_assigned(model_instance, _assigned(model_instance) - {self.attname})
        return super().pre_save(model_instance, add)

    def link(self, instance: models.Model, poster: "Poster | None") -> None:
        """Set the attribute of a row whose link in the database was updated: a later `save()` does not write it."""
        # Not by the attribute: with a row that was read from a replica, a router may refuse to relate the two.
        setattr(instance, self.attname, None if poster is None else poster.pk)
        self.set_cached_value(instance, poster)

    def alternative_text(self, instance: models.Model) -> str:
        """Return the alternative text of this row's picture, from the `alt` of the field; "" where it has none."""
        if not self.alt:
            return ""
        if callable(self.alt):
            found = self.alt(instance)
        elif "." in self.alt:
            found = import_string(self.alt)(instance)
        else:
            found = getattr(instance, self.alt)
            found = found() if callable(found) else found
        return "" if found is None else str(found)

    def custom_data(self, instance: models.Model) -> object:
        """Return the template values of this row, unchecked, from the `data` of the field."""
        if callable(self.data):
            return self.data(instance)
        if "." in self.data:
            return import_string(self.data)(instance)
        return getattr(instance, self.data)()

    def _check_section(self) -> list[CheckMessage]:
        if is_section(self.section):
            return []
        return [
            Error(
                f"The section of a PosterField cannot be {self.section!r}.",
                hint="Use 1 to 63 of a-z, 0-9, '_' and '-', starting with a letter or digit, not ending in '_latest'.",
                obj=self,
                id="posters.E101",
            )
        ]

    def _check_data(self) -> list[CheckMessage]:
        if callable(self.data):
            return []
        problem = ""
        if not self.data:
            problem = "A PosterField needs `data`."
        elif "." in self.data:
            try:
                import_string(self.data)
            except ImportError as error:
                problem = f"The `data` of a PosterField, {self.data!r}, cannot be imported: {error}."
        elif not callable(getattr(self.model, self.data, None)):
            problem = f"{self.model.__name__} has no method {self.data!r}, which `data` of a PosterField names."
        if not problem:
            return []
        hint = "Give the name of a method, the dotted path of a function that takes the row, or the function."
        return [Error(problem, hint=hint, obj=self, id="posters.E102")]

    def _check_alt(self) -> list[CheckMessage]:
        if callable(self.alt) or not self.alt:
            return []
        problem = ""
        if "." in self.alt:
            try:
                import_string(self.alt)
            except ImportError as error:
                problem = f"The `alt` of a PosterField, {self.alt!r}, cannot be imported: {error}."
        elif not hasattr(self.model, self.alt):
            problem = f"{self.model.__name__} has no method or field {self.alt!r}, which `alt` of a PosterField names."
        hint = (
            "Give the name of a method or a field, the dotted path of a function that takes the row, or the function."
        )
        return [Error(problem, hint=hint, obj=self, id="posters.E105")] if problem else []

    def _check_debounce(self) -> list[CheckMessage]:
        try:
            as_duration(self.debounce)
        except ValueError as error:
            hint = "For example: debounce=timedelta(seconds=5)."
            return [Error(f"The `debounce` of a PosterField {error}.", hint=hint, obj=self, id="posters.E106")]
        return []

    def _check_options(self) -> list[CheckMessage]:
        if not self.refused:
            return []
        return [
            Error(
                f"A PosterField takes no {' and no '.join(f'`{name}`' for name in self.refused)}.",
                hint="Remove it. The link is nullable and is cleared with its poster; `poster.row` leads to the row.",
                obj=self,
                id="posters.E104",
            )
        ]

    def _check_route(self) -> list[CheckMessage]:
        if isinstance(self.remote_field.model, str):  # the app is not installed; Django itself reports that
            return []
        row_alias, poster_alias = router.db_for_write(self.model), router.db_for_write(self.remote_field.model)
        if row_alias == poster_alias:
            return []
        return [
            Error(
                f"Rows of {self.model.__name__} are written to {row_alias!r}, posters to {poster_alias!r}.",
                hint="Route both to one database, so that one transaction covers them.",
                obj=self,
                id="posters.E103",
            )
        ]
