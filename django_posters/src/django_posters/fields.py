"""The field that links a row to its poster."""

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

    `section` names the templates to choose from. `data` gives what the template shows, as a dict: the name of a method
    of the model, the dotted path of a function that takes the row, or such a function. Neither is part of migrations.
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
        """Return what a migration has to say: nothing that changes with the design of a poster."""
        name, path, args, options = super().deconstruct()
        for option in _FIXED:
            options.pop(option, None)
        return name, path, args, options

    def check(self, **options: Any) -> list[CheckMessage]:
        """Report a section or data source that `request_poster()` could not use."""
        return [
            *super().check(**options),
            *self._check_section(),
            *self._check_data(),
            *self._check_route(),
        ]

    def custom_data(self, instance: models.Model) -> object:
        """Return what the template shows of this row, as its author's code gives it."""
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
        if isinstance(self.remote_field.model, str):  # the app is not installed, which Django itself reports
            return []
        of_rows, of_posters = router.db_for_write(self.model), router.db_for_write(self.remote_field.model)
        if of_rows == of_posters:
            return []
        return [
            Error(
                f"Rows of {self.model.__name__} are written to {of_rows!r}, posters to {of_posters!r}.",
                hint="Route both to one database, so that one transaction holds them.",
                obj=self,
                id="posters.E103",
            )
        ]
