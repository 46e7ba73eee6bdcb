"""Attributes that a library in the page runs as JavaScript: what a value is escaped for there is HTML only."""

import re
from typing import Final

from renderer.language.analyse import ReadTemplate
from renderer.language.source import position
from schemas.templates import TemplateWarning

_SCRIPTED: Final = re.compile(
    r"[@:]|v-(?:bind|for|html|if|else-if|model|on|show|text)\b|x-(?:bind|data|effect|for|html|if|init|on|show|text)\b"
    r"|\*ng|(?:data-)?ng-(?:bind|class|click|disabled|if|init|model|repeat|show|style)\b",
    re.IGNORECASE,
)
"""Names of attributes whose values Vue, Alpine and Angular run."""


def scripted_attribute_warning(template: ReadTemplate) -> TemplateWarning | None:
    """Return a warning of the first value in such an attribute that does not go through `tojson`."""
    for tag, standings in sorted(template.standings.items()):
        attribute = next((each.attribute for each in standings if _SCRIPTED.match(each.attribute)), None)
        if attribute is None or any(use.guard == "json" for use in template.uses.get(tag, ())):
            continue
        shown = template.source.tags[tag]
        line, column = position(template.source.text, shown.start)
        message = (
            f"line {line}, column {column}: `{attribute}` is run as JavaScript, where a quote in `{shown.text}` would "
            "end a text; write the value through `tojson`, in an attribute with single quotes: "
            f"`{attribute}='… {{{{ value | tojson }}}} …'`"
        )
        return TemplateWarning(code="script_placeholders", message=message)
    return None
