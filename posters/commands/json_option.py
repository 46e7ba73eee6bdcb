"""The type of options that take a JSON object."""

from typing import Any

import click
import orjson


class JsonObject(click.ParamType):
    """A JSON object, written out or as `@file`."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the object, or fail with what is wrong."""
        if isinstance(value, dict):
            return value
        try:
            parsed = orjson.loads(_content(value[1:]) if value.startswith("@") else value)
        except OSError as error:
            self.fail(f"{value[1:]} cannot be read: {error.strerror}", param, ctx)
        except UnicodeDecodeError:
            self.fail(f"{value[1:]} is not UTF-8", param, ctx)
        except orjson.JSONDecodeError as error:
            self.fail(f"that is not JSON: {error}", param, ctx)
        if not isinstance(parsed, dict):
            self.fail("that is JSON, but not an object; write it in braces", param, ctx)
        return parsed


def _content(path: str) -> str:
    with click.open_file(path, encoding="utf-8") as file:
        text: str = file.read()
    return text
