"""Slips of the hand at which Jinja2's parser stops: a brace, a quote or an end too few, answered with what to write.

What stands after "write" replaces what stands there.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_OPENING: Final = {
    "if": "{% if a %}…{% endif %}",
    "for": "{% for a in items %}…{% endfor %}",
    "set": "{% set name = 1 %}",
    "with": "{% with a = 1 %}…{% endwith %}",
    "macro": "{% macro card(v) %}…{% endmacro %}",
    "call": "{% macro card() %}{{ caller() }}{% endmacro %}{% call card() %}…{% endcall %}",
    "raw": "{% raw %}…{% endraw %}",
    "autoescape": "{% autoescape true %}…{% endautoescape %}",
}
_WITHIN: Final = {
    "elif": "{% if a %}…{% elif b %}…{% endif %}",
    "else": "{% if a %}…{% else %}…{% endif %}",
    "break": "{% for a in items %}{% break %}{% endfor %}",
    "continue": "{% for a in items %}{% continue %}{% endfor %}",
}
TAGS: Final = {**{f"end{name}": example for name, example in _OPENING.items()}, **_WITHIN, **_OPENING}
"""The tags of the language, each with what shows its use."""
CLOSING: Final = frozenset({*(f"end{name}" for name in _OPENING), "else", "elif"})
"""Tags that end a block, or a part of one."""
_BLOCKS: Final = frozenset(_OPENING) | {"filter", "block"}
_NAME_CHARACTERS: Final = 40
_KEYWORDS: Final = frozenset({"and", "else", "if", "in", "is", "not", "or"})
_PIECE: Final = re.compile(
    r"\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`|\}\}|%\}|\{\{|\{%|\{#|[{}]|</?[a-zA-Z][\w-]*(?=\s*/?>|\s+[\w-]+=)|</"
)
"""What may end a tag, and the texts in it, which end none."""
_BEFORE: Final = re.compile(r"(?P<word>[^\W\d]\w*)(?P<gap>[ \t]+)\Z")
_AFTER: Final = re.compile(r"[^\W\d]\w*")
_UNKNOWN: Final = re.compile(r"unknown tag '(?P<name>[^']*)'")
_UNEXPECTED: Final = re.compile(r"unexpected char (?P<character>'.+'|\"'\") at \d+", re.DOTALL)
_GOT: Final = re.compile(r"expected token '[^']*', got '(?P<got>.*)'\Z", re.DOTALL)


_VALUE: Final = r"(?:\"[^\"]*\"|'[^']*'|[0-9]+(?:\.[0-9]+)?)"
_REPLACED: Final = (
    (r"\{%([-+]?)\s*else\s+if\s+(.*?)([-+]?)%\}", r"{%\1 elif \2\3%}", "`else if` is `elif` here"),
    (
        r"\{\{([-+]?)\s*((?:if|elif|for|set|with|macro|call)\s.*?)([-+]?)\}\}",
        r"{%\1 \2\3%}",
        "a statement stands between `{%` and `%}`",
    ),
    (
        r"\{%([-+]?)\s*for\s*\(?\s*(?:(?:let|const|var)\s+)?(\w+)\s+(?:of|in)\s+([^%()]+?)\s*\)?\s*([-+]?)%\}",
        r"{%\1 for \2 in \3 \4%}",
        "a loop has neither parentheses nor `of`",
    ),
    (r"\{%([-+]?)\s*set\s+(\w+)\s*:=\s*(.*?)%\}", r"{%\1 set \2 = \3%}", "`=` gives a value to a name"),
    (r"\{\{([-+]?)\s*\.(?=[^\W\d])(.*?)\}\}", r"{{\1 \2}}", "names of Go's templates begin with a dot"),
    (
        rf"(.*?\|\s*\w+)[ \t]+({_VALUE}(?:\s*,\s*{_VALUE})*)(.*?(?:\}}\}}|%\}}))",
        r"\1(\2)\3",
        "arguments of a filter stand in parentheses",
    ),
)
"""Tags that are written otherwise here: the whole tag, how it is written, and why."""
_QUOTES: Final = str.maketrans({**dict.fromkeys("“”„‟«»", '"'), **dict.fromkeys("‘’‚‛", "'")})
"""What word processors make of quotes."""
_TAG_MAX: Final = 200


def _replaced(tag: str, at: int, message: str) -> str | None:
    """Return the answer where the whole tag is written otherwise."""
    whole = _whole(tag[:_TAG_MAX])
    if whole is None or at > len(whole):
        return None
    character = _UNEXPECTED.match(message)
    if character is not None and character["character"][1:-1] in "“”„‟«»‘’‚‛":
        straight = whole.translate(_QUOTES)
        is_even = all(straight.count(quote) % 2 == 0 for quote in "\"'")
        return f"texts stand between straight quotes; write `{straight}`" if is_even else None
    for pattern, written, why in _REPLACED:
        found = re.fullmatch(pattern, whole)
        if found is not None and found.expand(written).split() != whole.split():
            return f"{why}; write `{found.expand(written)}`"
    return None


def slip(tag: str, at: int, message: str) -> str | None:
    """Return what is wrong with a tag and what to write; None where nothing is known of it.

    `tag` is the text from its braces on, or the beginning of that; `at` is where in it the parser stopped.
    """
    unknown = _UNKNOWN.search(message)
    if unknown is not None:
        return _unknown_tag(unknown["name"])
    return (
        _replaced(tag, at, message)
        or _quote(tag, at)
        or _assignment(tag, at, message)
        or _side_by_side(tag, at, message)
    )


def plain(message: str) -> str:
    """Return an error of Jinja2's parser without its own words."""
    character = _UNEXPECTED.match(message)
    if character is not None:
        return f"`{character['character'][1:-1]}` cannot stand in an expression"
    got = _GOT.search(message)
    if got is not None and "end of" not in got["got"]:
        return f"`{got['got']}` cannot stand here; {message}"
    return message


def unclosed(statements: Iterable[tuple[int, tuple[str, ...]]]) -> tuple[int, str] | None:
    """Return the innermost block that is open after these statements: its offset and name.

    Each statement is an offset and the values of its tokens.
    """
    opened: list[tuple[int, str]] = []
    for offset, values in statements:
        name = values[0] if values else ""
        if name in _BLOCKS and not (name == "set" and _is_inline(values)):
            opened.append((offset, name))
        elif opened and name == f"end{opened[-1][1]}":
            opened.pop()
    return opened[-1] if opened else None


def _is_inline(values: tuple[str, ...]) -> bool:
    """Say whether a `set` has its value in the tag, not in a block."""
    for value in values:
        if value in ("=", "|"):
            return value == "="
    return False


def _unknown_tag(name: str) -> str:
    name = name[:_NAME_CHARACTERS]
    if name in TAGS:
        if name in ("else", "elif"):
            return f"`{{% {name} %}}` stands in no `{{% if %}}` that is open; write `{TAGS[name]}`"
        opening = name.removeprefix("end")
        return f"`{{% {name} %}}` ends nothing: no `{{% {opening} %}}` is open here; delete it, or write `{TAGS[name]}`"
    near = get_close_matches(name, TAGS, n=1, cutoff=0.6)
    if not near:
        return f"`{name}` is no tag of a template; a value is printed with `{{{{ name }}}}`"
    return f"`{name}` is no tag; `{near[0]}` is one, write `{TAGS[near[0]]}`"


def end_missing(tag: str) -> str | None:
    """Return the answer where a tag does not end, or not as it began."""
    end = "}}" if tag.startswith("{{") else "%}"
    depth = 0
    sign, until = "", len(tag)
    for piece in _PIECE.finditer(tag, 2):
        sign, until = piece.group(), piece.start()
        if sign[0] in "\"'`":
            if "}}" in sign or "%}" in sign:
                return None  # a quote too few, or too many
        elif sign == "{" or (sign == "{{" and depth):
            depth += len(sign)
        elif sign[0] == "}" and depth >= len(sign):
            depth -= len(sign)
        elif sign == end or (sign == "}}" and depth == 1 and tag.startswith("}}", piece.start() + 1)):
            return None
        else:
            break
    else:
        sign, until = "", len(tag)
    content = tag[2:until].strip().rstrip("-+%").rstrip()
    if not content or "\n" in content or len(content) > 100:
        return f"`{end}` is missing: `{tag[:2]}` begins a tag, which does not end"
    written = f"{tag[:2]} {content} {end}"
    return f"`{end}` is missing{f' before `{sign}`' if sign.startswith('<') else ''}; write `{written}`"


def _quote(tag: str, at: int) -> str | None:
    """Return the answer where a quote in a text ended it."""
    quote = tag[at - 1 : at] if tag[at - 1 : at] in ("'", '"') else tag[at : at + 1]
    end = max(tag.rfind("}}"), tag.rfind("%}"))
    if quote not in ("'", '"') or end < 0:
        return None
    first, last = tag.find(quote), tag.rfind(quote, 0, end)
    other = '"' if quote == "'" else "'"
    inside = tag[first + 1 : last]
    if first == last:
        return f"the text that begins at `{quote}` does not end; texts stand between two of the same quotes"
    if at == first or other in inside or tag.count(quote, first + 1, last) != 1:
        return f"a text in `{quote}` ends at the next `{quote}`; write `\\{quote}` for one inside of it"
    fixed = f"{tag[:first]}{other}{inside}{other}{tag[last + 1 :]}"[: end + 2]
    return f"a text in `{quote}` ends at the next `{quote}`; take the other quotes, write `{fixed}`"


def _assignment(tag: str, at: int, message: str) -> str | None:
    if "got '='" not in message or tag[at : at + 1] != "=" or tag.startswith("==", at):
        return None
    fixed = _whole(f"{tag[:at]}=={tag[at + 1 :]}")
    return None if fixed is None else f"`=` gives a value to a name, `==` compares; write `{fixed}`"


def _side_by_side(tag: str, at: int, message: str) -> str | None:
    """Return the answer where two values follow each other with nothing between them."""
    after = _AFTER.match(tag, at)
    if "got" not in message or "end of" not in message or after is None or after.group() in _KEYWORDS:
        return None
    if tag[at - 1 : at].isdigit():
        return f"a name begins with a letter or `_`, not with a digit, and `{after.group()}` follows one"
    if not tag[:at].endswith((" ", "\t")):
        return None
    before = _BEFORE.search(tag, max(0, at - 60), at)
    joint = "_" if before is not None and before["word"] not in _KEYWORDS else " ~ "
    fixed = _whole(f"{tag[:at].rstrip()}{joint}{tag[at:]}")
    if fixed is None:
        return None
    if joint != "_":
        return f"nothing stands between two values; `~` joins them, write `{fixed}`"
    return f"a name has no blanks, take `_` (or put an operator between two names); write `{fixed}`"


def _whole(tag: str) -> str | None:
    """Return the tag as far as it goes; None where its end is not in sight."""
    end = tag.find("}}" if tag.startswith("{{") else "%}")
    return tag[: end + 2] if end >= 0 else None
