"""Templates that apps bring along, as `posters/<section>.html`."""

from pathlib import Path

from django.apps import apps

from .errors import RequestError


def find_templates() -> dict[str, Path]:
    """Return the file of each section; of two apps with the same section, the one installed first has its way."""
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
