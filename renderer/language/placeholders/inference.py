"""Reads from a template which data it takes: names, types, defaults, and what it cannot do without."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any, Final

from jinja2 import nodes

from renderer.language.analyse import ReadTemplate
from renderer.language.environment import FUNCTIONS, LIST_METHODS, OBJECT_METHODS, TEXT_METHODS
from renderer.language.placeholders.expressions import (
    NOTHING,
    Expressions,
    Needs,
    Scope,
    Seen,
    constant_of,
    pairs_of,
    union,
)
from renderer.language.placeholders.shapes import Shape, Strength
from renderer.language.source import offset_of

_DEPTH_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Inferred:
    """The placeholders of a template in the order of their first use, and those it always needs."""

    shapes: dict[str, Shape]
    needed: frozenset[str]


def infer(template: ReadTemplate) -> Inferred:
    """Return what the template takes from `custom_data`."""
    inference = _Inference(template)
    needed = inference.body(template.source.tree.body, {})
    return Inferred(shapes=inference.roots, needed=frozenset(needed))


class _Inference(Expressions):
    def __init__(self, template: ReadTemplate) -> None:
        super().__init__()
        self.roots: dict[str, Shape] = {}
        self._template = template
        self._macros = {macro.name: macro for macro in template.source.tree.find_all(nodes.Macro)}
        self._closures: dict[str, Scope] = {}
        self._calls: tuple[tuple[nodes.CallBlock | None, Scope], ...] = ()
        self._statements: Final[dict[type[nodes.Node], Callable[[Any, Scope], Needs]]] = {
            nodes.Output: self._output,
            nodes.If: self._if,
            nodes.For: self._for,
            nodes.Assign: self._set,
            nodes.With: self._with,
            nodes.AssignBlock: self._set_block,
            nodes.Macro: self._define,
            nodes.CallBlock: self._call_block,
            nodes.ScopedEvalContextModifier: self._scoped,
        }

    # -- statements ----------------------------------------------------------------------------------------------

    def body(self, statements: Iterable[nodes.Node], scope: Scope) -> Needs:
        """Return what the statements need, whichever way they go."""
        needs = NOTHING
        for statement in statements:
            needs |= self._statement(statement, scope)
        return needs

    def _statement(self, node: nodes.Node, scope: Scope) -> Needs:
        visit: Callable[[Any, Scope], Needs] | None = self._statements.get(type(node))
        return NOTHING if visit is None else visit(node, scope)

    def _output(self, node: nodes.Output, scope: Scope) -> Needs:
        return union(self._printed(part, scope) for part in node.nodes)

    def _set(self, node: nodes.Assign, scope: Scope) -> Needs:
        return self._assign(node.target, node.node, scope)

    def _with(self, node: nodes.With, scope: Scope) -> Needs:
        inner = dict(scope)
        pairs = zip(node.targets, node.values, strict=True)
        needs = union(self._assign(target, value, inner) for target, value in pairs)
        return needs | self.body(node.body, inner)

    def _set_block(self, node: nodes.AssignBlock, scope: Scope) -> Needs:
        needs = self.body(node.body, dict(scope))
        self._bind(node.target, Seen(), scope)
        return needs

    def _call_block(self, node: nodes.CallBlock, scope: Scope) -> Needs:
        return self.call(node.call, scope, node).needs

    def _define(self, node: nodes.Macro, scope: Scope) -> Needs:
        self._closures[node.name] = scope
        return NOTHING

    def _scoped(self, node: nodes.ScopedEvalContextModifier, scope: Scope) -> Needs:
        return self.body(node.body, scope)

    def _if(self, node: nodes.If, scope: Scope) -> Needs:
        asked = self.truth(node.test, scope).needs
        paths = [asked | self.body(node.body, dict(scope))]
        for branch in node.elif_:
            asked |= self.truth(branch.test, scope).needs
            paths.append(asked | self.body(branch.body, dict(scope)))
        paths.append(asked | self.body(node.else_, dict(scope)))
        # What a branch sets is seen after it; whether it was set cannot be told.
        for statement in node.find_all(nodes.Assign):
            self._bind(statement.target, Seen(), scope, keep=True)
        return reduce(and_, paths)

    def _for(self, node: nodes.For, scope: Scope) -> Needs:
        seen = self.value(node.iter, scope)
        elements = tuple(shape.item() for shape in seen.shapes if "object" not in shape.evidence)
        inner: Scope = {**scope, "loop": Seen(elements)}
        self._bind(node.target, Seen(elements), inner)
        needs = seen.needs | self.body(node.body, inner)
        if node.test is not None:
            needs |= self.truth(node.test, inner).needs
        self.body(node.else_, dict(scope))
        return needs

    def _again(self, arguments: list[nodes.Expr], scope: Scope) -> Needs:
        """Visit the call of a recursive loop: what it goes on with has elements like those of the loop."""
        elements = scope["loop"].shapes if "loop" in scope else ()
        seen = [self.value(argument, scope) for argument in arguments]
        for shape in (shape for item in seen for shape in item.shapes):
            shape.tell("list", Strength.MEANT)
            shape.element = shape.element or next(iter(elements), None)
        return union(item.needs for item in seen)

    def _assign(self, target: nodes.Node, value: nodes.Node, scope: Scope, source: Scope | None = None) -> Needs:
        seen = self.value(value, scope if source is None else source)
        if isinstance(value, nodes.Name):
            # Giving a name to what was not given is no use of it; using that name is.
            self._bind(target, seen, scope)
            return NOTHING
        self._bind(target, Seen(seen.shapes), scope)
        return seen.needs

    def _bind(self, target: nodes.Node, seen: Seen, scope: Scope, *, keep: bool = False) -> None:
        if isinstance(target, nodes.Name):
            if not (keep and target.name in self.roots):
                scope[target.name] = seen
        elif isinstance(target, nodes.Tuple):
            names = [item.name if isinstance(item, nodes.Name) else "" for item in target.items]
            parts = [shape.unpacked(names) for shape in seen.shapes]
            for index, item in enumerate(target.items):
                self._bind(item, Seen(tuple(part[index] for part in parts)), scope, keep=keep)

    def _printed(self, node: nodes.Expr, scope: Scope) -> Needs:
        if isinstance(node, nodes.TemplateData):
            return NOTHING
        seen = self.value(node, scope)
        for use in self._template.uses.get(self._template.source.tag_at(offset_of(node)), ()):
            certain = Strength.GUESSED if use.guard == "color_or_number" else Strength.CERTAIN
            seen.tell(use.data_type, Strength.PRINTED if use.data_type == "text" else certain)
            for shape in seen.shapes:
                shape.sample_type = "color" if use.guard == "color_or_number" else shape.sample_type
        return seen.needs

    # -- macros --------------------------------------------------------------------------------------------------

    def call(self, node: nodes.Call, scope: Scope, block: nodes.CallBlock | None = None) -> Seen:
        """Visit a call; that of a macro reads its body with what it is given."""
        arguments = [*node.args, *(keyword.value for keyword in node.kwargs)]
        match node.node:
            case nodes.Name(name=name) if name in self._macros and len(self._calls) < _DEPTH_MAX:
                return Seen(needs=self._macro(self._macros[name], node, scope, block))
            case nodes.Name(name="caller"):
                return Seen(needs=self._caller())
            case nodes.Name(name="loop"):
                return Seen(needs=self._again(arguments, scope))
            case nodes.Name():
                seen = [self.value(argument, scope) for argument in arguments]
                for item in seen:
                    # `range` is the only function of numbers; `dict` takes keywords.
                    item.tell("number", Strength.GUESSED)
                return Seen(needs=union(item.needs for item in seen))
            case nodes.Getattr():
                return self._method(node.node, arguments, scope)
        return Seen()

    def _method(self, method: nodes.Getattr, arguments: list[nodes.Expr], scope: Scope) -> Seen:
        called = self.value(method.node, scope)
        needs = called.needs | union(self.value(argument, scope).needs for argument in arguments)
        key = constant_of(arguments[0]) if arguments and method.attr == "get" else None
        if isinstance(key, str):
            return Seen(tuple(shape.part(key) for shape in called.shapes), needs)
        if method.attr in ("items", "values"):
            made = [pairs_of(shape) if method.attr == "items" else shape.value() for shape in called.shapes]
            return Seen(tuple(each.made_of(each) for each in made), needs)
        if method.attr in OBJECT_METHODS:
            called.tell("object", Strength.MEANT)
        elif method.attr in TEXT_METHODS - LIST_METHODS:
            called.tell("text", Strength.PRINTED)
        return Seen(needs=needs)

    def _macro(self, macro: nodes.Macro, call: nodes.Call, scope: Scope, block: nodes.CallBlock | None) -> Needs:
        inner: Scope = dict(self._closures.get(macro.name, {}))
        needs = NOTHING
        first_default = len(macro.args) - len(macro.defaults)
        named = {keyword.key: keyword.value for keyword in call.kwargs}
        for index, parameter in enumerate(macro.args):
            value = call.args[index] if index < len(call.args) else named.get(parameter.name)
            if value is not None:
                needs |= self._assign(parameter, value, inner, scope)
            elif index >= first_default:
                needs |= self._assign(parameter, macro.defaults[index - first_default], inner)
            else:
                inner[parameter.name] = Seen()
        with self._inside((*self._calls, (block, scope))):
            return needs | self.body(macro.body, inner)

    def _caller(self) -> Needs:
        if not self._calls:
            return NOTHING
        block, scope = self._calls[-1]
        if block is None:
            return NOTHING
        with self._inside(self._calls[:-1]):
            return self.body(block.body, dict(scope))

    @contextmanager
    def _inside(self, calls: tuple[tuple[nodes.CallBlock | None, Scope], ...]) -> Iterator[None]:
        before, self._calls = self._calls, calls
        try:
            yield
        finally:
            self._calls = before

    def look_up(self, name: str, scope: Scope) -> Seen:
        """Return what a name stands for in the data; nothing where it is the template's own."""
        if name == "loop":
            return Seen()
        if name in scope:
            return scope[name]
        if name in self._macros or name in ("caller", *FUNCTIONS):
            return Seen()
        return Seen((self.roots.setdefault(name, Shape(name)),), frozenset({name}))
