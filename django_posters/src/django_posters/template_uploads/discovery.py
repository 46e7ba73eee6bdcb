"""Template files of the installed apps: `posters/<section>.html` in each app's directory, beside its `models.py`.

A file `posters/<section>.json` beside it holds what the HTML does not say: the options of an upload.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import msgspec
from django.apps import apps

from django_posters.errors import RequestError

from .upload import Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadOptions:
    """What the JSON file may hold; the fields are those of an upload."""

    name: str | None = None
    width: int | None = None
    height: int | None = None
    output: dict[str, Any] | None = None
    javascript: bool = False
    placeholders: list[Any] | None = None
    shared: bool | None = None
    private: bool | None = None


def find_templates() -> dict[str, Path]:
    """Return the file of each section. Where two apps have the same section, the app installed first wins."""
    found: dict[str, Path] = {}
    for app in apps.get_app_configs():
        for path in sorted((Path(app.path) / "posters").glob("*.html")):
            found.setdefault(path.stem, path)
    return found


def options_without_template() -> list[Path]:
    """Return the files of options that no template has, such as one whose name has a slip of the pen."""
    return [
        path
        for app in apps.get_app_configs()
        for path in sorted((Path(app.path) / "posters").glob("*.json"))
        if not path.with_suffix(".html").exists()
    ]


def places_searched() -> str:
    """Return a sentence with the place that is searched, and with files where Django's own templates are."""
    elsewhere = [
        str(path)
        for app in apps.get_app_configs()
        for path in sorted((Path(app.path) / "templates" / "posters").glob("*.html"))
    ]
    hint = f"; {', '.join(elsewhere)} is not there, but among Django's own templates" if elsewhere else ""
    return f"templates are read from posters/<section>.html beside the models.py of an installed app{hint}"


def read_template(path: Path) -> str:
    """Return the HTML of a file. Raises RequestError."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RequestError(f"{path} cannot be read: it is not UTF-8 text; {error}") from error


def read_upload(
    section: str, path: Path, *, set_as_active: bool, shared: bool | None = None, private: bool | None = None
) -> Upload:
    """Return the upload of a file and of the JSON beside it, which decides before `shared` and `private`.

    Raises RequestError.
    """
    options = asdict(_read_options(path.with_suffix(".json")))
    options["name"] = options["name"] or section
    for name, value in (("shared", shared), ("private", private)):
        options[name] = value if options[name] is None else options[name]
    return Upload(section=section, html=read_template(path), set_as_active=set_as_active, **options)


def _read_options(path: Path) -> UploadOptions:
    if not path.exists():
        return UploadOptions()
    try:
        given = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        unknown = given.keys() - {field.name for field in fields(UploadOptions)}
        if unknown:
            raise RequestError(
                f"{path} has {', '.join(sorted(unknown))}, but only "
                f"{', '.join(field.name for field in fields(UploadOptions))} can be set"
            )
        return msgspec.convert(given, UploadOptions)
    except (OSError, msgspec.DecodeError) as error:  # a ValidationError is a DecodeError
        raise RequestError(f"{path} cannot be read: {error}") from error
