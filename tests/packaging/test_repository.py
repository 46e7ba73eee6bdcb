"""What is imported is what is here, and nothing here names the machine it was made on."""

import importlib
import re
import subprocess
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
    """Return the files that git keeps, or would keep if they were added."""
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


@pytest.mark.parametrize("package", ["agents", "migrations", "posters", "schemas", "streams"])
def test_package_is_this_repository_s(package: str) -> None:
    """No package of the same name that happens to be installed is taken for ours."""
    module = importlib.import_module(package)

    assert {Path(path).resolve() for path in module.__path__} == {ROOT / package}


def test_django_s_contract_is_the_schemas() -> None:
    """The Django side reads the same contract under a name of its own, without a copy."""
    contract = importlib.import_module("django_posters.contract")

    assert Path(contract.__path__[0]).resolve() == ROOT / "schemas"


def test_no_registry_is_named() -> None:
    """Packages come from where the machine's own clients are set up to get them."""
    assert found([re.escape(host) for host in _REGISTRIES]) == []


def test_no_path_of_a_machine_is_named() -> None:
    """Nothing works on one machine only."""
    assert found(_MACHINE_PATHS) == []


def test_scripts_are_executable_and_parse() -> None:
    """Every script can be called as it is."""
    scripts = [*(ROOT / "scripts").glob("*.sh"), ROOT / ".ci" / "run"]

    assert scripts
    for script in scripts:
        assert script.stat().st_mode & 0o111, f"{script.name} is not executable"
        subprocess.run(["bash", "-n", script], check=True)


def test_makefile_lists_its_commands() -> None:
    """`make` alone says what there is."""
    said = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    listed = set(re.findall(r"^  make (\w+) ", said, re.MULTILINE))
    assert {"help", "install", "demo", "test", "lint", "lock", "bench", "clean"} <= listed
