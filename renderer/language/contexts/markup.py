"""How HTML's tokenizer moves through a template's text: which context every place of it is in.

Follows the tokenization chapter of the HTML Living Standard as far as it decides where values can stand. What it makes
of a whole document is compared with html5lib by `renderer/language/html5lib_check.py`.
"""

import re
from dataclasses import dataclass, replace
from typing import Final, Literal

Kind = Literal[
    "text",
    "raw",
    "tag_open",
    "end_tag_open",
    "tag_name",
    "before_attribute",
    "attribute_name",
    "after_attribute_name",
    "before_value",
    "double_quoted",
    "single_quoted",
    "unquoted",
    "after_value",
    "tag_gap",
    "comment",
    "declaration",
    "cdata",
]
RAW_ELEMENTS: Final = frozenset(
    {"script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext", "title", "textarea"}
)
FOREIGN: Final = frozenset({"svg", "math"})
HTML_IN_FOREIGN: Final = frozenset(
    {"foreignobject", "desc", "title", "annotation-xml", "mi", "mn", "mo", "ms", "mtext"}
)
# What ends SVG and MathML where it begins inside them.
_BREAKS_OUT: Final = frozenset(
    {
        *("b", "big", "blockquote", "body", "br", "center", "code", "dd", "div", "dl", "dt", "em", "embed", "h1", "h2"),
        *("h3", "h4", "h5", "h6", "head", "hr", "i", "img", "li", "listing", "menu", "meta", "nobr", "ol", "p", "pre"),
        *("ruby", "s", "small", "span", "strong", "strike", "sub", "sup", "table", "tt", "u", "ul", "var"),
    }
)
_FONT: Final = frozenset({"color", "face", "size"})
IN_TAG: Final = frozenset(
    {"tag_name", "before_attribute", "attribute_name", "after_attribute_name", "after_value", "tag_gap"}
)
VALUES: Final = frozenset({"double_quoted", "single_quoted", "unquoted"})
_SPACE: Final = " \t\n\f\r"


@dataclass(frozen=True, slots=True)
class State:
    """Where the tokenizer is. `value` is the text of the attribute or raw element so far, other values as sentinels."""

    kind: Kind = "text"
    element: str = ""
    is_end: bool = False
    attribute: str = ""
    attributes: frozenset[str] = frozenset()
    value: str = ""
    partial: str = ""
    """The beginning of what may turn out to be the end of a comment or raw element."""
    foreign: tuple[str, ...] = ()
    count: int = 0
    """How many attributes the tag has so far, repeated ones too."""
    styled: bool = False
    """Whether the text is that of an SVG style or script element, `element` then."""


class MarkupError(ValueError):
    """The text cannot be told apart into tags and text, whatever the values are; `offset` is within the chunk."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Closed:
    """An attribute value, or the text of a raw element, that has ended."""

    state: State


def advance(state: State, chunk: str) -> tuple[State, list[Closed]]:
    """Return the state after `chunk`, and the values that ended in it. Raises MarkupError."""
    closed: list[Closed] = []
    position = 0
    while position < len(chunk):
        state, position = _STEPS[state.kind](state, chunk, position, closed)
    return state, closed


_Step = tuple[State, int]


# Any other `<` is text; at the end of a chunk, what follows decides.
_TAG_START: Final = re.compile(r"<(?=[a-zA-Z/!?]|\Z)")


def _text(state: State, chunk: str, position: int, closed: list[Closed]) -> _Step:
    # In an SVG style or script, `<` is an error unless it ends it.
    end = chunk.find("<", position) if state.styled else _until(_TAG_START, chunk, position)
    if end < 0:
        end = len(chunk)
    if state.styled:
        state = replace(state, value=state.value + chunk[position:end])
    if end == len(chunk):
        return state, end
    return replace(state, kind="tag_open"), end + 1


ATTRIBUTES_MAX: Final = 200
FOREIGN_MAX: Final = 100
_COUNTED_FROM: Final = 400
"""How long a tag is, in characters, whose attributes are counted."""
# A whole tag as templates mostly have them. No value stands in it, so nothing in it has to be told.
_WHOLE_TAG: Final = re.compile(
    r"""(/?)([a-zA-Z][^ \t\n\f\r/>]*)
    (?:[ \t\n\f\r]+[^ \t\n\f\r"'<>/=]+(?:=(?:"[^"]*"|'[^']*'|[^ \t\n\f\r"'=<>`]+))?)*
    [ \t\n\f\r]*(/?)>""",
    re.VERBOSE,
)


def _tag_open(state: State, chunk: str, position: int, closed: list[Closed]) -> _Step:
    if len(state.foreign) > FOREIGN_MAX:
        raise MarkupError(f"SVG and MathML may be nested {FOREIGN_MAX} deep", position)
    whole = _WHOLE_TAG.match(chunk, position)
    if state.styled and not chunk.lower().startswith((f"/{state.element}", "!"), position):
        raise MarkupError(f"`<{state.element}>` in SVG cannot hold other tags", position)
    # What `<font>` does inside SVG depends on its attributes, which are not told apart here.
    is_short = whole is not None and whole.end() - whole.start() <= _COUNTED_FROM
    if whole is not None and is_short and whole.group(2).lower() != "font":
        tag = replace(_tag(state, closed, is_end=bool(whole.group(1))), element=whole.group(2).lower())
        return _tag_end(tag, is_self_closing=bool(whole.group(3))), whole.end()
    if chunk.startswith("!--", position):
        return replace(state, kind="comment", partial="<!--"), position + 3
    if chunk.startswith("![CDATA[", position) and _is_foreign(state):
        return replace(state, kind="cdata", partial=""), position + 8
    first = chunk[position]
    if first in "!?/":
        return replace(state, kind="end_tag_open" if first == "/" else "declaration"), position + 1
    if first.isascii() and first.isalpha():
        return _tag(state, closed, is_end=False), position
    return replace(state, kind="text"), position


def _end_tag_open(state: State, chunk: str, position: int, closed: list[Closed]) -> _Step:
    first = chunk[position]
    if first.isascii() and first.isalpha():
        return _tag(state, closed, is_end=True), position
    return replace(state, kind="text" if first == ">" else "declaration"), position + (first == ">")


def _tag(state: State, closed: list[Closed], *, is_end: bool) -> State:
    if state.styled:
        closed.append(Closed(state))
    return State(kind="tag_name", is_end=is_end, foreign=state.foreign)


_NAME_END: Final = re.compile(r"[ \t\n\f\r/>]")
_ATTRIBUTE_END: Final = re.compile(r"[ \t\n\f\r/>=]")
_UNQUOTED_END: Final = re.compile(r"[ \t\n\f\r>]")


def _tag_name(state: State, chunk: str, position: int, closed: list[Closed]) -> _Step:
    end = _until(_NAME_END, chunk, position)
    state = replace(state, element=state.element + chunk[position:end].lower())
    if end == len(chunk):
        return state, end
    return replace(state, kind="before_attribute"), end


def _before_attribute(state: State, chunk: str, position: int, closed: list[Closed]) -> _Step:
    character = chunk[position]
    if character in _SPACE or character == "/":
        return replace(state, kind="before_attribute"), position + 1
    if character == ">":
        return _tag_end(state, is_self_closing=position > 0 and chunk[position - 1] == "/"), position + 1
    if state.kind == "tag_gap":
        raise MarkupError("a name cannot be put together from branches; put a space before it", position)
    # An equals sign here is the first character of a name.
    taken = position + (character == "=")
    return replace(state, kind="attribute_name", attribute=chunk[position:taken]), taken


def _attribute_name(state: State, chunk: str, position: int, closed: list[Closed]) -> _Step:
    end = _until(_ATTRIBUTE_END, chunk, position)
    state = replace(state, attribute=state.attribute + chunk[position:end].lower())
    if end == len(chunk):
        return state, end
    if state.count >= ATTRIBUTES_MAX:
        raise MarkupError(f"a tag may have {ATTRIBUTES_MAX} attributes", position)
    state = replace(state, attributes=state.attributes | {state.attribute}, count=state.count + 1)
    return replace(state, kind="after_attribute_name"), end


def _after_attribute_name(state: State, chunk: str, position: int, closed: list[Closed]) -> _Step:
    character = chunk[position]
    if character in _SPACE:
        return state, position + 1
    if character == "=":
        return replace(state, kind="before_value"), position + 1
    return replace(state, kind="before_attribute", attribute=""), position


def _before_value(state: State, chunk: str, position: int, closed: list[Closed]) -> _Step:
    character = chunk[position]
    if character in _SPACE:
        return state, position + 1
    state = replace(state, value="")
    if character == '"':
        return replace(state, kind="double_quoted"), position + 1
    if character == "'":
        return replace(state, kind="single_quoted"), position + 1
    if character == ">":
        return _tag_end(state, is_self_closing=False), position + 1
    return replace(state, kind="unquoted"), position


def _quoted(state: State, chunk: str, position: int, closed: list[Closed]) -> _Step:
    quote = '"' if state.kind == "double_quoted" else "'"
    end = chunk.find(quote, position)
    if end < 0:
        return replace(state, value=state.value + chunk[position:]), len(chunk)
    state = replace(state, value=state.value + chunk[position:end])
    closed.append(Closed(state))
    return replace(state, kind="after_value", attribute="", value=""), end + 1


def _unquoted(state: State, chunk: str, position: int, closed: list[Closed]) -> _Step:
    end = _until(_UNQUOTED_END, chunk, position)
    if end == len(chunk):
        return state, end
    return replace(state, kind="before_attribute", attribute=""), end


def _after_value(state: State, chunk: str, position: int, closed: list[Closed]) -> _Step:
    return replace(state, kind="before_attribute"), position


def _raw(state: State, chunk: str, position: int, closed: list[Closed]) -> _Step:
    text = state.partial + chunk[position:]
    end = re.search(rf"</{state.element}(?=[ \t\n\f\r/>])", text, re.IGNORECASE)
    if end is None:
        kept = _open_end(text, f"</{state.element}")
        whole = text[: len(text) - len(kept)]
        return replace(state, value=state.value + whole, partial=kept), len(chunk)
    state = replace(state, value=state.value + text[: end.start()], partial="")
    closed.append(Closed(state))
    after = State(kind="before_attribute", element=state.element, is_end=True, foreign=state.foreign)
    return after, position + end.end() - (len(text) - len(chunk[position:]))


def _open_end(text: str, whole: str) -> str:
    start = text.rfind("<")
    return text[start:] if start >= 0 and whole.startswith(text[start:].lower()) else ""


_COMMENT_END: Final = re.compile(r"--!?>")


def _comment(state: State, chunk: str, position: int, closed: list[Closed]) -> _Step:
    text = state.partial + chunk[position:]
    begun = len("<!--") if text.startswith("<!--") else 0
    # `<!-->` and `<!--->` are whole comments.
    short = re.match(r"<!---?>", text) if begun else None
    end = short or _COMMENT_END.search(text, begun)
    if end is None:
        kept = text if begun and len(text) <= begun + 1 else text[-3:]
        return replace(state, partial=kept), len(chunk)
    return replace(state, kind="text", partial=""), position + end.end() - (len(text) - len(chunk[position:]))


def _cdata(state: State, chunk: str, position: int, closed: list[Closed]) -> _Step:
    text = state.partial + chunk[position:]
    end = text.find("]]>")
    if end < 0:
        return replace(state, partial=text[-2:]), len(chunk)
    return replace(state, kind="text", partial=""), position + end + 3 - (len(text) - len(chunk[position:]))


def _declaration(state: State, chunk: str, position: int, closed: list[Closed]) -> _Step:
    end = chunk.find(">", position)
    return (state, len(chunk)) if end < 0 else (replace(state, kind="text"), end + 1)


def _tag_end(state: State, *, is_self_closing: bool) -> State:
    element, foreign = state.element, state.foreign
    if state.is_end:
        if element in ("br", "p"):
            foreign = _broken_out(foreign)
        elif element in foreign:
            foreign = foreign[: len(foreign) - 1 - foreign[::-1].index(element)]
        return State(foreign=foreign)
    is_foreign = bool(foreign) and foreign[-1] in FOREIGN
    if element in FOREIGN or (is_foreign and element in HTML_IN_FOREIGN):
        return State(foreign=foreign if is_self_closing else (*foreign, element))
    if is_foreign:
        if element in ("style", "script") and not is_self_closing:
            return State(element=element, styled=True, foreign=foreign)
        breaks_out = element in _BREAKS_OUT or (element == "font" and not _FONT.isdisjoint(state.attributes))
        return State(foreign=_broken_out(foreign) if breaks_out else foreign)
    return State(kind="raw", element=element, foreign=foreign) if element in RAW_ELEMENTS else State(foreign=foreign)


def _broken_out(foreign: tuple[str, ...]) -> tuple[str, ...]:
    while foreign and foreign[-1] in FOREIGN:
        foreign = foreign[:-1]
    return foreign


def is_left_open(state: State) -> bool:
    """Say whether this is inside of a comment, or of an element that holds text only."""
    return state.kind in ("comment", "raw") or state.styled


def closing_of(state: State) -> str:
    """Return what closes the comment or element."""
    return "-->" if state.kind == "comment" else f"</{state.element}>"


def opened_at(state: State, chunk: str) -> tuple[int, bool]:
    """Return where in `chunk` the comment or element begins that is open after it, and whether one ends before."""
    closing, opening = ("-->", "<!--") if state.kind == "comment" else (f"</{state.element}", f"<{state.element}")
    # Not through `lower`, which changes the length of some texts.
    ends = [found.end() for found in re.finditer(closing, chunk, re.IGNORECASE)]
    begun = re.compile(opening, re.IGNORECASE).search(chunk, ends[-1] if ends else 0)
    return (0 if begun is None else begun.start()), bool(ends) and begun is not None


def _is_foreign(state: State) -> bool:
    return bool(state.foreign) and state.foreign[-1] in FOREIGN


def _until(end: re.Pattern[str], chunk: str, position: int) -> int:
    found = end.search(chunk, position)
    return len(chunk) if found is None else found.start()


_STEPS: Final = {
    "text": _text,
    "raw": _raw,
    "tag_open": _tag_open,
    "end_tag_open": _end_tag_open,
    "tag_name": _tag_name,
    "before_attribute": _before_attribute,
    "attribute_name": _attribute_name,
    "after_attribute_name": _after_attribute_name,
    "before_value": _before_value,
    "double_quoted": _quoted,
    "single_quoted": _quoted,
    "unquoted": _unquoted,
    "after_value": _after_value,
    "tag_gap": _before_attribute,
    "comment": _comment,
    "declaration": _declaration,
    "cdata": _cdata,
}
