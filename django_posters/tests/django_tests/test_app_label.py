"""The app label `posters`: a site's own app that has it too."""

import subprocess
import sys
from pathlib import Path

import pytest

SITE = """
import sys
from django.conf import settings

settings.configure(
    INSTALLED_APPS=sys.argv[1:],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    POSTERS={"SITE": "shop", "BACKEND": "placeholder"},
    DEBUG=True,
    USE_TZ=True,
)
import django
django.setup()
from django.core.management import call_command
call_command("check")
"""
CONFIG = """
from django.apps import AppConfig


class OtherConfig(AppConfig):
    name = "{name}"
    label = "{label}"
"""


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize(
    ("name", "label", "clashes"),
    [
        pytest.param("shop.posters", None, True, id="by its name"),
        pytest.param("shop.pictures", "posters", True, id="by its label"),
        pytest.param("shop.posters", "shop_posters", False, id="another label"),
    ],
)
def test_clash_of_labels_says_what_to_do(
    name: str, label: str | None, clashes: bool, order: str, tmp_path: Path
) -> None:
    """A site with an app of our label does not start, in either order of apps, and the error names app and remedy."""
    app = tmp_path.joinpath(*name.split("."))
    app.mkdir(parents=True)
    for folder in (app, app.parent):
        (folder / "__init__.py").touch()
    if label is not None:
        (app / "apps.py").write_text(CONFIG.format(name=name, label=label), encoding="utf-8")
    apps = [name, "django_posters"] if order == "before" else ["django_posters", name]

    done = subprocess.run(
        [sys.executable, "-c", SITE, "django.contrib.contenttypes", *apps],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode != 0) is clashes, done.stderr
    assert (f"posters.E002: the app '{name}' has the label 'posters'" in done.stderr) is clashes
