"""What the expressions of a template tell of the data: each name with its type, default and samples."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import nodes

from renderer.language.placeholders.shapes import Shape, Strength
from schemas.templates import DataType

_SAME_LIST: Final = frozenset({"list", "reject", "rejectattr", "select", "selectattr", "sort", "unique"})
_OF_LIST: Final = frozenset({"batch", "groupby", "join", "map", "max", "min", "slice", "sum"})
_EQUAL: Final = frozenset({"==", "eq", "equalto", "sameas"})
_MADE: Final = frozenset({"batch", "dictsort", "groupby", "map", "slice"})
"""Filters that make a list whose elements have shapes of the data."""
_ASKED: Final[tuple[tuple[frozenset[str], DataType, Strength], ...]] = (
    (frozenset({"stars"}), "rating", Strength.CERTAIN),
    (frozenset({"compact", "money", "number", "percent"}), "number", Strength.CERTAIN),
    (frozenset({"abs", "filesizeformat", "float", "int", "round"}), "number", Strength.MEANT),
    (frozenset({"date", "datetime", "time"}), "date", Strength.CERTAIN),
    (
        frozenset({"capitalize", "e", "escape", "lower", "replace", "split", "title", "trim", "truncate", "upper"}),
        "text",
        Strength.PRINTED,
    ),
    (_OF_LIST | _SAME_LIST, "list", Strength.MEANT),
    (frozenset({"dictsort", "items"}), "object", Strength.MEANT),
)
_LOCALE: Final = "en-US"
_NUMBER_FORMAT: Final[Mapping[str, str | int | None]] = {"locale": _LOCALE, "decimals": 1}
_DATE_FORMAT: Final[Mapping[str, str | int | None]] = {"style": "medium", "locale": _LOCALE}
_ARGUMENTS: Final[dict[str, Mapping[str, str | int | None]]] = {
    **dict.fromkeys(("number", "percent", "compact"), _NUMBER_FORMAT),
    **dict.fromkeys(("date", "time", "datetime"), _DATE_FORMAT),
    "money": {"currency": "EUR", "locale": _LOCALE},
    "batch": {"linecount": None},
    "center": {"width": None},
    "round": {"precision": 1},
    "slice": {"slices": None},
    "truncate": {"length": None},
    "wordwrap": {"width": None},
}
"""The arguments of filters, each with a sample, or None where it takes any number."""
_NUMBER_TESTS: Final = frozenset({"divisibleby", "even", "odd"})
_ARITHMETIC: Final = (nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Neg, nodes.Pos)
# These tests can be asked of a name that was not given.
_TOLERANT_TESTS: Final = frozenset({"defined", "undefined", "none"})

Needs = frozenset[str]
"""Names of placeholders that have to be given."""
NOTHING: Final[Needs] = frozenset()

_NUMBERS_ONLY: Final = re.compile(r"(?:[^%]|%%|%[-+ 0#]*[0-9]*(?:\.[0-9]+)?[dfFeEgG])*")


@dataclass(frozen=True, slots=True)
class Seen:
    """The parts of the data that an expression may hand through as they are, and what it needs."""

    shapes: tuple[Shape, ...] = ()
    needs: Needs = NOTHING

    def tell(self, data_type: DataType, strength: Strength) -> None:
        """Note what the place of the expression asks for."""
        for shape in self.shapes:
            shape.tell(data_type, strength)


Scope = dict[str, Seen]
"""Names that the template itself binds: the parts of the data they may stand for, and what using them needs."""


class Expressions(ABC):
    """Visits expressions and notes in the shapes of the data what they tell."""

    def __init__(self) -> None:
        self._visitors: Final[dict[type[nodes.Node], Callable[[Any, Scope], Seen]]] = {
            nodes.Name: self._name,
            nodes.Getattr: self._attribute,
            nodes.Getitem: self._subscript,
            nodes.Filter: self._filter,
            nodes.Call: self.call,
            nodes.Test: self._test,
            nodes.CondExpr: self._either,
            nodes.Or: self._first_of,
            nodes.And: self._first_of,
            nodes.Not: self._not,
            nodes.Compare: self._compare,
        }

    @abstractmethod
    def look_up(self, name: str, scope: Scope) -> Seen:
        """Return what a name stands for in the data; nothing where it is the template's own."""

    @abstractmethod
    def call(self, node: nodes.Call, scope: Scope, block: nodes.CallBlock | None = None) -> Seen:
        """Visit a call, of a macro with what its body needs."""

    def value(self, node: nodes.Node, scope: Scope) -> Seen:
        """Visit an expression whose value is used: what it names has to be there."""
        visit: Callable[[Any, Scope], Seen] | None = self._visitors.get(type(node))
        return self._operands(node, scope) if visit is None else visit(node, scope)

    def truth(self, node: nodes.Node, scope: Scope) -> Seen:
        """Visit an expression that only its truth is asked of: a name need not be there."""
        match node:
            case nodes.Name():
                seen = Seen(self._name(node, scope).shapes)
            case nodes.Not():
                return self.truth(node.node, scope)
            case nodes.And() | nodes.Or():
                return Seen(needs=self._first_of(node, scope, last=self.truth).needs)
            case _:
                seen = self.value(node, scope)
        seen.tell("boolean", Strength.TRUTH)
        return seen

    def _name(self, node: nodes.Name, scope: Scope) -> Seen:
        return self.look_up(node.name, scope)

    def _attribute(self, node: nodes.Getattr, scope: Scope) -> Seen:
        return self._part(node.node, node.attr, scope)

    def _subscript(self, node: nodes.Getitem, scope: Scope) -> Seen:
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return self._part(node.node, node.arg.value, scope)
        seen = self.value(node.node, scope)
        needs = seen.needs | self.value(node.arg, scope).needs
        if isinstance(node.arg, nodes.Slice):
            return Seen(seen.shapes, needs)
        is_number = isinstance(constant_of(node.arg), int)
        return Seen(tuple(shape.indexed() for shape in seen.shapes) if is_number else (), needs)

    def _part(self, node: nodes.Expr, name: str, scope: Scope) -> Seen:
        seen = self.value(node, scope)
        return Seen(tuple(shape.part(name) for shape in seen.shapes), seen.needs)

    def _not(self, node: nodes.Not, scope: Scope) -> Seen:
        return Seen(needs=self.truth(node.node, scope).needs)

    def _either(self, node: nodes.CondExpr, scope: Scope) -> Seen:
        needs = self.truth(node.test, scope).needs
        one = self.value(node.expr1, scope)
        other = self.value(node.expr2, scope) if node.expr2 is not None else Seen()
        return Seen(one.shapes + other.shapes, needs | (one.needs & other.needs))

    def _first_of(
        self, node: nodes.Or | nodes.And, scope: Scope, last: Callable[[nodes.Node, Scope], Seen] | None = None
    ) -> Seen:
        first = self.truth(node.left, scope)
        second = (last or self.value)(node.right, scope)
        # The second is needed only where the first does not decide.
        return Seen(first.shapes + second.shapes, first.needs)

    def _test(self, node: nodes.Test, scope: Scope) -> Seen:
        if node.name in _TOLERANT_TESTS and isinstance(node.node, nodes.Name):
            self.look_up(node.node.name, scope)
            return Seen()
        seen = self.value(node.node, scope)
        arguments = [self.value(argument, scope) for argument in node.args]
        for item in (seen, *arguments) if node.name in _NUMBER_TESTS else ():
            item.tell("number", Strength.GUESSED)
        return Seen(needs=seen.needs | union(item.needs for item in arguments))

    def _compare(self, node: nodes.Compare, scope: Scope) -> Seen:
        operands = [node.expr, *(operand.expr for operand in node.ops)]
        seen = [self.value(operand, scope) for operand in operands]
        for index, operand in enumerate(node.ops):
            is_within = operand.op in ("in", "notin")
            _compared(seen[index], constant_of(operands[index + 1]), is_within=is_within)
            if not is_within:
                _compared(seen[index + 1], constant_of(operands[index]), is_within=False)
        return Seen(needs=union(item.needs for item in seen))

    def _operands(self, node: nodes.Node, scope: Scope) -> Seen:
        """Visit what the expression is made of, for every kind of expression that has no visitor of its own."""
        pairs = [child for child in node.iter_child_nodes() if isinstance(child, nodes.Pair)]
        operands = [child for child in node.iter_child_nodes() if isinstance(child, nodes.Expr)]
        operands += [part for pair in pairs for part in (pair.key, pair.value)]
        seen = [self.value(operand, scope) for operand in operands]
        is_number = isinstance(node, _ARITHMETIC) or (
            isinstance(node, nodes.Add) and any(_type_of_constant(constant_of(item)) == "number" for item in operands)
        )
        for item in seen:
            if is_number:
                item.tell("number", Strength.MEANT)
            elif isinstance(node, nodes.Concat):
                item.tell("text", Strength.PRINTED)
        return Seen(needs=union(item.needs for item in seen))

    def _filter(self, node: nodes.Filter, scope: Scope) -> Seen:
        if node.node is None:
            return Seen()
        keywords: list[Any] = list(node.kwargs)
        arguments = [self.value(value, scope) for value in [*node.args, *(keyword.value for keyword in keywords)]]
        given = union(argument.needs for argument in arguments)
        seen = self.value(node.node, scope)
        if node.name in ("default", "d"):
            return _with_default(node, seen, given)
        needs = seen.needs | given
        _filtered(node, seen)
        _arguments_told(node, arguments)
        if node.name in ("max", "min") and isinstance(node.node, nodes.List):
            self._in_bounds(node.node, scope)
        if node.name == "format" and _NUMBERS_ONLY.fullmatch(str(constant_of(node.node))):
            for argument in arguments:
                argument.tell("number", Strength.GUESSED)
        if node.name in _SAME_LIST:
            return Seen(seen.shapes, needs)
        if node.name in ("first", "last"):
            return Seen(tuple(shape.indexed() for shape in seen.shapes), needs)
        return Seen(tuple(_made(node, shape) for shape in seen.shapes) if node.name in _MADE else (), needs)

    def _in_bounds(self, numbers: nodes.List, scope: Scope) -> None:
        """Note that a value which is compared with a number in `[value, 100] | min` is one."""
        if any(_type_of_constant(constant_of(item)) == "number" for item in numbers.items):
            for item in numbers.items:
                self.value(item, scope).tell("number", Strength.GUESSED)


def _arguments_told(node: nodes.Filter, arguments: list[Seen]) -> None:
    """Note what a filter takes besides the value, so that samples go with it."""
    taken = _ARGUMENTS.get(node.name)
    if taken is None:
        return
    keywords: list[Any] = list(node.kwargs)
    names = [*taken][: len(node.args)]
    names += [""] * (len(node.args) - len(names)) + [keyword.key for keyword in keywords]
    for name, seen in zip(names, arguments, strict=True):
        if name not in taken:
            continue
        sample = taken[name]
        if isinstance(sample, str):
            seen.tell("text", Strength.PRINTED)
        else:
            seen.tell("number", Strength.GUESSED)
        for shape in () if sample is None else seen.shapes:
            shape.compared.append(sample)


def _with_default(node: nodes.Filter, seen: Seen, given: Needs) -> Seen:
    if not isinstance(node.node, nodes.Name):
        return Seen(seen.shapes, seen.needs | given)
    for shape in seen.shapes:
        if not shape.has_default:
            shape.has_default = True
            shape.default = constant_of(node.args[0]) if node.args else ""
    return Seen(seen.shapes, given)


def _filtered(node: nodes.Filter, seen: Seen) -> None:
    for names, data_type, strength in _ASKED:
        if node.name in names:
            seen.tell(data_type, strength)
    if node.name in ("time", "datetime"):
        for shape in seen.shapes:
            shape.has_time = True
    named = _attribute_of(node)
    for shape in seen.shapes:
        if node.name == "sum":
            (shape.item() if named is None else shape.item().at(named)).tell("number", Strength.GUESSED)
        elif node.name in _OF_LIST and named is not None:
            shape.item().at(named).tell("text", Strength.PRINTED)
    if node.name == "selectattr":
        _selected(node, seen)


def _selected(node: nodes.Filter, seen: Seen) -> None:
    """Note what the elements that a template selects have, so that samples are selected as well."""
    named, test, wanted = (*(constant_of(argument) for argument in node.args), None, None, None)[:3]
    if not isinstance(named, str) or not named.isidentifier() or test not in (None, *_EQUAL):
        return
    parts = tuple(shape.item().at(named) for shape in seen.shapes)
    if test is None:
        Seen(parts).tell("boolean", Strength.GUESSED)
    else:
        _compared(Seen(parts), wanted, is_within=False)


def _attribute_of(node: nodes.Filter) -> str | None:
    """Return what `attribute=` names, or the first argument of a filter that takes it for that."""
    keywords: list[Any] = list(node.kwargs)
    named = next((constant_of(keyword.value) for keyword in keywords if keyword.key == "attribute"), None)
    if named is None and node.args and node.name in ("groupby", "sum"):
        named = constant_of(node.args[0])
    is_path = isinstance(named, str) and all(part.isidentifier() or part.isdigit() for part in named.split("."))
    return named if is_path else None


def _made(node: nodes.Filter, shape: Shape) -> Shape:
    """Return the shape of the list that a filter makes of a value."""
    named = _attribute_of(node)
    if node.name == "dictsort":
        return shape.made_of(pairs_of(shape))
    if node.name in ("batch", "slice"):
        shape.item()
        return shape.made_of(shape)
    if named is None:
        return Shape(shape.root)
    part = shape.item().at(named)
    if node.name == "map":
        return shape.made_of(part)
    group = Shape(shape.root, fields={"grouper": part, "list": shape}, pair=(("grouper", part), ("list", shape)))
    return shape.made_of(group)


def pairs_of(shape: Shape) -> Shape:
    """Return the shape of a pair of a key of an object and what it has there."""
    return Shape(shape.root, pair=(("key", Shape(shape.root)), ("value", shape.value())))


def _compared(seen: Seen, constant: Any, *, is_within: bool) -> None:
    if is_within != isinstance(constant, list):
        return
    for sample in constant if isinstance(constant, list) else [constant]:
        data_type = _type_of_constant(sample)
        if data_type is not None:
            seen.tell(data_type, Strength.PRINTED if data_type == "text" else Strength.GUESSED)
            for shape in seen.shapes:
                shape.compared.append(sample)


def constant_of(node: nodes.Node) -> Any:
    """Return the value of a literal, None for other expressions."""
    if not isinstance(node, nodes.Const | nodes.List | nodes.Tuple | nodes.Dict | nodes.Neg):
        return None
    try:
        value = node.as_const()
    except nodes.Impossible:
        return None
    return list(value) if isinstance(value, tuple) else value


def _type_of_constant(value: Any) -> DataType | None:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else None


def union(needs: Iterable[Needs]) -> Needs:
    """Return all of them."""
    return frozenset().union(*needs)
