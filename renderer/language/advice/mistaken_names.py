"""Names that mean something else than is meant: `this` or `counter` in a loop, `-` in a name, declarations misspelt.

All of it is for uploads: a version that was accepted without it is drawn as before.
"""

import re
from collections import Counter
from collections.abc import Iterator, Set
from difflib import SequenceMatcher
from typing import Final, get_args

from jinja2 import nodes

from renderer.language.advice import foreign
from renderer.language.problems import TemplateSyntaxProblemError
from renderer.language.source import Source, Tag, Token, offset_of, position
from schemas.templates import DataType, TemplateWarning

WARNINGS_MAX: Final = 5
"""How many warnings of a kind a template gets."""
_BLOCK: Final = "placeholders"
_FIRST_WORD: Final = re.compile(r"[-+]?\s*(?P<word>[^\W\d][\w-]{7,17})\s*(?P<colon>:|=|(?=\n))")
_DECLARATION: Final = re.compile(
    rf"^[ \t]*[^\W\d]\w*[ \t]*:[ \t]*(?:{'|'.join(get_args(DataType))}|required|optional|(?:default|sample)=)",
    re.MULTILINE,
)
_ALIKE: Final = 0.8
_CHARACTERS: Final = 100
"""How long names may be together to be repeated in a warning."""
_THIS: Final = "this"


def mistaken_this(source: Source, declared: Set[str]) -> list[TemplateSyntaxProblemError]:
    """Return the first `this` in a loop that is Handlebars' element, not a name of the template or its data."""
    if _THIS in declared or _THIS not in source.text or _binds_this(source.tree):
        return []
    used = list(_used(source.tree, None))
    if not used or any(loop is None for _, loop in used):
        return []
    node, loop = used[0]
    message = "`this` is Handlebars'; the parts of an element have the names of the loop"
    if loop is not None and isinstance(loop.target, nodes.Name):
        name = loop.target.name
        message = f"`this` is Handlebars'; the element of this loop is `{name}`, write `{{{{ {name} }}}}`"
    return [source.problem(message, offset_of(node))]


def mistaken_parts(source: Source, declared: Set[str]) -> list[TemplateSyntaxProblemError]:
    """Return the parts of `loop` that Django's has and Jinja2's has not, in a loop, and `block.super`."""
    problems: dict[int, TemplateSyntaxProblemError] = {}
    in_loops = (part for loop in source.tree.find_all(nodes.For) for part in loop.find_all(nodes.Getattr))
    for part in in_loops:
        if isinstance(part.node, nodes.Name) and part.node.name == "loop":
            ours = foreign.LOOPS.get(part.attr, part.attr)
            if ours != part.attr:
                message = f"`loop.{part.attr}` is that of Django's `forloop`; write `{{{{ loop.{ours} }}}}`"
                problems[offset_of(part)] = source.problem(message, offset_of(part.node))
    for part in source.tree.find_all(nodes.Getattr):
        is_super = isinstance(part.node, nodes.Name) and (part.node.name, part.attr) == ("block", "super")
        if is_super and "block" not in declared:
            message = "`block.super` is Django's, and a template stands alone; put the markup here"
            problems[offset_of(part)] = source.problem(message, offset_of(part.node))
    return [problems[offset] for offset in sorted(problems)]


def _binds_this(tree: nodes.Template) -> bool:
    return any(name.name == _THIS and name.ctx != "load" for name in tree.find_all(nodes.Name))


def _used(node: nodes.Node, loop: nodes.For | None) -> Iterator[tuple[nodes.Node, nodes.For | None]]:
    """Yield each use of `this` with the loop around it; what chooses the elements stands outside of a loop."""
    if isinstance(node, nodes.Name) and node.name == _THIS:
        yield node, loop
    for child in node.iter_child_nodes():
        is_inside = isinstance(node, nodes.For) and child is not node.iter and child is not node.test
        yield from _used(child, node if is_inside and isinstance(node, nodes.For) else loop)


def misspelt_block(source: Source) -> list[TemplateWarning]:
    """Return a warning for each comment that is meant to declare placeholders, but does not begin with the word."""
    warnings: list[TemplateWarning] = []
    for token in source.tokens:
        head = _FIRST_WORD.match(token.value) if token.kind == "comment" else None
        if head is None or len(warnings) >= WARNINGS_MAX:
            continue
        word = head["word"].lower()
        is_exact = word == _BLOCK and head["colon"] == ":"
        if is_exact or SequenceMatcher(None, word, _BLOCK).ratio() < _ALIKE:
            continue
        if _DECLARATION.search(token.value[head.end() :]) is not None:
            line = position(source.text, token.offset)[0]
            message = (
                f"line {line}: this comment declares nothing, because it begins with `{head['word']}{head['colon']}`; "
                f"write `{{# {_BLOCK}:`"
            )
            warnings.append(TemplateWarning(code="placeholder_comment", message=message))
    return warnings


def subtractions(source: Source, placeholders: frozenset[str], declared: frozenset[str]) -> list[TemplateWarning]:
    """Return a warning for names with `-` in them: without blanks around it, and with names that are nowhere else."""
    if not any("-" in source.text[tag.start : tag.end] for tag in source.tags):
        return []
    counts = Counter(token.value for tag in source.tags for token in tag.tokens if token.kind == "name")
    warnings: dict[str, TemplateWarning] = {}
    for tag in source.tags:
        for chain in _chains(tag):
            names = [token.value for token in chain]
            is_of_data = placeholders.issuperset(names[1:]) and declared.isdisjoint(names)
            is_elsewhere = all(counts[name] > names.count(name) for name in names)
            if not is_of_data or is_elsewhere or sum(map(len, names)) > _CHARACTERS:
                continue
            line = position(source.text, chain[0].offset)[0]
            message = (
                f"line {line}: `{'-'.join(names)}` is `{'` minus `'.join(names)}`; names have `_`, write "
                f"`{'_'.join(names)}`, or blanks around the minus"
            )
            warnings.setdefault("-".join(names), TemplateWarning(code="minus_in_name", message=message))
        if len(warnings) >= WARNINGS_MAX:
            break
    return list(warnings.values())[:WARNINGS_MAX]


def _chains(tag: Tag) -> Iterator[list[Token]]:
    """Yield names that are joined by `-` without blanks."""
    chain: list[Token] = []
    end = -1
    for before, token in zip((None, *tag.tokens), tag.tokens, strict=False):
        is_next = token.offset == end
        end = token.offset + len(token.value)
        if token.kind == "name" and is_next and chain and before is not None and before.value == "-":
            chain.append(token)
        elif not (token.value == "-" and is_next and chain):
            if len(chain) > 1:
                yield chain
            chain = [token] if token.kind == "name" else []
    if len(chain) > 1:
        yield chain
