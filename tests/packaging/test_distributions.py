"""What is released: both distributions, built, checked as an index checks them, and installed; and the workflow."""

import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from tests.packaging.clean_environment import ROOT, build_distribution, make_environment

PROJECTS = {"posterstream": ROOT, "django-posters": ROOT / "django_posters"}
WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"

IMPORT_ALL = """
import importlib, pathlib, pkgutil, sys
for name in ("schemas", "streams", "renderer", "agents", "posters"):
    package = importlib.import_module(name)
    assert pathlib.Path(package.__file__).is_relative_to(sys.argv[1]), package.__file__
    for found in pkgutil.walk_packages(package.__path__, f"{name}."):
        # The demo has parts of its own, and spans need the extra `otel`.
        if not found.name.endswith(("__main__", ".opentelemetry_spans")) and not found.name.startswith("posters.demo"):
            importlib.import_module(found.name)
import migrations
assert list(pathlib.Path(list(migrations.__path__)[0]).glob("0001_*.sql"))
"""


def project(name: str) -> dict[str, Any]:
    """Return the metadata of a distribution."""
    found: dict[str, Any] = tomllib.loads((PROJECTS[name] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


@pytest.fixture(scope="module")
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel of a distribution."""
    folder = tmp_path_factory.mktemp(request.param)
    build_distribution(PROJECTS[request.param], folder)
    return folder


@pytest.mark.parametrize("built", PROJECTS, indirect=True)
def test_distribution_passes_the_check_of_an_index(built: Path) -> None:
    """`twine check --strict` accepts the sdist and the wheel: their metadata, and the README as their description."""
    files = [*built.glob("*.tar.gz"), *built.glob("*.whl")]
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *files], capture_output=True, text=True, check=False
    )

    assert len(files) == 2
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("built", "expression", "licences"),
    [
        ("posterstream", "BSD-3-Clause", {"LICENSE": "BSD 3-Clause License"}),
        (
            "django-posters",
            "BSD-3-Clause AND MIT",
            {
                "LICENSE": "BSD 3-Clause License",
                "src/django_posters/static/posters/codemirror/LICENSE": "MIT License",
            },
        ),
    ],
    indirect=["built"],
)
def test_wheel_has_the_licences_of_all_it_holds(built: Path, expression: str, licences: dict[str, str]) -> None:
    """The metadata names each licence and its file, and the files are in the wheel, that of the vendored editor too."""
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        [folder] = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        metadata = message_from_bytes(archive.read(f"{folder}/METADATA"))
        first_lines = {
            file: archive.read(f"{folder}/licenses/{file}").decode().splitlines()[0]
            for file in metadata.get_all("License-File", [])
        }

    assert metadata["License-Expression"] == expression
    assert first_lines == licences


@pytest.mark.parametrize("built", ["posterstream"], indirect=True)
def test_workers_run_in_a_clean_environment(built: Path, tmp_path: Path) -> None:
    """With its wheel, what that depends on and nothing else, every module is imported and the command starts."""
    [wheel] = built.glob("*.whl")
    required = {
        requirement.name
        for requirement in map(Requirement, project("posterstream")["dependencies"])
        if requirement.marker is None or requirement.marker.evaluate()
    }
    python = make_environment(tmp_path / "clean", wheel, required)

    imported = subprocess.run(
        [python, "-I", "-c", IMPORT_ALL, str(python.parents[1])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    command = subprocess.run(
        [python.with_name("posters"), "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert imported.returncode == 0, imported.stderr
    assert command.returncode == 0, command.stderr
    assert "worker" in command.stdout


def test_both_have_the_same_addresses_and_version() -> None:
    """The addresses are those of the repository's pyproject.toml, and both distributions are released together."""
    workers, site = project("posterstream"), project("django-posters")

    assert site["urls"] == workers["urls"]
    assert site["version"] == workers["version"]
    assert set(workers["urls"]) == {"Homepage", "Documentation", "Source", "Issues", "Changelog"}


def test_classifiers_name_what_is_supported() -> None:
    """An index finds both by the Pythons and Djangos they support; the licence is an expression and no classifier."""
    site = project("django-posters")["classifiers"]

    assert {f"Framework :: Django :: {version}" for version in ("5.2", "6.0", "6.1")} <= set(site)
    for name in PROJECTS:
        classifiers = project(name)["classifiers"]
        assert {f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13)} <= set(classifiers)
        assert not [each for each in classifiers if each.startswith("License ::")]


def test_release_workflow_publishes_what_was_checked() -> None:
    """A tag builds and checks both distributions; a job of its own publishes them, without a stored password."""
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    steps = "\n".join(step.get("run", "") for step in build["steps"])

    assert workflow["permissions"] == {}
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 reads `on` as true
    assert "hatchling build" in steps
    assert "twine check --strict" in steps
    assert build["permissions"] == {"contents": "read"}
    assert publish["needs"] == "build"
    assert publish["permissions"] == {"id-token": "write"}
    assert "secrets." not in WORKFLOW.read_text(encoding="utf-8")
