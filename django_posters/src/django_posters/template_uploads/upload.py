"""A template to upload: its fields, validated before a command is sent."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.utils import timezone

from django_posters.conf import Settings
from django_posters.contract.limits import TEMPLATE_HTML_MAX_BYTES, TEMPLATE_NAME_MAX_CHARACTERS
from django_posters.contract.output import Output, OutputError, parse_output, resolve_output
from django_posters.contract.references import is_section
from django_posters.contract.templates import PlaceholderDeclaration, TemplateUpload
from django_posters.errors import RequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A template to upload. Sizes are CSS pixels; with None the templates role uses its default.

    `output` is the default output of its posters. `placeholders` declares types, defaults and samples, as objects of
    the contract; what is not declared is inferred from the HTML. `shared`: other sites may command the section too;
    `private`: they find no template of it. None leaves the section as it is.
    """

    section: str
    name: str
    html: str
    set_as_active: bool = True
    width: int | None = None
    height: int | None = None
    output: Mapping[str, Any] | None = None
    javascript: bool = False
    placeholders: Sequence[Any] | None = None
    shared: bool | None = None
    private: bool | None = None

    def command(self, settings: Settings) -> TemplateUpload:
        """Return the command to send. Raises RequestError where the templates role would reject it."""
        if not is_section(self.section):
            raise RequestError(
                f"the section cannot be `{self.section}`: use 1 to 63 of a-z, 0-9, `_` and `-`, "
                "starting with a letter or digit, not ending in `_latest`"
            )
        if not 1 <= len(self.name) <= TEMPLATE_NAME_MAX_CHARACTERS:
            raise RequestError(
                f"the name has {len(self.name)} characters; 1 to {TEMPLATE_NAME_MAX_CHARACTERS} are allowed"
            )
        if not self.html.strip():
            raise RequestError("the HTML is empty, and its posters would be blank")
        if "\0" in self.html + self.name:
            raise RequestError("the HTML or the name holds U+0000, which cannot be stored; remove it")
        if (size := len(self.html.encode())) > TEMPLATE_HTML_MAX_BYTES:
            raise RequestError(f"the HTML has {size:,} bytes; {TEMPLATE_HTML_MAX_BYTES:,} are allowed")
        try:
            output = parse_output(dict(self.output) if self.output else None)
            resolve_output(output, Output(width=self.width, height=self.height))
        except OutputError as error:
            raise RequestError(f"the template cannot have this size or output: {error}") from error
        return TemplateUpload(
            event_id=uuid.uuid4(),
            occurred_at=timezone.now(),
            source=settings.site,
            section=self.section,
            name=self.name,
            html_content=self.html,
            set_as_active=self.set_as_active,
            width=self.width,
            height=self.height,
            output=dict(self.output) if self.output else None,
            javascript=self.javascript,
            placeholders=parse_placeholders(self.placeholders),
            shared=self.shared,
            private=self.private,
        )


def parse_placeholders(value: Any) -> list[PlaceholderDeclaration] | None:
    """Return the declarations that a list of JSON objects holds. Raises RequestError."""
    if value is None:
        return None
    try:
        return msgspec.convert(list(value), list[PlaceholderDeclaration])
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        example = '[{"name": "seats", "data_type": "number", "sample_value": 40}]'
        raise RequestError(f"the placeholders cannot be read: {error}; write them as {example}") from error
