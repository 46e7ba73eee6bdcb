"""Puts a guard round every value that a template prints, in Jinja2's own syntax tree."""

from collections.abc import Mapping
from typing import Final

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from renderer.language.contexts.contexts import ALIKE, Guard, Use
from renderer.language.environment import CALLED
from renderer.language.grammar import is_own_call, macro_names
from renderer.language.guards import SIGNED
from renderer.language.source import Source, offset_of

GUARD_FILTER: Final = "guard "
"""Names of our own filters hold a space, so that no template can name them."""
SLICE_FILTER: Final = "slice "


def guarded(source: Source, uses: Mapping[int, tuple[Use, ...]]) -> nodes.Template:
    """Change the tree of `source` and return it: each printed value passes the guard of its context.

    The line number of each node is the offset of its place in the text plus one, so that an error leads to the place.
    """
    tree: nodes.Template = _Guarding(source, uses).visit(source.tree)
    for node in (tree, *tree.find_all(nodes.Node)):
        node.lineno = _place(node)
    return tree


def guard_of(uses: tuple[Use, ...]) -> Guard:
    """Return the guard of a value that is used like this.

    A macro may print a value in text and in an attribute; what suits the attribute suits the text.
    """
    guards = [use.guard for use in uses]
    for alike in ALIKE:
        if set(guards).issubset(alike):
            return next(guard for guard in alike if guard in guards)
    return next((guard for guard in guards if guard != "text"), "text")


class _Guarding(NodeTransformer):
    def __init__(self, source: Source, uses: Mapping[int, tuple[Use, ...]]) -> None:
        self._source = source
        self._uses = uses
        self._macros = macro_names(source.tree)

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802 - Jinja2 names visitors so
        self.generic_visit(node)
        before = [None, *node.nodes]
        node.nodes = [self._printed(each, before[index]) for index, each in enumerate(node.nodes)]
        return node

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if isinstance(node.node, nodes.Getattr):
            node.node.attr += CALLED
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if not isinstance(node.arg, nodes.Slice):
            return node
        bounds = [
            bound or nodes.Const(None, lineno=node.lineno) for bound in (node.arg.start, node.arg.stop, node.arg.step)
        ]
        return nodes.Filter(node.node, SLICE_FILTER, bounds, [], None, None, lineno=node.lineno)

    def _printed(self, node: nodes.Expr, before: nodes.Expr | None) -> nodes.Expr:
        if isinstance(node, nodes.TemplateData):
            return node
        tag = self._source.tag_at(offset_of(node))
        guard: str = self._guard_of(node, self._uses.get(tag, ()))
        if guard == "unsigned" and isinstance(before, nodes.TemplateData) and before.data[-1:] in SIGNED:
            # The guard writes the sign: with that of the value there would be two, which CSS drops.
            guard, before.data = before.data[-1], before.data[:-1]
        at = nodes.Const(tag, lineno=node.lineno)
        return nodes.Filter(node, GUARD_FILTER + guard, [at], [], None, None, lineno=node.lineno)

    def _guard_of(self, node: nodes.Expr, uses: tuple[Use, ...]) -> Guard:
        if uses:
            return guard_of(uses)
        return "fragment" if is_own_call(node, self._macros) else "nowhere"


def _place(node: nodes.Node) -> int:
    try:
        return offset_of(node) + 1
    except TypeError:
        return node.lineno
