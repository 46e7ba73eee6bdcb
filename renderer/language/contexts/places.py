"""Where a place in the document is, in words, and why no value can stand there."""

from typing import Final

from renderer.language.contexts.attributes import Meaning
from renderer.language.contexts.contexts import Refusal, Use
from renderer.language.contexts.markup import IN_TAG, VALUES, State

_IN_NAMES: Final = "a value can stand in text or in an attribute's quoted value, not in the name of "


def describe(state: State) -> str:
    """Return in words where a state is."""
    if state.kind in VALUES or state.kind == "before_value":
        return f"inside the value of `{state.attribute}`"
    if state.kind in IN_TAG or state.kind in ("tag_open", "end_tag_open"):
        return f"inside the tag `<{'/' if state.is_end else ''}{state.element}`"
    if state.kind == "raw" or state.styled:
        return f"inside `<{state.element}>`"
    return _WORDS.get(state.kind, "in text")


_WORDS: Final = {"comment": "inside a comment", "declaration": "inside `<!…>`", "cdata": "inside `<![CDATA[…]]>`"}


def refusal(state: State) -> str:
    """Return why a value cannot stand where the state is."""
    match state.kind:
        case "before_value" | "unquoted":
            return f"the value of `{state.attribute}` needs quotes around it"
        case "comment":
            return (
                "a value cannot stand in an HTML comment, and those of Outlook (`<!--[if mso]>`) have no effect on a "
                "poster; delete it, or use `{# … #}` to leave something out"
            )
        case "raw":
            return f"a value cannot stand in `<{state.element}>`"
        case "tag_open" | "end_tag_open" | "tag_name":
            return _IN_NAMES + "a tag"
        case "declaration" | "cdata":
            return f"a value cannot stand {describe(state)}"
        case _:
            return _IN_NAMES + "an attribute"


def json_use(state: State, meaning: Meaning, where: str) -> Use | Refusal:
    """Return what `tojson` is used as where the state is, or why it cannot stand there."""
    if state.kind == "double_quoted":
        return Refusal("`tojson` writes double quotes; put the attribute's value into single quotes")
    return Use("json", "text", where) if meaning == "plain" else Refusal(f"`tojson` cannot stand {where}")
