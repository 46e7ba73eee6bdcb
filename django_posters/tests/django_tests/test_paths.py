"""Every import path that documents, the example and migrations of sites name stays importable."""

import re
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from django.utils.module_loading import import_string
from django_posters.models import DeadLetterEvent, SetAsideEvent

import django_posters
from django_posters import PosterField

ROOT = Path(__file__).parents[3]
SOURCES = [
    ROOT / "README.md",
    ROOT / "django_posters" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "example").rglob("*.py")),
]
PROMISED = {
    "django_posters.apps.PostersConfig",
    "django_posters.conf.get_settings",
    "django_posters.contract.codec.decode",
    "django_posters.errors.BrokerError",
    "django_posters.errors.PostersError",
    "django_posters.errors.PostersSettingsError",
    "django_posters.errors.RequestError",
    "django_posters.fields.PosterField",
    "django_posters.images.PosterImage",
    "django_posters.media.data_url",
    "django_posters.models.Job",
    "django_posters.models.OutboxEvent",
    "django_posters.models.Poster",
    "django_posters.models.PosterTemplate",
    "django_posters.models.SetAsideEvent",
    "django_posters.models.TemplateCommand",
    "django_posters.progress.Progress",
    "django_posters.progress.read_progress",
    "django_posters.pytest_plugin.posters",
    "django_posters.requests.arequest_poster",
    "django_posters.requests.request_poster",
    "django_posters.signals.job_finished",
    "django_posters.signals.poster_erased",
    "django_posters.signals.poster_finished",
    "django_posters.templatetags.posters.poster",
    "django_posters.templatetags.posters.poster_meta",
    "django_posters.testing.CapturedPoster",
    "django_posters.testing.CapturedPosters",
    "django_posters.testing.capture_posters",
    "django_posters.urls.urlpatterns",
}

_IMPORT = re.compile(r"^\s*from (django_posters[\w.]*) import (\([^)]+\)|[^\n#]+)", re.MULTILINE)
_DOTTED = re.compile(r"\bdjango_posters(?:\.\w+)+")


def named_paths() -> set[str]:
    """Return the dotted paths that the documents and the example name, those of `from` imports included."""
    found: set[str] = set()
    for source in SOURCES:
        text = source.read_text(encoding="utf-8")
        found |= set(_DOTTED.findall(text))
        for module, names in _IMPORT.findall(text):
            found |= {f"{module}.{name.split()[0]}" for name in names.strip("()").split(",") if name.strip()}
    return found


def test_documents_name_paths() -> None:
    """The search finds the paths of settings, imports and migrations, so that the next test has something to check."""
    assert {
        "django_posters.PosterField",
        "django_posters.fields.PosterField",
        "django_posters.models.Poster",
        "django_posters.poster_finished",
        "django_posters.request_posters",
        "django_posters.testing.capture_posters",
        "django_posters.urls",
    } <= named_paths()


@pytest.mark.parametrize("path", sorted(named_paths() | PROMISED))
def test_documented_path_is_importable(path: str) -> None:
    """A site that imports what is documented keeps working when modules move."""
    try:
        import_module(path)
    except ModuleNotFoundError:
        import_string(path)


@pytest.mark.parametrize("name", django_posters.__all__)
def test_public_name_is_there(name: str) -> None:
    """Every name in `__all__` can be imported, those that need the app registry included."""
    assert getattr(django_posters, name) is not None


def test_migrations_of_sites_name_a_stable_path() -> None:
    """A field with options writes the path, and nothing else of this package, that existing migrations have."""
    _, path, args, options = PosterField("testimonial", data=str, verbose_name="poster").deconstruct()

    assert (path, args, options) == ("django_posters.fields.PosterField", [], {"verbose_name": "poster"})


def test_former_name_of_dead_letters_is_the_same_model() -> None:
    """A site that queries SetAsideEvent reads the same table."""
    assert SetAsideEvent is DeadLetterEvent
    assert DeadLetterEvent._meta.db_table == "posters_setasideevent"


def test_pytest_plugin_is_registered() -> None:
    """pytest finds the fixture `posters` by its entry point."""
    [plugin] = [point for point in entry_points(group="pytest11") if point.name == "django_posters"]

    assert plugin.value == "django_posters.pytest_plugin"
