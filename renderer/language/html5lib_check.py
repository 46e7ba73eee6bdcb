"""A second opinion on every context: html5lib reads the template with a sentinel in place of each value.

`contexts/find_contexts.py` follows the tokenizer through all branches at once; here whole documents are parsed, one for
each choice of branches, as a browser would parse them.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from jinja2 import nodes

from renderer.language.analyse import ReadTemplate
from renderer.language.bounded_parser import NestingError, parsed
from renderer.language.contexts.contexts import Standing
from renderer.language.contexts.markup import RAW_ELEMENTS
from renderer.language.grammar import called_name
from renderer.language.problems import TemplateSyntaxProblemError
from renderer.language.source import offset_of

DOCUMENTS_MAX: Final = 4
"""How many choices of branches are parsed: more only where a condition has more branches than that."""
CHARACTERS_MAX: Final = 200_000
"""How much is parsed beyond the first document: html5lib takes two seconds for 1 MB."""
_SENTINEL: Final = re.compile(r"qz([0-9]+)zq")
_NAMESPACE: Final = re.compile(r"\{([^}]*)\}(.*)")
# The parser gives these the name of what they are taken for.
_TAKEN_FOR: Final = {"image": "img"}
_COMMANDING: Final = "meta http-equiv"


def disagreements(template: ReadTemplate) -> list[TemplateSyntaxProblemError]:
    """Return the values that html5lib finds in another place than the contexts say."""
    wrong: dict[int, Standing] = {}
    for document in _documents(template):
        try:
            found = list(_standings(document))
        except NestingError as error:
            return [TemplateSyntaxProblemError(str(error))]
        except (AssertionError, LookupError, AttributeError, TypeError, ValueError, RecursionError):
            # html5lib gives up on some framesets and tables nested beyond reason.
            return [TemplateSyntaxProblemError("this is HTML that no parser makes sense of; write valid HTML")]
        for tag, standing in found:
            expected = {_named_alike(item) for item in template.standings.get(tag, ())}
            if _named_alike(standing) not in expected:
                wrong.setdefault(tag, standing)
    return [_problem(template, tag, standing) for tag, standing in sorted(wrong.items())]


def _problem(template: ReadTemplate, tag: int, standing: Standing) -> TemplateSyntaxProblemError:
    shown = template.source.tags[tag]
    place = "in text"
    if standing.attribute:
        place = f"in `{standing.attribute}` of `<{standing.element}>`"
    elif standing.element:
        place = f"in `<{standing.element}>`"
    message = f"`{shown.text}`: a browser finds this {place}; close what is open before it"
    if standing.element == _COMMANDING:
        message = f"`{shown.text}`: no value can stand in a `<meta http-equiv>`"
    return template.source.problem(message, shown.start)


def _documents(template: ReadTemplate) -> Iterator[str]:
    tree = template.source.tree
    branches = [2 + len(node.elif_) for node in tree.find_all(nodes.If)]
    parsed = 0
    for choice in range(min(DOCUMENTS_MAX, max(branches, default=1))):
        document = "".join(_Flattening(template, choice).body(tree.body))
        parsed += len(document)
        if choice > 0 and parsed > CHARACTERS_MAX:
            return
        yield document


class _Flattening:
    """The text of a template, with the branch number `choice` of every condition."""

    def __init__(self, template: ReadTemplate, choice: int) -> None:
        self._template = template
        self._choice = choice
        self._macros = {macro.name: macro for macro in template.source.tree.find_all(nodes.Macro)}
        self._blocks: tuple[nodes.CallBlock | None, ...] = ()

    def body(self, statements: Iterable[nodes.Node]) -> Iterator[str]:
        for statement in statements:
            yield from self._statement(statement)

    def _statement(self, node: nodes.Node) -> Iterator[str]:
        match node:
            case nodes.Output():
                for part in node.nodes:
                    yield from self._printed(part)
            case nodes.If():
                bodies = [node.body, *(branch.body for branch in node.elif_), node.else_]
                yield from self.body(bodies[self._choice % len(bodies)])
            case nodes.For():
                yield from self.body(node.body)
                yield from self.body(node.else_)
            case nodes.CallBlock():
                yield from self._called(node.call, node)
            case nodes.With() | nodes.ScopedEvalContextModifier():
                yield from self.body(node.body)

    def _printed(self, node: nodes.Node) -> Iterator[str]:
        if isinstance(node, nodes.TemplateData):
            yield node.data
        elif called_name(node) == "loop":
            return  # the loop's body is there once already
        elif isinstance(node, nodes.Call) and self._is_own(called_name(node)):
            yield from self._called(node, None)
        else:
            yield f"qz{self._template.source.tag_at(offset_of(node))}zq"

    def _is_own(self, name: str | None) -> bool:
        return name in self._macros or (name == "caller" and bool(self._blocks))

    def _called(self, call: nodes.Call, block: nodes.CallBlock | None) -> Iterator[str]:
        name = call.node.name if isinstance(call.node, nodes.Name) else ""
        before = self._blocks
        if name == "caller":
            caller, self._blocks = self._blocks[-1], self._blocks[:-1]
            yield from self.body(caller.body if caller is not None else ())
        else:
            self._blocks = (*self._blocks, block)
            yield from self.body(self._macros[name].body)
        self._blocks = before


def _standings(document: str) -> Iterator[tuple[int, Standing]]:
    for element in parsed(document).iter():
        if not isinstance(element.tag, str):
            continue
        namespace, name = _name(element.tag)
        is_raw = name in RAW_ELEMENTS if not namespace else name in ("style", "script")
        yield from _found(element.text, Standing(name if is_raw else ""))
        for child in element:
            yield from _found(child.tail, Standing(name if is_raw else ""))
        if name == "meta" and "http-equiv" in element.attrib:
            # It may come after the value, which the contexts have passed by then.
            name = _COMMANDING
        for attribute, value in element.attrib.items():
            # An attribute with a prefix comes as (prefix, name, namespace) or as `{namespace}name`.
            label = attribute[1] if isinstance(attribute, tuple) else _name(attribute)[1]
            yield from _found(value, Standing(name, label.rpartition(":")[2]))


def _found(text: str | None, standing: Standing) -> Iterator[tuple[int, Standing]]:
    for match in _SENTINEL.finditer(text or ""):
        yield int(match.group(1)), standing


def _name(tag: str) -> tuple[str, str]:
    match = _NAMESPACE.fullmatch(tag)
    return (match.group(1), match.group(2).lower()) if match else ("", tag.lower())


def _named_alike(standing: Standing) -> Standing:
    element = _TAKEN_FOR.get(standing.element, standing.element)
    return Standing(element, standing.attribute.rpartition(":")[2])
