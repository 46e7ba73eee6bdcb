"""What a site installs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
CONTRACT = Path(__file__).parents[3] / "schemas"

USE_IT = """
import sys
from pathlib import Path
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django_posters"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    POSTERS={"BOOTSTRAP_SERVERS": "localhost:9092", "SITE": "shop"},
)
import django
django.setup()
from django.core.management import call_command
call_command("check")
call_command("migrate", verbosity=0)
import django_posters
from django_posters import request_poster
from django_posters.contract import codec
from django_posters.models import Poster
assert Poster.objects.count() == 0
for name in ("faust", "playwright", "schemas", "streams", "agents"):
    assert name not in sys.modules, name
for module in (django_posters, codec):
    assert Path(module.__file__).is_relative_to(sys.argv[1]), module.__file__
"""


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    _build(PROJECT, folder, "sdist")
    (folder / "source").mkdir()
    # Debian 12's Python is older than the filters of tarfile.
    subprocess.run(["tar", "-xzf", next(folder.glob("*.tar.gz")), "-C", folder / "source"], check=True)
    _build(next((folder / "source").iterdir()), folder, "wheel")
    return folder


def _build(project: Path, folder: Path, target: str) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_wheel_holds_the_contract_as_files(distributions: Path) -> None:
    """Every module of the contract is in the wheel byte for byte, with types, migrations and commands."""
    with zipfile.ZipFile(next(distributions.glob("*.whl"))) as wheel:
        names = wheel.namelist()
        packed = {path.name: wheel.read(f"django_posters/contract/{path.name}") for path in CONTRACT.glob("*.py")}

    assert packed == {path.name: path.read_bytes() for path in CONTRACT.glob("*.py")}
    assert {"py.typed", "migrations/0001_initial.py", "management/commands/relay_posters.py"} <= {
        name.removeprefix("django_posters/") for name in names
    }
    assert not [
        name for name in names if name.split("/")[0] not in ("django_posters", "django_posters-0.1.0.dist-info")
    ]


def test_wheel_works_without_the_workers(distributions: Path, tmp_path: Path) -> None:
    """Unpacked, with nothing of this repository on the path, the app is checked, migrated and imported."""
    with zipfile.ZipFile(next(distributions.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path)

    done = subprocess.run(
        [sys.executable, "-c", USE_IT, str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
