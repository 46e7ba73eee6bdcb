"""The documentation as a whole: linked pages, dated decisions, terms that can be searched, and the table of rooms."""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ARCHITECTURE = DOCS / "architecture.md"
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
CODE_SUFFIXES: Final = (".py", ".js", ".sql")
TOLERANCE: Final = 0.2
"""By how much the numbers of the table of rooms may be off."""

SEARCHED = [
    ("at-least-once", "architecture.md"),
    ("backpressure", "architecture.md"),
    ("in-flight", "architecture.md"),
    ("prefetch", "architecture.md"),
    ("throughput", "performance.md"),
    ("latency", "performance.md"),
    ("idempotent", "contract.md"),
    ("backoff", "operations.md"),
    ("dead letter", "operations.md"),
    ("graceful shutdown", "operations.md"),
    ("jitter", "operations.md"),
    ("poison message", "operations.md"),
    ("revalidat", "operations.md"),
    ("ssrf", "operations.md"),
]
"""Terms of the field in lower case, and the page that describes what they mean here."""

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)(?:#[^)]*)?\)")
_TITLE = re.compile(r"# (\d+)\. (.+)\n")
_DATE = re.compile(r"^\W*Date:\W*(\d{4}-\d{2}-\d{2})\W*$", re.MULTILINE)
_STATUS = re.compile(r"^\W*Status:\W*(accepted|superseded by .*?)\W*$", re.MULTILINE)
_ROOM = re.compile(r"^\| `([\w/]+)` \| [^|]+ \| ([\d,]+) \| ([\d,]+) \| ([^|]+) \|$", re.MULTILINE)


def linked(page: Path) -> set[Path]:
    """Return the files that a page links to."""
    return {(page.parent / target).resolve() for target in _LINK.findall(page.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda path: str(path.relative_to(DOCS)))
def test_every_page_is_linked(page: Path) -> None:
    """The README or another page links to every page."""
    others = [other for other in [ROOT / "README.md", *DOCS.rglob("*.md")] if other != page]

    assert any(page in linked(other) for other in others), f"no page links to {page.relative_to(ROOT)}"


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.name)
def test_decision_has_date_and_status(decision: Path) -> None:
    """Every decision says when it was taken, whether it holds, and which one replaced it."""
    text = decision.read_text(encoding="utf-8")
    title, date, status = _TITLE.match(text), _DATE.search(text), _STATUS.search(text)

    assert title is not None, f"{decision.name} begins with no `# N. Title`"
    assert int(title[1]) == int(decision.name[:4]), f"{decision.name} has another number in its title"
    assert date is not None, f"{decision.name} has no `Date: YYYY-MM-DD`"
    assert status is not None, f"{decision.name} has no `Status: accepted` or `Status: superseded by NNNN`"
    if status[1] != "accepted":
        successor = re.search(r"\d+", status[1])
        assert successor is not None, f"{decision.name} does not say by which decision it is superseded"
        numbers = {int(each.name[:4]) for each in DECISIONS}
        assert int(successor[0]) in numbers, f"{decision.name} is superseded by {successor[0]}, which does not exist"


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.name)
def test_index_lists_the_decision(decision: Path) -> None:
    """The index has every decision with its title, date and status."""
    text = decision.read_text(encoding="utf-8")
    title, date, status = _TITLE.match(text), _DATE.search(text), _STATUS.search(text)
    assert title is not None
    assert date is not None
    assert status is not None
    row = f"| {title[1]} | [{title[2]}]({decision.name}) | {date[1]} | {status[1]} |"

    assert row in (DOCS / "decisions" / "README.md").read_text(encoding="utf-8"), (
        f"docs/decisions/README.md needs {row}"
    )


@pytest.mark.parametrize("page", sorted([ROOT / "README.md", *DOCS.glob("*.md")]), ids=lambda path: path.name)
def test_page_links_to_decisions_that_hold(page: Path) -> None:
    """A page sends its reader to no decision that another one has replaced."""
    superseded = [each for each in DECISIONS if "Status: superseded" in each.read_text(encoding="utf-8")]

    assert linked(page).isdisjoint(superseded)


@pytest.mark.parametrize(("term", "page"), SEARCHED)
def test_terms_of_the_field_are_found(term: str, page: str) -> None:
    """A search for the usual term leads to the page that describes it."""
    words = " ".join((DOCS / page).read_text(encoding="utf-8").lower().split())

    assert term in words, f"docs/{page} does not say `{term}`"


def rooms() -> list[tuple[str, int, int, str]]:
    """Return the rows of the table of rooms: folder, Python files, lines, what it may import."""
    found = _ROOM.findall(ARCHITECTURE.read_text(encoding="utf-8"))
    return [
        (folder, int(files.replace(",", "")), int(lines.replace(",", "")), allowed)
        for folder, files, lines, allowed in found
    ]


def close(written: int, counted: int, unit: int) -> bool:
    """Say whether a rounded number is near enough."""
    return abs(written - counted) <= max(unit, TOLERANCE * counted)


@pytest.mark.parametrize(("folder", "files", "lines", "_"), rooms())
def test_sizes_of_rooms(folder: str, files: int, lines: int, _: str) -> None:
    """The table of rooms gives the sizes of the folders, within the tolerance."""
    code = [path for path in (ROOT / folder).rglob("*") if path.suffix in CODE_SUFFIXES and path.is_file()]
    code = [path for path in code if "codemirror" not in path.parts]  # the code of others
    counted_files = sum(path.suffix == ".py" for path in code)
    counted_lines = sum(len(path.read_bytes().splitlines()) for path in code)
    right = f"`{folder}` has {counted_files} Python files and {counted_lines:,} lines; run scripts/room_sizes.py"

    assert close(files, counted_files, 3), right
    assert close(lines, counted_lines, 100), right


def test_rooms_are_the_packages() -> None:
    """The table of rooms has every package that import-linter and the wheel know."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    packages = configuration["hatch"]["build"]["targets"]["wheel"]["packages"]
    folders = {folder for folder, *_ in rooms()}

    assert {*packages, *configuration["importlinter"]["root_packages"]} <= folders


def layers(name: str) -> list[tuple[set[str], set[str]]]:
    """Return the layers of a contract of import-linter, the highest first: its folders, and what they may import."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    contracts: list[dict[str, Any]] = [each for each in linter["contracts"] if each["name"] == name]
    assert contracts, f"pyproject.toml has no contract `{name}` of import-linter"
    within = contracts[0].get("containers", [])
    below: set[str] = set()
    found = []
    for layer in reversed(contracts[0]["layers"]):
        folders = {"/".join([*within, *each.split(".")]) for each in re.split(r" [|:] ", layer)}
        # Modules separated by a colon may import each other, those separated by a bar may not.
        found.append((folders, below | folders if " : " in layer else below))
        below = below | folders
    return found[::-1]


def allowed_imports() -> dict[str, set[str]]:
    """Return the rooms that the table allows each room to import."""
    return {folder: set(re.findall(r"`([\w/]+)`", allowed)) for folder, _, _, allowed in rooms()}


def test_imports_of_packages_are_those_of_import_linter() -> None:
    """What the table allows a package to import is what import-linter allows it."""
    for packages, expected in layers("Packages depend downward only"):
        for package in packages:
            assert allowed_imports()[package] == expected, f"docs/architecture.md: `{package}` may import {expected}"


def test_imports_within_the_renderer_are_allowed_by_import_linter() -> None:
    """The table allows no package of the renderer an import that import-linter forbids."""
    for folders, expected in layers("The renderer's packages depend downward only"):
        for folder in folders & allowed_imports().keys():
            forbidden = allowed_imports()[folder] - expected - {"schemas"}
            assert not forbidden, f"docs/architecture.md: `{folder}` may not import {forbidden}"
