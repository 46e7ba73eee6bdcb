"""Tables of the documentation agree with the code, and links lead somewhere."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from agents import metrics as poster_metrics
from agents.settings import NAMES, Settings
from posters.main import COMMANDS
from renderer.language.check import TemplateRejectedError, check_template
from renderer.language.template import Template
from streams import metrics as stream_metrics
from streams.settings import PREFIX
from streams.topics import EDGES, ROLES, TOPICS

ROOT = Path(__file__).parents[1]
OPERATIONS = ROOT / "docs" / "operations.md"
TEMPLATES = ROOT / "docs" / "templates.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "django_posters").glob("*.md")])

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def rows(document: Path, heading: str) -> list[list[str]]:
    """Return the cells of the tables under a heading, one list per row. Raises ValueError without a table."""
    section = document.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line.replace("\\|", "\0").strip("| ") for line in section.splitlines() if line.startswith("| `")]
    if not lines:
        raise ValueError(f"{document.name} has no table under `{heading}`")
    return [[cell.strip().replace("\0", "|") for cell in line.split("|")] for line in lines]


def code(cell: str) -> str:
    """Return the code at the start of a cell."""
    return cell.split("`")[1]


def shown(value: object) -> str:
    """Return a default as the settings table shows it."""
    if value is None:
        return "unset"
    if value == "":
        return "empty"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def exported_name(metric: MetricWrapperBase) -> str:
    """Return a metric's name as `/metrics` shows it."""
    return f"{metric._name}_total" if metric._type == "counter" else metric._name


def links(document: Path) -> Iterator[str]:
    """Yield the targets of a document's links, except web addresses."""
    for target in _LINK.findall(_FENCED.sub("", document.read_text(encoding="utf-8"))):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    text = _FENCED.sub("", document.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text)}


METRICS = rows(OPERATIONS, "Metrics")


def test_settings_table_has_every_setting_with_its_default() -> None:
    """The table of settings has exactly the settings that exist, with their defaults."""
    table = {code(name): default for name, default, _ in rows(OPERATIONS, "Settings")}

    assert table == {PREFIX + field.name.upper(): shown(field.default) for field in fields(Settings)}
    assert sorted(table) == sorted(NAMES)


def test_every_command_is_documented() -> None:
    """The table of commands has exactly the commands that exist."""
    documented = [code(name).split()[1] for name, _ in rows(OPERATIONS, "Commands")]

    assert sorted(documented) == sorted(COMMANDS)


def test_metrics_table_has_every_metric_as_it_is() -> None:
    """The table of metrics has exactly our metrics, with type, labels and meaning."""
    made = [
        metric
        for module in (stream_metrics, poster_metrics)
        for metric in vars(module).values()
        if isinstance(metric, MetricWrapperBase)
    ]
    exported = {family.name for family in REGISTRY.collect() if family.name.startswith("poster")}
    described = [
        [exported_name(metric), metric._type, list(metric._labelnames), metric._documentation] for metric in made
    ]
    table = [[code(name), kind, re.findall(r"`(.+?)`", labels), meaning] for name, kind, labels, meaning in METRICS]

    assert table == described
    assert {metric._name for metric in made} == exported


def test_roles_table_says_how_many_processes_a_role_can_use() -> None:
    """The table of roles gives the number of partitions of a role's topics as the number of useful processes."""
    partitions = {topic.name: topic.partitions for topic in TOPICS}
    table = {code(role): int(most) for role, _, _, most in rows(OPERATIONS, "What has to run")}

    assert table == {role: max(partitions[topic] for topic in EDGES[role].consumes) for role in ROLES}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link of the documentation leads to an existing file, and to a heading in it."""
    for target in links(document):
        path, _, anchor = target.partition("#")
        linked = (document.parent / path).resolve() if path else document

        assert linked.exists(), target
        assert linked.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(linked), target


@pytest.mark.parametrize("html", re.findall(r"```html\n(.*?)```", TEMPLATES.read_text(encoding="utf-8"), re.DOTALL))
def test_example_templates_are_accepted(html: str) -> None:
    """Every example of a template passes the check at upload."""
    assert check_template(html, []).placeholders


@pytest.mark.parametrize(("use", "data_type", "_"), rows(TEMPLATES, "Values"))
def test_types_follow_from_the_use_as_the_table_says(use: str, data_type: str, _: str) -> None:
    """The type of a placeholder follows from its use, as the table says."""
    assert [placeholder.data_type for placeholder in check_template(code(use), []).placeholders] == [data_type]


@pytest.mark.parametrize(("expression", "value", "printed"), rows(TEMPLATES, "The language"))
def test_filters_print_what_the_table_says(expression: str, value: str, printed: str) -> None:
    """Every filter of the table prints what its row shows."""
    assert Template(code(expression)).render({"v": json.loads(code(value))}) == code(printed)


@pytest.mark.parametrize("snippet", [code(row[0]) for row in rows(TEMPLATES, "Where no value can stand")])
def test_what_the_table_calls_refused_is_refused(snippet: str) -> None:
    """Every use in the table is refused at upload, with line and column."""
    with pytest.raises(TemplateRejectedError) as refused:
        check_template(snippet, [])

    assert all(error.line and error.column for error in refused.value.errors)
