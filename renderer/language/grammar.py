"""The part of Jinja2's language that a poster's template may use: everything but a list of constructs.

What is refused here is refused when the template is uploaded, with what to write instead.
"""

import inspect
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any, Final

from jinja2 import nodes

from renderer.language.advice import foreign
from renderer.language.date_patterns import pattern_problem
from renderer.language.environment import FUNCTIONS, METHODS, PosterEnvironment
from renderer.language.filters import DATE_FILTERS
from renderer.language.problems import TemplateSyntaxProblemError
from renderer.language.source import Source, offset_of

BRANCHES_MAX: Final = 2_000
"""How many `elif` a condition may have: Python compiles each inside of the one before."""
_ENVIRONMENT: Final = PosterEnvironment()
_NAME_CHARACTERS: Final = 40
"""How much of a name is compared to find the one that was meant."""
# Where the name of a test stands among the arguments.
_TESTING: Final = {"select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}
_ALONE: Final = "a template stands alone: `extends`, `include`, `import` and `block` are not available"
_REFUSED: Final[dict[type[nodes.Node], str]] = {
    nodes.Extends: _ALONE,
    nodes.Include: _ALONE,
    nodes.Import: _ALONE,
    nodes.FromImport: _ALONE,
    nodes.Block: _ALONE,
    nodes.FilterBlock: "`filter` blocks are not available; put the filter on the value: `{{ name | upper }}`",
}


def language_problems(source: Source) -> list[TemplateSyntaxProblemError]:
    """Return everything the template uses that posters' templates may not."""
    return list(_Check(source).problems())


def macro_names(tree: nodes.Template) -> frozenset[str]:
    """Return the names of the template's own macros."""
    return frozenset(macro.name for macro in tree.find_all(nodes.Macro))


def is_own_call(node: nodes.Node, macros: frozenset[str]) -> bool:
    """Say whether this calls a macro, the block of a `call`, or the recursive loop around it."""
    name = called_name(node)
    return name in macros or name in ("caller", "loop")


def called_name(node: nodes.Node) -> str | None:
    """Return the name of what this calls, if it calls something by its name."""
    return node.node.name if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) else None


class _Check:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._macros = macro_names(source.tree)
        self._joiners = {
            each.target.name
            for each in source.tree.find_all(nodes.Assign)
            if isinstance(each.target, nodes.Name) and called_name(each.node) == "joiner"
        }

    def problems(self) -> Iterator[TemplateSyntaxProblemError]:
        for node, loops in _in_order(self._source.tree, ()):
            # A call begins at its parenthesis, which says less than its name.
            place = node.node if isinstance(node, nodes.Call) else node
            for message in self._messages(node, loops):
                yield self._source.problem(message, offset_of(place))
        yield from self._repeated_macros()
        for jump in _stray_jumps(self._source.tree, in_loop=False):
            word = "break" if isinstance(jump, nodes.Break) else "continue"
            yield self._source.problem(f"`{{% {word} %}}` stands in no loop", offset_of(jump))

    def _messages(self, node: nodes.Node, loops: tuple[nodes.For, ...]) -> Iterator[str]:
        refused = _REFUSED.get(type(node))
        if refused is not None:
            yield refused
        match node:
            case nodes.Filter():
                yield from _filter(node, self._source)
            case nodes.Test(name=name) if name not in _ENVIRONMENT.tests:
                yield foreign.test_hint(name)
            case nodes.Call():
                yield from self._call(node, loops)
            case nodes.Name():
                yield from self._name(node)
            case nodes.Getattr(node=nodes.Name(name="forloop"), attr=attribute) if loops:
                part = foreign.LOOPS.get(attribute, "index")
                yield f"`forloop` is Django's and Liquid's; write `{{{{ loop.{part} }}}}`"
            case nodes.If() if len(node.elif_) > BRANCHES_MAX:
                yield f"a condition may have {BRANCHES_MAX} `elif`; this one has {len(node.elif_):,}"
            case nodes.AssignBlock(filter=nodes.Filter()):
                yield "a `set` block takes no filter; put the filter where the value is used"
            case nodes.ScopedEvalContextModifier():
                yield from _autoescape(node)

    def _name(self, node: nodes.Name) -> Iterator[str]:
        if node.name == "self":
            yield "the name `self` is reserved; take another"
        elif node.name == "else":
            yield "`{{else}}` is Handlebars'; in an `if` or a `for` write `{% else %}`"
        elif node.ctx != "load" and (node.name in self._macros or node.name == "caller"):
            yield f"`{node.name}` is a macro; take another name"

    def _call(self, node: nodes.Call, loops: tuple[nodes.For, ...]) -> Iterator[str]:
        match node.node:
            case nodes.Name(name="loop"):
                if not (loops and loops[-1].recursive):
                    yield "`loop(…)` can be called in a loop that is `recursive`: `{% for a in items recursive %}`"
                elif len(node.args) != 1 or node.kwargs:
                    yield "`loop(…)` takes the list to go on with"
            case nodes.Name(name=name):
                if name not in FUNCTIONS | self._macros | self._joiners | {"caller"}:
                    yield foreign.function_hint(name)
            case nodes.Getattr(attr=method):
                if method not in METHODS:
                    yield foreign.method_hint(method)
            case _:
                yield "only macros, `range`, `dict` and methods such as `.items()` can be called"

    def _repeated_macros(self) -> Iterator[TemplateSyntaxProblemError]:
        seen: set[str] = set()
        for macro in self._source.tree.find_all(nodes.Macro):
            if macro.name in seen:
                yield self._source.problem(f"the macro `{macro.name}` is defined twice", offset_of(macro))
            seen.add(macro.name)


def _filter(node: nodes.Filter, source: Source) -> Iterator[str]:
    if node.name not in _ENVIRONMENT.filters:
        tag = source.tags[source.tag_at(offset_of(node))]
        text = source.text[tag.start : tag.end]
        yield _number_format(node) if node.name == "number_format" else _unknown_filter(node.name, text)
        return
    arguments: list[nodes.Node] = [*node.args]
    keywords = [str(keyword.key) for keyword in node.kwargs]
    if node.dyn_args is None and node.dyn_kwargs is None:
        yield from _arguments(node.name, len(arguments), keywords)
    if node.name == "urlize" and "extra_schemes" in keywords:
        yield "`urlize` links http(s) and mailto addresses only"
    if node.name == "map" and arguments and isinstance(arguments[0], nodes.Const):
        name = str(arguments[0].value)
        if name not in _ENVIRONMENT.filters:
            yield _unknown_filter(name)
    if node.name in _TESTING:
        tested = arguments[_TESTING[node.name] :][:1]
        if tested and isinstance(tested[0], nodes.Const) and tested[0].value not in _ENVIRONMENT.tests:
            yield foreign.test_hint(str(tested[0].value))
    yield from _pattern(node)


def _pattern(node: nodes.Filter) -> Iterator[str]:
    kind, style = DATE_FILTERS.get(node.name), literal_style(node, node.args[:1])
    problem = None if kind is None or style is None else pattern_problem(kind, style)
    if problem is not None:
        yield f"`{node.name}`: {problem}"


def literal_style(node: nodes.Filter, first: list[nodes.Expr]) -> str | None:
    """Return the style of a date that stands in the template as a text."""
    style = next(iter(first), None) or next((each.value for each in node.kwargs if each.key == "style"), None)
    return style.value if isinstance(style, nodes.Const) and isinstance(style.value, str) else None


def _unknown_filter(name: str, tag: str = "") -> str:
    known = foreign.filter_hint(name, tag)
    if known is not None:
        return known
    near = get_close_matches(name[:_NAME_CHARACTERS], _ENVIRONMENT.filters, n=1, cutoff=0.75)
    return f"there is no filter `{name}`" + (f"; `{near[0]}` is one" if near else "")


_LOCALES: Final = {
    (",", "."): "de-DE",
    (".", ","): "en-US",
    (",", " "): "fr-FR",
    (".", "'"): "de-CH",
    (".", "’"): "de-CH",
}
"""Locales by their separators of decimals and thousands."""


def _number_format(node: nodes.Filter) -> str:
    """Return the hint for Twig's filter, with the locale that has its separators."""
    given = [value.value for value in node.args if isinstance(value, nodes.Const)]
    hint = _unknown_filter("number_format")
    if len(given) != len(node.args) or not given or not isinstance(given[0], int):
        return hint
    locale = _LOCALES.get((given[1], given[2])) if len(given) == 3 else None
    arguments = f'"{locale}", {given[0]}' if locale else f"decimals={given[0]}"
    return f"{hint.rpartition(' `')[0]} `{{{{ value | number({arguments}) }}}}`"


def _signatures() -> Iterator[tuple[str, tuple[inspect.Signature, int]]]:
    for name, function in _ENVIRONMENT.filters.items():
        original: Callable[..., Any] = inspect.unwrap(function)
        # The value, and what Jinja2 passes before it.
        yield name, (inspect.signature(original), 2 if hasattr(original, "jinja_pass_arg") else 1)


_SIGNATURES: Final = dict(_signatures())


def _arguments(name: str, positional: int, keywords: list[str]) -> Iterator[str]:
    """Yield what is wrong where a filter does not take this many arguments, or not of these names."""
    signature, given = _SIGNATURES[name]
    try:
        signature.bind(*[None] * (given + positional), **dict.fromkeys(keywords))
    except TypeError as error:
        yield f"`{name}`: {error}"


def _autoescape(node: nodes.ScopedEvalContextModifier) -> Iterator[str]:
    on = all(isinstance(option.value, nodes.Const) and option.value.value is True for option in node.options)
    if not on:
        yield "`autoescape` cannot be switched off: every value is escaped"


def _in_order(node: nodes.Node, loops: tuple[nodes.For, ...]) -> Iterator[tuple[nodes.Node, tuple[nodes.For, ...]]]:
    inside = (*loops, node) if isinstance(node, nodes.For) else () if isinstance(node, nodes.Macro) else loops
    for child in node.iter_child_nodes():
        yield child, inside
        yield from _in_order(child, inside)


def _stray_jumps(node: nodes.Node, *, in_loop: bool) -> Iterator[nodes.Node]:
    """Yield each `break` and `continue` outside of a loop. What a macro or a `call` holds is in none."""
    if isinstance(node, nodes.Break | nodes.Continue) and not in_loop:
        yield node
    if isinstance(node, nodes.For):
        inside = [(child, True) for child in node.body] + [
            (child, in_loop and not node.recursive) for child in node.else_
        ]
    else:
        stays = in_loop and not isinstance(node, nodes.Macro | nodes.CallBlock)
        inside = [(child, stays) for child in node.iter_child_nodes()]
    for child, is_looped in inside:
        yield from _stray_jumps(child, in_loop=is_looped)


def ends_with(node: nodes.Node, name: str) -> bool:
    """Say whether this filter has the last word on every value of the expression."""
    match node:
        case nodes.Filter():
            return node.name == name
        case nodes.CondExpr():
            return ends_with(node.expr1, name) and (node.expr2 is None or ends_with(node.expr2, name))
    return False
