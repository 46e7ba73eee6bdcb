"""Where a place in the document is, in words, and why no value can stand there."""

import re
from typing import Final

from jinja2 import nodes

from renderer.language.contexts.attributes import Meaning
from renderer.language.contexts.contexts import Refusal, Use
from renderer.language.contexts.css import NOWHERE
from renderer.language.contexts.javascript import Piece
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
            advice = "; delete `<![CDATA[` and `]]>`, which HTML does without" if state.styled else ""
            return f"a value cannot stand {_WORDS[state.kind]}{advice}"
        case _:
            return _IN_NAMES + "an attribute"


_WORDS_OF_CHOICE: Final = re.compile(
    r"""(["'])(?P<one>[^"'<>{}\\]*)\1\s+if\s+(?P<test>.+?)(?:\s+else\s+(["'])(?P<other>[^"'<>{}\\]*)\4)?\s*""",
    re.DOTALL,
)


def in_branches(node: nodes.Node, text: str) -> str | None:
    """Return `{% if … %}…{% endif %}` for a value that is one of two texts of the template: `'a' if b else 'c'`."""
    if not isinstance(node, nodes.CondExpr):
        return None
    is_text = [part is None or isinstance(part, nodes.Const) for part in (node.expr1, node.expr2)]
    found = _WORDS_OF_CHOICE.fullmatch(text) if all(is_text) else None
    if found is None:
        return None
    otherwise = f"{{% else %}}{found['other']}" if found["other"] else ""
    return f"{{% if {found['test']} %}}{found['one']}{otherwise}{{% endif %}}"


def script_refusal(text: str, inside: Piece | None, *, is_json: bool) -> Refusal:
    """Return why a value cannot stand in a script, and what to write; `text` is its expression."""
    if inside == "comment":
        return Refusal("a value cannot stand in a comment of a script; `{# … #}` leaves something out")
    name = text if _NAME.fullmatch(text) else "name"
    write = text if is_json else f"{name} | tojson"
    reason = "in `<script>` a value can stand only through `tojson`"
    if inside is None:
        return Refusal(f"{reason}: `{{{{ {write} }}}}`")
    if is_json:
        reason = "`tojson` writes its own quotes; take the value out of the string, comment or pattern"
    else:
        reason += ", which writes its own quotes, so outside of strings"
    example = f'"…" + {{{{ {write} }}}}' if inside == "text" else f"const text = {{{{ {write} }}}}"
    return Refusal(f"{reason}, as in `{example}`")


_NAME: Final = re.compile(r"[\w.\[\]]+")
_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)


def sheet_refusal(css: str, sentinel: str) -> Refusal:
    """Return why a value cannot stand in CSS where no property has it."""
    if sentinel not in _COMMENT.sub("", css):
        return Refusal("in CSS a value cannot stand in a comment; `{# … #}` leaves something out")
    return Refusal(NOWHERE, takes_branches=True)


def json_use(state: State, meaning: Meaning, where: str) -> Use | Refusal:
    """Return what `tojson` is used as where the state is, or why it cannot stand there."""
    if state.kind == "double_quoted":
        return Refusal("`tojson` writes double quotes; put the attribute's value into single quotes")
    return Use("json", "text", where) if meaning == "plain" else Refusal(f"`tojson` cannot stand {where}")
