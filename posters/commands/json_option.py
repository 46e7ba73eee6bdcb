"""The type of options that take a JSON object."""

from pathlib import Path
from typing import Any

import click
import orjson


class JsonObject(click.ParamType):
    """A JSON object, written out, or in a file: `file` or `@file`."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the object, or fail with what is wrong."""
        if isinstance(value, dict):
            return value
        path = _path(value)
        try:
            parsed = orjson.loads(value if path is None else _content(path))
        except OSError as error:
            self.fail(f"{path} cannot be read: {error.strerror}", param, ctx)
        except UnicodeDecodeError:
            self.fail(f"{path} is not UTF-8", param, ctx)
        except orjson.JSONDecodeError as error:
            self.fail(f"that is not JSON: {error}", param, ctx)
        if not isinstance(parsed, dict):
            self.fail("that is JSON, but not an object; write it in braces", param, ctx)
        return parsed


def _path(value: str) -> str | None:
    """Return the file that is meant, or None for JSON that is written out."""
    if value.startswith("@"):
        return value[1:]
    try:
        return value if Path(value).is_file() else None
    except OSError:  # JSON that is too long to be a name
        return None


def _content(path: str) -> str:
    with click.open_file(path, encoding="utf-8-sig") as file:
        text: str = file.read()
    return text
