"""A plugin for pytest that runs inside of Jinja2's own test suite, and writes down the templates that it renders.

Templates count that have the default syntax and take JSON; `JINJA_RECORD` names the file, one JSON object a line.
"""

import json
import os
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import defaults

_FROM_STRING = jinja2.Environment.from_string
_RENDER = jinja2.Template.render
_SOURCES: dict[int, tuple[jinja2.Template, str]] = {}
_RECORDS: dict[str, None] = {}


def _from_string(self: jinja2.Environment, source: Any, *arguments: Any, **keywords: Any) -> jinja2.Template:
    template = _FROM_STRING(self, source, *arguments, **keywords)
    if isinstance(source, str):
        _SOURCES[id(template)] = (template, source)
    return template


def _render(self: jinja2.Template, *arguments: Any, **keywords: Any) -> str:
    template, source = _SOURCES.get(id(self), (None, ""))
    if template is not None and _has_default_syntax(self.environment):
        try:
            data = dict(*arguments, **keywords)
            written = json.dumps({"source": source, "data": data}, allow_nan=False)
            if json.loads(written)["data"] == data:
                _RECORDS[written] = None
        except (TypeError, ValueError):
            pass
    return _RENDER(self, *arguments, **keywords)


def _has_default_syntax(environment: jinja2.Environment) -> bool:
    names = ("block_start_string", "variable_start_string", "comment_start_string", "line_statement_prefix")
    same = all(getattr(environment, name) == getattr(defaults, name.upper()) for name in names)
    return same and not (environment.trim_blocks or environment.lstrip_blocks or environment.is_async)


def pytest_configure() -> None:
    """Begin to record."""
    jinja2.Environment.from_string = _from_string  # type: ignore[method-assign]
    jinja2.Template.render = _render  # type: ignore[method-assign]


def pytest_unconfigure() -> None:
    """Write what was recorded, in the order of the suite."""
    Path(os.environ["JINJA_RECORD"]).write_text("\n".join(_RECORDS), encoding="utf-8")
