"""The repository itself: packages, licence, scripts, and no name of the machine on which it was written."""

import importlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Put together, so that this file does not name them itself.
_REGISTRIES = [
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "repo.maven" + ".apache.org",
    "repo1.maven" + ".org",
    "proxy.golang" + ".org",
    "registry.npmjs" + ".org",
    "crates" + ".io",
    "deb.debian" + ".org",
    "security.debian" + ".org",
]
_MACHINE_PATHS = [r"/" + r"root/", r"/" + r"work/", r"/" + r"tmp/lab", r"/" + r"home/(?!posters\b)\w+"]


def tracked() -> list[Path]:
    """Return the files that git tracks, or would track if they were added."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def found(patterns: list[str]) -> list[str]:
    """Return `file:line` of every match in the text files of the repository."""
    pattern = re.compile("|".join(patterns).encode())
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if b"\0" not in (content := path.read_bytes())
        for number, line in enumerate(content.splitlines(), start=1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("package", ["agents", "migrations", "posters", "renderer", "schemas", "streams"])
def test_package_is_this_repository_s(package: str) -> None:
    """An installed package of the same name is not imported in place of ours."""
    module = importlib.import_module(package)

    assert {Path(path).resolve() for path in module.__path__} == {ROOT / package}


def test_django_s_contract_is_the_schemas() -> None:
    """The Django package imports the same contract under its own name, without a copy."""
    contract = importlib.import_module("django_posters.contract")

    assert Path(contract.__path__[0]).resolve() == ROOT / "schemas"


@pytest.mark.parametrize(
    ("distribution", "expression"),
    [(ROOT, "BSD-3-Clause"), (ROOT / "django_posters", "BSD-3-Clause AND MIT")],
    ids=["posterstream", "django-posters"],
)
def test_wheel_carries_the_licence(distribution: Path, expression: str, tmp_path: Path) -> None:
    """A wheel of each distribution holds the repository's licence and names it in its metadata."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=distribution, capture_output=True, check=True)
    [path] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        [licence] = [name for name in wheel.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
        [metadata] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        text, described = wheel.read(licence), wheel.read(metadata).decode()

    assert text == (ROOT / "LICENSE").read_bytes()
    assert f"\nLicense-Expression: {expression}\n" in described


def test_no_registry_is_named() -> None:
    """No file names a package registry: the clients' own configuration decides where packages come from."""
    assert found([re.escape(host) for host in _REGISTRIES]) == []


def test_no_path_of_a_machine_is_named() -> None:
    """No file depends on a path of one machine."""
    assert found(_MACHINE_PATHS) == []


def test_scripts_are_executable_and_parse() -> None:
    """Every script is executable and has no syntax error."""
    scripts = [*(ROOT / "scripts").glob("*.sh"), ROOT / ".ci" / "run"]

    assert scripts
    for script in scripts:
        assert script.stat().st_mode & 0o111, f"{script.name} is not executable"
        subprocess.run(["bash", "-n", script], check=True)


def test_makefile_lists_its_commands() -> None:
    """`make` without a target lists the commands."""
    make = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)

    listed = set(re.findall(r"^  make (\w+) ", make.stdout, re.MULTILINE))
    assert {"help", "install", "demo", "test", "lint", "lock", "bench", "clean"} <= listed
