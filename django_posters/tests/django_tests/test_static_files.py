"""Static files of the package, as storages with a manifest serve them."""

import json
import re
from pathlib import Path

from django.core.management import call_command
from django.test import override_settings

HASHED = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"


def test_no_file_needs_the_former_name_of_another(tmp_path: Path) -> None:
    """Every file is collected under a name with a hash, and none asks for another one by its name without.

    A proxy may keep a file of that name forever, and some storages delete it.
    """
    storages = {"default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}, "staticfiles": {"BACKEND": HASHED}}
    with override_settings(STORAGES=storages, STATIC_ROOT=tmp_path, DEBUG=False):
        call_command("collectstatic", interactive=False, verbosity=0)

    paths = json.loads((tmp_path / "staticfiles.json").read_text())["paths"]
    ours = {name: hashed for name, hashed in paths.items() if name.startswith("posters/")}
    assert {"posters/admin.css", "posters/admin_templates.js", "posters/code_editor.js"} <= ours.keys()
    for name, hashed in ours.items():
        text = (tmp_path / hashed).read_text(encoding="utf-8") if name.endswith((".js", ".css")) else ""
        assert name == "posters/codemirror/LICENSE" or hashed != name
        assert not re.search(r"""^\s*(?:import|export)\b[^;]*["']\.{0,2}/""", text, re.MULTILINE), name
