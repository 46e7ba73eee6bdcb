"""PosterField: the foreign key from a row of the site to its newest poster.

Migrations of sites name `django_posters.fields.PosterField`: this path must not change.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from django.core.checks import CheckMessage, Error
from django.db import models, router
from django.utils.module_loading import import_string

from .contract.references import is_section

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable

    from .models import Poster

    _ForeignKey = models.ForeignKey[Poster | Combinable | None, Poster | None]
else:
    _ForeignKey = models.ForeignKey

DataSource = Callable[[Any], Mapping[str, Any]] | str

_FIXED: Final = ("to", "on_delete", "null", "blank", "editable", "related_name")


class PosterField(_ForeignKey):
    """A nullable foreign key to the newest poster of a row, filled by `request_poster()`.

    `section` selects the templates. `data` returns the values of the template as a dict: the name of a method of the
    model, the dotted path of a function that takes the row, or such a function. Neither is part of migrations.
    """

    def __init__(self, section: str = "", *, data: DataSource = "", **options: Any) -> None:
        self.section = section
        self.data = data
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
            *self._check_route(),
        ]

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
