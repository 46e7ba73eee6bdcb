"""Names of code in the documentation exist in the tree: paths, modules, classes, functions and settings.

Only inline code is checked. Blocks of code run in `tests/test_snippets.py` and in the tests of their pages.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from agents.settings import NAMES

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "django_posters").glob("*.md")]
    if page.name != "CHANGELOG.md"  # it names what was there once
)
PACKAGES: Final = ("schemas", "streams", "renderer", "agents", "posters", "django_posters", "bench", "tests")
NOT_OURS: Final = {"Decimal": "Python's"}
"""Names that no code of the tree uses, and whose they are."""

_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_PATH = re.compile(r"[\w.*-]+(?:/[\w.*-]+)+/?|\w+\.(?:py|js|sql|sh)")
_FILE = re.compile(r".*\.(?:py|js|sql|sh|md|json|yaml|toml|html|conf|service)")
_DOTTED = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+")
_CLASS = re.compile(r"[A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)*(?:\.\w+)*")
_CALL = re.compile(r"\.?([A-Za-z_][\w.]*)\(.*\)")
_CHECK = re.compile(r"posters\.[EW]\d{3}")
_SETTING = re.compile(r"\bPOSTERS_[A-Z_]+\b")
_WORD = re.compile(r"[A-Za-z_]\w*")
_IN_FILE = re.compile(r"`([^`\n]+)`\s+in\s+`([^`\s]+\.(?:py|js|sql|sh))`")
_WRITTEN = re.compile(r"```python\n# (\S+\.py)\b")
"""The file of the reader's own site that a snippet is."""


@cache
def tracked() -> tuple[str, ...]:
    """Return the paths that git tracks, or would track if they were added."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    return tuple(name for name in listed.decode().split("\0") if (ROOT / name).is_file())


@cache
def names() -> frozenset[str]:
    """Return every name that code of the tree uses or defines; words of comments and docstrings do not count."""
    found = set(NOT_OURS)
    for name in tracked():
        path = ROOT / name
        if path == Path(__file__):
            continue
        if path.suffix == ".py":
            found.update(_python_names(path))
        elif path.suffix in (".js", ".sql", ".toml", ".html"):
            found.update(_WORD.findall(path.read_text(encoding="utf-8")))
    return frozenset(found)


def _python_names(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_bytes())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.alias(name=name):
                yield from name.split(".")
            case ast.keyword(arg=str(name)):
                yield name
            case ast.Constant(value=str(text)) if id(node) not in docstrings:
                yield from _WORD.findall(text)
            case _:
                pass


@cache
def site_files() -> frozenset[str]:
    """Return the files of the reader's own site, which the pages' snippets are."""
    return frozenset(name for page in PAGES for name in _WRITTEN.findall(page.read_text(encoding="utf-8")))


def code_names(page: Path) -> Iterator[tuple[int, str]]:
    """Yield the line number and the text of every inline code of a page."""
    text = _FENCED.sub(lambda block: "\n" * block[0].count("\n"), page.read_text(encoding="utf-8"))
    for number, line in enumerate(text.splitlines(), start=1):
        for code in _INLINE.findall(line):
            yield number, code


def missing(code: str) -> str | None:
    """Return what is wrong with a name of code, or None where it exists or is none of ours."""
    for setting in _SETTING.findall(code):
        if setting not in NAMES:
            return "is no setting of `agents/settings.py`"
    if _PATH.fullmatch(code):
        return None if _path_exists(code) else "is no file or folder of the tree"
    if _DOTTED.fullmatch(code):
        return None if _dotted_exists(code) else "is in no module of the tree"
    called = _CALL.fullmatch(code)
    if called or _CLASS.fullmatch(code):
        unknown = [part for part in _WORD.findall(called[1] if called else code) if part not in names()]
        return f"has `{unknown[0]}`, which no code of the tree uses" if unknown else None
    return None


def _path_exists(code: str) -> bool:
    first = code.split("/", maxsplit=1)[0]
    if code in site_files() or any(f"/{name}".endswith(f"/{code}") for name in tracked()):
        return True
    if "/" in code and (ROOT / first).is_dir() and first != "out":
        return any(ROOT.glob(code))
    return not _FILE.fullmatch(code)


def _dotted_exists(code: str) -> bool:
    """Say whether a name is a module, a name of one, or the id of a check of Django's."""
    parts = code.split(".")
    if _CHECK.fullmatch(code):
        return parts[-1] in names()
    base = ROOT / "django_posters" / "src" if parts[0] == "django_posters" else ROOT
    for depth in range(len(parts), 0, -1):
        path = base.joinpath(*parts[:depth])
        module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if path.is_dir() and depth == len(parts):
            return True
        if module.is_file():
            return set(parts[depth:]) <= set(_python_names(module))
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_of_code_exist(page: Path) -> None:
    """A reader finds every path, class, function and setting that the documentation names."""
    wrong = [
        f"{page.relative_to(ROOT)}:{number}: `{code}` {problem}"
        for number, code in code_names(page)
        if (problem := missing(code)) is not None
    ]

    assert not wrong, "\n" + "\n".join(wrong)


def misplaced(text: str) -> list[str]:
    """Return what is wrong with each phrase "`name` in `file`" of a text: the file has to use the name."""
    problems = []
    for code, path in _IN_FILE.findall(_FENCED.sub("", text)):
        files = [ROOT / name for name in tracked() if f"/{name}".endswith(f"/{path}")]
        used = {word for file in files for word in _WORD.findall(file.read_text(encoding="utf-8"))}
        problems += [f"`{word}` is not in `{path}`" for word in _WORD.findall(code) if word not in used]
    return problems


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_name_is_in_the_file_where_a_page_places_it(page: Path) -> None:
    """Where a page says "`name` in `file`", a reader finds the name there."""
    assert misplaced(page.read_text(encoding="utf-8")) == []


def test_a_misplaced_name_is_found() -> None:
    """The check fails where the file does not use the name, also across a line's end, and passes where it does."""
    assert misplaced("The `no_such_name` in\n`streams/topics.py` is 8.") == [
        "`no_such_name` is not in `streams/topics.py`"
    ]
    assert misplaced("The `Inbox` in `streams/no_such_file.py`.") == ["`Inbox` is not in `streams/no_such_file.py`"]
    assert misplaced("The `cap` in `streams/topics.py` is 8.") == []


@pytest.mark.parametrize(
    "code",
    [
        "streams/faust_bridge/brake.py",
        "brake.py",
        "streams.inbox.Brake",
        "streams.brakes",
        "ConsumerBrake",
        "Inbox.no_such_attribute",
        "no_such_function()",
        "POSTERS_NO_SUCH_SETTING=1",
    ],
)
def test_a_name_that_is_gone_is_found(code: str) -> None:
    """The check fails for names that do not exist."""
    assert missing(code) is not None


@pytest.mark.parametrize(
    "code",
    ["streams/inbox.py", "flush.sql", "streams.inbox.Inbox", "OffsetTracker", "Inbox.take", "schemas/*.py", "job_id"],
)
def test_a_name_that_exists_is_accepted(code: str) -> None:
    """The check passes for names that exist, and for what is no name of code."""
    assert missing(code) is None
