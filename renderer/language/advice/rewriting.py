"""Filters of Django and Liquid that have arguments, rewritten where they stand: `x|floatformat:2` is a filter here.

A hint that shows the author's own tag, with his names and arguments, can be pasted. It is made of the tag's tokens, and
parsed before it is shown.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from jinja2 import TemplateSyntaxError, nodes

from renderer.language.environment import PosterEnvironment
from renderer.language.filters import DATE_FILTERS

TAG_MAX_CHARACTERS: Final = 160
"""How long a tag is that is shown as a whole."""
_STEPS_MAX: Final = 8
_ENVIRONMENT: Final = PosterEnvironment()
_ARGUMENT: Final = r"(?:\"[^\"\n]*\"|'[^'\n]*'|-?[\w.]+)"
_COLON: Final = re.compile(rf"(?P<filter>\|\s*\w+)\s*:\s*(?P<arguments>{_ARGUMENT}(?:\s*,\s*{_ARGUMENT})*)")
_TAG: Final = re.compile(rf"\{{%[-+]?\s*(?P<name>\w+)(?P<arguments>(?:\s+{_ARGUMENT})*)\s*[-+]?%\}}")
_TEXT: Final = re.compile(r"([\"'])(.*)\1", re.DOTALL)
_INTEGER: Final = re.compile(r"-?[0-9]{1,3}")
_DECIMALS: Final = re.compile(r"-?([0-9]{1,2})[gu]{0,2}")
_SLICE: Final = re.compile(r"-?[0-9]*:-?[0-9]*(?::-?[0-9]+)?")
_STATEMENT: Final = re.compile(r"\{%[-+]?\s*(?P<name>\w+)")
_WRAPPED: Final = {
    "if": "{}{{% endif %}}",
    "elif": "{{% if a %}}{}{{% endif %}}",
    "for": "{}{{% endfor %}}",
    "set": "{}",
    "with": "{}{{% endwith %}}",
}
"""What makes a template of a statement."""
_OPENING: Final = {")": "(", "]": "["}
_KEYWORDS: Final = frozenset({"and", "elif", "else", "if", "in", "is", "not", "or"})
"""Names that call nothing."""
_OF_PARTS: Final = re.compile(r"\|\s*(?:map|sort)\((?=[\"'])")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    value: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.value)


@dataclass(frozen=True, slots=True)
class _Applied:
    """A filter in a tag: the value it is put on, its name, its arguments as they are written, and all of it."""

    subject: str
    name: str
    arguments: tuple[str, ...]
    start: int
    end: int


def rewritten(tag: str, name: str) -> str | None:
    """Return a tag in which `name` stands with arguments as it is written here.

    None where nothing is known of it, or of another filter beside it.
    """
    if len(tag) > TAG_MAX_CHARACTERS or "\n" in tag:
        return None
    if _COLON.search(tag) is not None:
        tag = _OF_PARTS.sub(r"\g<0>attribute=", _COLON.sub(r"\g<filter>(\g<arguments>)", tag))
    if not any(each.name == name and each.arguments for each in _filters(tag)):
        return None
    for _ in range(_STEPS_MAX):
        changed = _step(tag)
        if changed is None:
            break
        tag = changed
    return tag if _is_accepted(tag) else None


def rewritten_tag(tag: str) -> str | None:
    """Return what `{% cycle 'a' 'b' %}`, `{% firstof a b %}` or `{% widthratio a b 100 %}` is here, else None."""
    found = _TAG.fullmatch(tag)
    arguments = re.findall(_ARGUMENT, found["arguments"]) if found is not None else []
    if found is None or "as" in arguments or len(tag) > TAG_MAX_CHARACTERS:
        return None
    match found["name"], arguments:
        case "cycle", [_, _, *_]:
            write = f"{{{{ loop.cycle({', '.join(arguments)}) }}}}"
        case "firstof", [_, _, *_]:
            write = f"{{{{ {' or '.join(arguments)} }}}}"
        case "widthratio", [part, whole, width]:
            write = f"{{{{ ({part} / {whole} * {width}) | round | int }}}}"
        case _:
            return None
    return write if _is_accepted(write) else None


def _step(tag: str) -> str | None:
    """Return the tag with its first foreign filter rewritten; None where there is none."""
    for each in _filters(tag):
        rewrite = _FILTERS.get(each.name)
        made = rewrite(each) if rewrite is not None else None
        if made is None or made[0] == tag[each.start : each.end]:
            continue
        text, is_operation = made
        inner = tag[2:-2].strip("-+ \n\t")
        is_alone = tag.startswith("{{") and inner == tag[each.start : each.end].strip()
        if is_operation and not is_alone:
            text = f"({text})"
        return tag[: each.start] + text + tag[each.end :]
    return None


def _filters(tag: str) -> list[_Applied]:
    tokens = _tokens(tag)
    found = []
    for index in range(1, len(tokens)):
        if tokens[index].kind != "name" or tokens[index - 1].value != "|":
            continue
        start = _subject(tokens, index - 2)
        if start is None:
            continue
        arguments, last = _arguments(tag, tokens, index)
        subject = tag[tokens[start].start : tokens[index - 2].end]
        found.append(_Applied(subject, tokens[index].value, arguments, tokens[start].start, tokens[last].end))
    return found


def _tokens(tag: str) -> list[_Token]:
    tokens, at = [], 0
    try:
        for _, kind, value in _ENVIRONMENT.lex(tag):
            at = tag.find(value, at)
            if kind != "whitespace":
                tokens.append(_Token(kind, value, at))
            at += len(value)
    except TemplateSyntaxError:
        return []
    return tokens


def _subject(tokens: Sequence[_Token], last: int) -> int | None:
    """Return where the value begins that ends with this token: a name with its parts, calls and filters."""
    at = last
    while at > 0:
        if tokens[at].value in _OPENING:
            at = _opening(tokens, at)
            is_called = tokens[at - 1].kind == "name" and tokens[at - 1].value not in _KEYWORDS
            if is_called or tokens[at - 1].value in _OPENING:
                at -= 1
                continue
        elif tokens[at].kind not in ("name", "string", "integer", "float"):
            return None
        if tokens[at - 1].value not in (".", "|"):
            return at
        at -= 2
    return None


def _opening(tokens: Sequence[_Token], at: int) -> int:
    opening, depth = _OPENING[tokens[at].value], 0
    closing = tokens[at].value
    while at > 0:
        depth += (tokens[at].value == closing) - (tokens[at].value == opening)
        if depth == 0:
            return at
        at -= 1
    return 0


def _arguments(tag: str, tokens: Sequence[_Token], name: int) -> tuple[tuple[str, ...], int]:
    """Return the arguments of the filter as they are written, and the index of its last token."""
    if name + 1 >= len(tokens) or tokens[name + 1].value != "(":
        return (), name
    arguments, depth, begun = [], 0, tokens[name + 1].end
    for index in range(name + 1, len(tokens)):
        value = tokens[index].value
        depth += (value in "([{") - (value in ")]}")
        if depth == 0 or (depth == 1 and value == ","):
            arguments.append(tag[begun : tokens[index].start].strip())
            begun = tokens[index].end
        if depth == 0:
            return tuple(each for each in arguments if each), index
    return (), name


def _is_accepted(tag: str) -> bool:
    statement = _STATEMENT.match(tag)
    wrapping = _WRAPPED.get(statement["name"]) if statement is not None else "{}"
    if wrapping is None:
        return False
    try:
        tree = _ENVIRONMENT.parse(wrapping.format(tag))
    except TemplateSyntaxError:
        return False
    return all(_is_known(each) for each in tree.find_all(nodes.Filter))


def _is_known(node: nodes.Filter) -> bool:
    # Patterns of dates, and slices of two numbers, mean something else here.
    is_else = (node.name in DATE_FILTERS and node.args) or (node.name == "slice" and len(node.args) > 1)
    return node.name in _ENVIRONMENT.filters and not is_else


Rewrite = Callable[[_Applied], tuple[str, bool] | None]
"""Returns what to write, and whether it is an operation, which takes parentheses inside of others."""


def _text(argument: str) -> str | None:
    found = _TEXT.fullmatch(argument)
    return found[2] if found is not None else None


def _whole(argument: str) -> int | None:
    written = argument if (text := _text(argument)) is None else text
    return int(written) if _INTEGER.fullmatch(written) else None


def _length(argument: str) -> int | None:
    length = _whole(argument)
    return length if length is not None and length > 0 else None


def _floatformat(applied: _Applied) -> tuple[str, bool] | None:
    given = applied.arguments[0] if applied.arguments else "1"
    found = _DECIMALS.fullmatch(_text(given) or given)
    decimals = found[1] if found else given if given.isidentifier() else None
    # After `intcomma`, there would be two.
    subject = re.sub(r"\s*\|\s*number\s*\Z", "", applied.subject)
    return (f"{subject} | number(decimals={decimals})", False) if decimals else None


def _intcomma(applied: _Applied) -> tuple[str, bool] | None:
    # After `floatformat`, the number is grouped already.
    is_written = re.search(r"\|\s*number\([^()|]*\)\s*\Z", applied.subject) is not None
    return (applied.subject if is_written else f"{applied.subject} | number", False)


def _operator(operator: str, applied: _Applied) -> tuple[str, bool] | None:
    if len(applied.arguments) != 1:
        return None
    [given] = applied.arguments
    # Django takes a text of digits for a number.
    number = None if operator == "~" else _whole(given)
    return f"{applied.subject} {operator} {given if number is None else number}", True


def _prepend(applied: _Applied) -> tuple[str, bool] | None:
    return (f"{applied.arguments[0]} ~ {applied.subject}", True) if len(applied.arguments) == 1 else None


def _like(template: str, kind: Callable[[str], object], applied: _Applied) -> tuple[str, bool] | None:
    """Fill what to write with the subject and the one argument, as `kind` reads it."""
    if len(applied.arguments) != 1 or (value := kind(applied.arguments[0])) is None:
        return None
    return template.format(v=applied.subject, a=value), False


def _renamed(name: str, applied: _Applied) -> tuple[str, bool] | None:
    return (f"{applied.subject} | {name}", False) if not applied.arguments else None


def _written(argument: str) -> str:
    return argument


def _words(applied: _Applied) -> tuple[str, bool] | None:
    count = _length(applied.arguments[0]) if len(applied.arguments) == 1 else None
    subject = f"({applied.subject})" if "|" in applied.subject else applied.subject
    return (f"{subject}.split()[:{count}] | join(' ')", False) if count else None


def _slice(applied: _Applied) -> tuple[str, bool] | None:
    part = _text(applied.arguments[0]) if len(applied.arguments) == 1 else None
    subject = f"({applied.subject})" if "|" in applied.subject else applied.subject
    return (f"{subject}[{part}]", False) if part and _SLICE.fullmatch(part) else None


def _choice(condition: str, applied: _Applied) -> tuple[str, bool] | None:
    """Rewrite `yesno:"a,b"` and `pluralize:"a,b"`, whose texts stand in one argument."""
    texts = _text(applied.arguments[0]) if len(applied.arguments) == 1 else None
    if texts is None or "'" in texts or texts.count(",") > 1:
        return None
    first, comma, second = texts.partition(",")
    if not comma and condition.endswith("1"):
        first, second = "", first
    return f"'{first}' if {condition.format(applied.subject)} else '{second}'", True


def _stringformat(applied: _Applied) -> tuple[str, bool] | None:
    form = _text(applied.arguments[0]) if len(applied.arguments) == 1 else None
    if form is None or not re.fullmatch(r"[-+ 0#]*[0-9]*(?:\.[0-9]+)?[a-zA-Z]", form):
        return None
    return f"'%{form}' | format({applied.subject})", False


_FILTERS: Final[dict[str, Rewrite]] = {
    "floatformat": _floatformat,
    "intcomma": _intcomma,
    "truncatechars": partial(_like, "{v} | truncate({a}, true, '…', 0)", _length),
    "truncatewords": _words,
    "slice": _slice,
    **{
        name: partial(_operator, operator)
        for name, operator in (
            *(("add", "+"), ("plus", "+"), ("minus", "-"), ("times", "*"), ("divided_by", "/"), ("modulo", "%")),
            ("append", "~"),
        )
    },
    "prepend": _prepend,
    "cut": partial(_like, "{v} | replace({a}, '')", _written),
    "remove": partial(_like, "{v} | replace({a}, '')", _written),
    "default_if_none": partial(_like, "{v} | default({a})", _written),
    "divisibleby": lambda applied: _operator("is divisibleby", applied),
    "length_is": partial(_like, "({v} | length) == {a}", _whole),
    "pluralize": partial(_choice, "{} == 1"),
    "yesno": partial(_choice, "{}"),
    "stringformat": _stringformat,
    "urlizetrunc": partial(_like, "{v} | urlize({a})", _length),
    "center": partial(_like, "{v} | center({a})", _length),
    "wordwrap": partial(_like, "{v} | wordwrap({a})", _length),
    "dictsort": partial(_like, "{v} | sort(attribute={a})", lambda argument: argument if _text(argument) else None),
    "dictsortreversed": partial(_like, "{v} | sort(attribute={a}, reverse=true)", _written),
    "ljust": partial(_like, "'%-{a}s' | format({v})", _length),
    "rjust": partial(_like, "'%{a}s' | format({v})", _length),
    **{
        name: partial(_renamed, ours)
        for name, ours in (
            *(("upcase", "upper"), ("downcase", "lower"), ("strip", "trim"), ("size", "length"), ("uniq", "unique")),
            *(("strip_html", "striptags"), ("intword", "compact")),
        )
    },
}
