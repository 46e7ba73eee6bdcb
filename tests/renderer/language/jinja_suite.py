"""The templates of Jinja2's own test suite, and what posters' templates make of them."""

import json
import os
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import jinja2
from jinja2 import Undefined, nodes
from jinja2.compiler import Frame
from jinja2.nodes import Block, Extends, FromImport, Import, Include
from jinja2.sandbox import ImmutableSandboxedEnvironment

from renderer.language.check import TemplateRejectedError, check_template
from renderer.language.environment import MissingValue
from renderer.language.filters import default
from renderer.language.nulls import NullCodeGenerator, null_filters
from renderer.language.problems import TemplateProblemError
from renderer.language.template import Template
from renderer.language.values import written

ROOT: Final = Path(__file__).parents[3]
SUITE: Final = ROOT / ".parts" / "jinja2"
"""Jinja2's source distribution, unpacked by `make parts`."""
_FILES: Final = (
    "api",
    "core_tags",
    "filters",
    "imports",
    "inheritance",
    "lexnparse",
    "regression",
    "security",
    "tests",
)

REFUSED: Final[tuple[tuple[str, str, str], ...]] = (
    ("`extends`, `include`, `import`, `block`", "a template stands alone", "one file; repeat markup with macros"),
    ("`filter` blocks", "`filter` blocks", "the filter on the value: `{{ name \\| upper }}`"),
    ("`set` blocks with a filter", "a `set` block takes no filter", "the filter where the value is used"),
    ("filters and tests that do not exist, wherever they stand", "there is no (filter|test)", "one that is there"),
    ("`safe`, `xmlattr`, `random`", "is not available:", "markup in the template; attributes in quotes; `first`"),
    ("`autoescape false`", "`autoescape` cannot", "nothing: every value is escaped"),
    ("functions but `range`, `dict`, `namespace`, `cycler`, `joiner`", "there is no function", "data, or a macro"),
    ("methods but those of texts, lists and objects that change nothing", r"`\.\w+\(\)` is not", "a filter"),
    ("calls of anything but a name or a method", "can be called", "a macro called by its name"),
    ("macros that call themselves, or are defined twice", "calls itself|is defined twice", "a `recursive` loop"),
    ("names of macros for other values", "is a macro; take|`self` is reserved", "another name"),
    ("`call` of what is no macro", "a `call` block calls a macro", "`{% call name() %}`"),
    ("`loop(…)` in an expression or away from the start of its loop", r"`loop\(…\)`", "`{{ loop(item.children) }}`"),
    ("HTML that the branches of a condition leave open", "end in different places|ends inside", "whole elements"),
    (
        "values where none can stand",
        "stand|needs quotes|name cannot be put together",
        "see [Writing templates](templates.md)",
    ),
    ("`urlize` of other schemes than http(s) and mailto", "`urlize` links", "`<a href>` in the template"),
    ("nesting without measure", "nested too deeply|may have", "lists of data and a loop"),
)
"""The constructs that are refused: what, how the message says it, and what to write instead."""

Outcome = Literal["same", "refused", "different"]


@dataclass(frozen=True, slots=True)
class Case:
    """A template of the suite with its data, and what Jinja2 makes of it; None where it raises an error."""

    source: str
    data: dict[str, Any]
    expected: str | None


class NotPlainError(Exception):
    """The template is not one of plain Jinja2: it needs filters or tags that its test adds."""


def cases(record: Path) -> list[Case]:
    """Run the suite, and return its templates. Raises FileNotFoundError where it is not there."""
    if not SUITE.is_dir():
        raise FileNotFoundError(f"{SUITE} is not there: run `make parts`")
    files = [str(SUITE / "tests" / f"test_{name}.py") for name in _FILES]
    recorder = "tests.renderer.language.jinja_recorder"
    command = [sys.executable, "-m", "pytest", "-q", "-p", recorder, "-p", "no:cacheprovider", "-p", "no:randomly"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JINJA_RECORD": str(record)}
    ran = subprocess.run(
        [*command, "--rootdir", str(SUITE), "-c", os.devnull, *files],
        cwd=SUITE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if not record.is_file():
        raise RuntimeError(f"Jinja2's test suite did not run:\n{ran.stdout}\n{ran.stderr}")
    found = []
    for line in record.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        try:
            found.append(Case(item["source"], item["data"], expected(item["source"], item["data"])))
        except NotPlainError:
            continue
    return found


def reference() -> jinja2.Environment:
    """Return Jinja2's sandbox with what differs on purpose: null, missing values, and what has no text of its own."""
    environment = ImmutableSandboxedEnvironment(
        autoescape=True,
        optimized=False,
        undefined=_Missing,
        finalize=lambda value: value if isinstance(value, str | Undefined) else written(value),
        keep_trailing_newline=True,
        extensions=["jinja2.ext.loopcontrols"],
    )
    for name in ("default", "d"):
        environment.filters[name] = default
    environment.filters.update(null_filters(environment.filters))
    environment.code_generator_class = _Unfolded
    return environment


class _Unfolded(NullCodeGenerator):
    """Prints constants as they are when the template runs: in advance `{{ not 1[1:] }}` would be no error."""

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)


class _Missing(MissingValue):
    """Parts of what is missing are missing too."""

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        return self

    def __getitem__(self, _: Any) -> Any:
        return self


def expected(source: str, data: dict[str, Any]) -> str | None:
    """Return what Jinja2 makes of the template, or None for an error. Raises NotPlainError."""
    environment = reference()
    try:
        tree = environment.parse(source)
        if any(True for _ in tree.find_all((Extends, Include, Import, FromImport, Block))):
            return None
        with warnings.catch_warnings():
            # Python warns of `1[0]` when it compiles it.
            warnings.simplefilter("ignore", SyntaxWarning)
            template = environment.from_string(source)
    except jinja2.TemplateSyntaxError as error:
        if re.match(r"No (filter|test) named|Encountered unknown tag '(?!el|end)", error.message or ""):
            raise NotPlainError(str(error)) from None
        return None
    try:
        return template.render(data)
    except Exception:  # noqa: BLE001 - Jinja2 lets every error of Python through
        return None


def outcome(case: Case) -> tuple[Outcome, str]:
    """Return what posters' templates make of a case, and the text or the reason."""
    try:
        check_template(case.source, [])
    except TemplateRejectedError as error:
        reason = error.errors[0].message
        known = next((what for what, message, _ in REFUSED if re.search(message, reason)), None)
        if known is not None:
            return "refused", known
        return ("same" if case.expected is None else "different"), reason
    try:
        written = Template(case.source).render(case.data)
    except TemplateProblemError as problem:
        return ("same" if case.expected is None else "different"), str(problem)
    return ("same" if written == case.expected else "different"), written
