"""How large the lists and objects can get that a template builds itself.

minijinja's fuel pays for texts and loops, not for lists in lists: sixty times `{% set a = [a, a] %}` makes a value that
no machine can print. Every expression has a weight, the values it holds, and a depth; both are bounded.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Final

from jinja2 import nodes

from renderer.language.grammar import FUNCTIONS
from renderer.language.problems import TemplateSyntaxProblemError
from renderer.language.source import Source, offset_of

WEIGHT_MAX: Final = 10_000
DEPTH_MAX: Final = 100
_MESSAGE: Final = "the lists and objects that this template builds from one another are too large or nested too deeply"
# Filters that make lists of lists, or pairs.
_NESTING: Final = frozenset({"batch", "slice", "groupby", "dictsort", "items", "map"})
_FILTER_DEPTH: Final = 2
# Filters whose result is, or holds, what they are given; of the rest the result is a text, a number or a truth value.
_KEEPING: Final = frozenset(
    {
        *("d", "default", "first", "last", "list", "max", "min", "reject", "rejectattr", "reverse", "select"),
        *("selectattr", "sort", "split", "sum", "unique"),
    }
)
_SCALARS: Final = (nodes.Compare, nodes.Test, nodes.UnaryExpr, nodes.Concat, nodes.Const, nodes.Sub, nodes.Div)


@dataclass(frozen=True, slots=True)
class _Size:
    weight: int = 1
    depth: int = 0

    def __or__(self, other: "_Size") -> "_Size":
        return _Size(max(self.weight, other.weight), max(self.depth, other.depth))


def growth_problems(source: Source) -> list[TemplateSyntaxProblemError]:
    """Return the place where the template first builds too much, if any.

    Names are followed in the order of the text: what a loop's body sets is gone in the next turn.
    """
    given: dict[tuple[str, str], _Size] = {}
    while True:
        growth = _Growth(dict(given))
        growth.visit(source.tree)
        if growth.too_large is not None:
            return [source.problem(_MESSAGE, offset_of(growth.too_large))]
        if growth.given == given:
            return []
        # A macro's parameter is as large as the largest value that a call gives it, wherever the call stands.
        given = growth.given


class _Growth:
    def __init__(self, given: dict[tuple[str, str], _Size]) -> None:
        self.given = given
        self.too_large: nodes.Node | None = None
        self._names: defaultdict[str, _Size] = defaultdict(_Size)

    def visit(self, node: nodes.Node) -> None:
        match node:
            case nodes.Assign():
                self._bind(node.target, self._size(node.node))
            case nodes.For():
                self._bind(node.target, self._size(node.iter))
            case nodes.With():
                for target, value in zip(node.targets, node.values, strict=True):
                    self._bind(target, self._size(value))
            case nodes.Macro():
                for index, argument in enumerate(node.args):
                    self._bind(argument, self._given(node.name, str(index)) | self._given(node.name, argument.name))
                for argument, value in zip(reversed(node.args), reversed(node.defaults), strict=False):
                    self._bind(argument, self._size(value))
            case nodes.Expr():
                self._size(node)
                return
        for child in node.iter_child_nodes():
            self.visit(child)

    def _given(self, macro: str, parameter: str) -> _Size:
        return self.given.get((macro, parameter), _Size())

    def _bind(self, target: nodes.Node, size: _Size) -> None:
        for name in (target, *target.find_all(nodes.Name)):
            if isinstance(name, nodes.Name):
                self._names[name.name] |= size

    def _size(self, node: nodes.Node) -> _Size:
        size = self._unchecked(node)
        if self.too_large is None and (size.weight > WEIGHT_MAX or size.depth > DEPTH_MAX):
            self.too_large = node
        return size

    def _unchecked(self, node: nodes.Node) -> _Size:
        parts = [self._size(child) for child in node.iter_child_nodes()]
        size = _Size(max(1, sum(part.weight for part in parts)), max((part.depth for part in parts), default=0))
        match node:
            case nodes.Name(name=name):
                return self._names[name]
            case nodes.Call(node=nodes.Name(name=name)) if name not in FUNCTIONS:
                self._give(name, node)
                return _Size()
            case nodes.List() | nodes.Tuple() | nodes.Dict() | nodes.Call():
                return _Size(size.weight, size.depth + 1)
            case nodes.Filter(name=name):
                return _filtered(name, size)
            case nodes.CondExpr():
                # The test before them does not pass its value on.
                return reduce(or_, parts[1:])
        return _combined(node, size)

    def _give(self, macro: str, call: nodes.Call) -> None:
        values = [(str(index), value) for index, value in enumerate(call.args)]
        values += [(keyword.key, keyword.value) for keyword in call.kwargs]
        for parameter, value in values:
            self.given[macro, parameter] = self._given(macro, parameter) | self._size(value)


def _filtered(name: str, size: _Size) -> _Size:
    if name in _NESTING:
        return _Size(size.weight, size.depth + _FILTER_DEPTH)
    return size if name in _KEEPING else _Size()


def _combined(node: nodes.Node, size: _Size) -> _Size:
    if isinstance(node, nodes.Mul) and size.depth > 0:
        # Repeating what holds other values multiplies them; fuel pays for the first level only.
        return _Size(WEIGHT_MAX + 1, size.depth)
    return _Size() if isinstance(node, _SCALARS) else size
