"""Writes docs/template-compatibility.md: `python -m tests.renderer.language.compatibility --write`."""

import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.renderer.language.jinja_suite import REFUSED, ROOT, Case, Outcome, cases, outcome
from tests.renderer.reports.language import LANGUAGE
from tests.renderer.reports.pictures import PICTURES
from tests.renderer.reports.programs import PROGRAMS
from tests.renderer.reports.report import row

PAGE: Final = ROOT / "docs" / "template-compatibility.md"
_HEAD: Final = """# Compatibility of templates

This page is generated from tests.

## Jinja2

One test renders the templates of the test suite of Jinja2 {version} that take JSON and
have the default syntax, once by Jinja2's own sandbox and once as a poster's template, and compares the texts. Jinja2
escapes everything, prints nothing for null and treats missing values as
[Writing templates](templates.md#the-language) says.

| | templates |
|---|---|
| rendered | {total} |
| the same text, or an error for both | {same} |
| refused at upload, for a construct of the list below | {refused} |
| different | {different} |

### Refused constructs

| construct | templates | instead |
|---|---|---|
"""
_REPORTS: Final = """
## Public reports

{number} reports of users of Jinja2, other template languages and other renderers. A test reproduces each with a small
template: it uploads and draws it, and looks at the picture, the error or the warning. Where a template is refused or
drawn with a warning, what the answer says is drawn as well.

| report | wanted | here | how |
|---|---|---|---|
"""
_PROGRAMS: Final = """
## Files of other programs

| file | wanted | here | how |
|---|---|---|---|
"""
_LIBRARIES: Final = """
## Libraries inside of a template

Chart.js, D3, Apache ECharts (up to its complete build), ApexCharts, jQuery, Bootstrap and htm can be pasted into a
`<script>` as they are. Vue, Alpine, petite-vue, Knockout, Angular, Mustache, Handlebars (not its minified build),
Nunjucks and KaTeX have braces that are read as the template's; the error says so, and between `{% raw %}` and
`{% endraw %}` they work. The style sheets of Bootstrap, Tailwind (compiled), Font Awesome and KaTeX need no change,
but for the addresses of their fonts, which have to be whole or `data:`.

## Pictures before and after

What the step to Jinja2's own engine and to mapped fonts changed in the twelve posters of the demo is in
[decision 46](decisions/0046-one-renderer-version-for-language-fonts-and-pdf.md): nothing in nine of them, and line
breaks in three, by hyphenation. Since the demo's template hyphenates short quotes only where a word hardly fits, eleven
are as before.
"""


def outcomes_of(found: Sequence[Case]) -> list[tuple[Case, Outcome, str]]:
    """Return what posters' templates make of each template, and why."""
    return [(case, *outcome(case)) for case in found]


def page(outcomes: Sequence[tuple[Case, Outcome, str]]) -> str:
    """Return the page for the templates of the suite."""
    counts = Counter(kind for _, kind, _ in outcomes)
    refused = Counter(reason for _, kind, reason in outcomes if kind == "refused")
    different = [case for case, kind, _ in outcomes if kind == "different"]
    text = _HEAD.format(
        version=version("jinja2"),
        total=len(outcomes),
        same=counts["same"],
        refused=counts["refused"],
        different=counts["different"],
    )
    text += "".join(f"| {what} | {refused[what]} | {instead} |\n" for what, _, instead in REFUSED)
    if different:
        text += "\n### Different\n"
        text += "".join(f"\n```jinja\n{case.source.strip()}\n```\n" for case in different)
    reports = [*LANGUAGE, *PICTURES]
    text += _REPORTS.format(number=len(reports)) + "".join(row(report) for report in reports)
    return text + _PROGRAMS + "".join(row(report) for report in PROGRAMS) + _LIBRARIES


def suite() -> list[Case]:
    """Return the templates of Jinja2's test suite. Raises FileNotFoundError."""
    with tempfile.TemporaryDirectory() as directory:
        return cases(Path(directory) / "record")


if __name__ == "__main__":
    current = page(outcomes_of(suite()))
    if "--write" in sys.argv:
        PAGE.write_text(current, encoding="utf-8")
    sys.exit(PAGE.read_text(encoding="utf-8") != current)
