"""Template files of the installed apps: `posters/<section>.html` in each app's directory."""

from pathlib import Path

from django.apps import apps

from django_posters.errors import RequestError


def find_templates() -> dict[str, Path]:
    """Return the file of each section. Where two apps have the same section, the app installed first wins."""
    found: dict[str, Path] = {}
    for app in apps.get_app_configs():
        for path in sorted((Path(app.path) / "posters").glob("*.html")):
            found.setdefault(path.stem, path)
    return found


def read_template(path: Path) -> str:
    """Return the HTML of a file. Raises RequestError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} cannot be read: {error}") from error
