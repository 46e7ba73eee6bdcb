"""The part of Jinja2's language that a poster's template may use: what both engines read alike, and cannot run away."""

from collections.abc import Iterator
from typing import Final

from jinja2 import nodes

from renderer.language.filters import FILTERS, FilterCallError, check_filter_call
from renderer.language.problems import TemplateSyntaxProblemError
from renderer.language.source import Source, offset_of

# minijinja's own filters that are kept, beside those of renderer/language/filters.py.
ENGINE_FILTERS: Final = frozenset(
    {
        *("abs", "batch", "bool", "count", "dictsort", "e", "escape", "filesizeformat", "first", "float", "format"),
        *("groupby", "int", "items", "join", "last", "length", "list", "map", "max", "min", "reject", "rejectattr"),
        *("reverse", "round", "select", "selectattr", "slice", "sort", "split", "string", "sum", "tojson", "unique"),
        *("urlencode",),
    }
)
TESTS: Final = frozenset(
    {
        *("boolean", "defined", "divisibleby", "eq", "equalto", "even", "false", "float", "ge", "greaterthan", "gt"),
        *("in", "integer", "iterable", "le", "lessthan", "lower", "lt", "mapping", "ne", "none", "number", "odd"),
        *("sameas", "sequence", "string", "true", "undefined", "upper", "==", "!=", "<", "<=", ">", ">="),
    }
)
# Filters of ours that minijinja has too: `map` takes its own.
MAPPED_FILTERS: Final = frozenset({"capitalize", "default", "d", "lower", "title", "trim", "upper"})
# Where the name of a test stands among the arguments.
_TESTING: Final = {"select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}
FUNCTIONS: Final = frozenset({"range", "dict"})
LOOP_METHODS: Final = frozenset({"cycle", "changed"})
DATA_METHODS: Final = frozenset({"get", "items", "keys", "values"})
RESERVED_PREFIX: Final = "__"

_HINTS: Final = {
    "safe": "`safe` is not available: every value is escaped; put markup into the template itself",
    "forceescape": "every value is escaped already; leave `forceescape` out",
    "xmlattr": "`xmlattr` is not available: write each attribute with its value in quotes",
}
_ALONE: Final = "a template stands alone: `extends`, `include`, `import` and `block` are not available"
_REFUSED: Final[dict[type[nodes.Node], str]] = {
    nodes.Extends: _ALONE,
    nodes.Include: _ALONE,
    nodes.Import: _ALONE,
    nodes.FromImport: _ALONE,
    nodes.Block: _ALONE,
    nodes.FilterBlock: "`filter` blocks are not available; put the filter on the value: `{{ name | upper }}`",
    nodes.NSRef: "`namespace` is not available; use `set`, or `sum` and other filters over a list",
}


def language_problems(source: Source) -> list[TemplateSyntaxProblemError]:
    """Return everything the template uses that posters' templates may not."""
    return list(_Check(source).problems())


def macro_names(tree: nodes.Template) -> frozenset[str]:
    """Return the names of the template's own macros."""
    return frozenset(macro.name for macro in tree.find_all(nodes.Macro))


class _Check:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._macros = macro_names(source.tree)

    def problems(self) -> Iterator[TemplateSyntaxProblemError]:
        for node in _in_order(self._source.tree):
            # A call begins at its parenthesis, which says less than its name.
            place = node.node if isinstance(node, nodes.Call) else node
            for message in self._messages(node):
                yield self._source.problem(message, offset_of(place))
        yield from self._repeated_macros()

    def _messages(self, node: nodes.Node) -> Iterator[str]:
        refused = _REFUSED.get(type(node))
        if refused is not None:
            yield refused
        match node:
            case nodes.Filter():
                yield from _filter(node)
            case nodes.Test(name=name) if name not in TESTS:
                yield f"there is no test `{name}`"
            case nodes.Call():
                yield from self._call(node)
            case nodes.Name(name=name) if name.startswith(RESERVED_PREFIX) or name == "self":
                yield f"the name `{name}` is reserved; take another"
            case nodes.For(recursive=True):
                yield "recursive loops are not available"
            case nodes.AssignBlock(filter=nodes.Filter()):
                yield "a `set` block takes no filter; put the filter where the value is used"
            case nodes.ScopedEvalContextModifier():
                yield from _autoescape(node)

    def _call(self, node: nodes.Call) -> Iterator[str]:
        match node.node:
            case nodes.Name(name=name):
                if name not in FUNCTIONS and name != "caller" and name not in self._macros:
                    yield f"there is no function `{name}`"
            case nodes.Getattr(node=nodes.Name(name="loop"), attr=method):
                if method not in LOOP_METHODS:
                    yield f"`loop` has no `{method}()`"
            case nodes.Getattr(attr=method):
                if method not in DATA_METHODS:
                    yield f"`.{method}()` is not available; use a filter"
            case _:
                yield "only macros, `range`, `dict` and `.items()` can be called"

    def _repeated_macros(self) -> Iterator[TemplateSyntaxProblemError]:
        seen: set[str] = set()
        for macro in self._source.tree.find_all(nodes.Macro):
            if macro.name in seen:
                yield self._source.problem(f"the macro `{macro.name}` is defined twice", offset_of(macro))
            seen.add(macro.name)


def _filter(node: nodes.Filter) -> Iterator[str]:
    yield from _known_filter(node.name)
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        yield f"`{node.name}`: arguments by `*` and `**` are not available"
    elif node.name in FILTERS:
        try:
            check_filter_call(node.name, len(node.args), [str(keyword.key) for keyword in node.kwargs])
        except FilterCallError as error:
            yield str(error)
    if node.name in ("batch", "slice", "map"):
        values: list[nodes.Expr] = [*node.args[1:], *(keyword.value for keyword in node.kwargs)]
        if not all(isinstance(value, nodes.Const) for value in values):
            yield f"`{node.name}` takes constants only"
    if node.name == "map" and node.args:
        yield from _mapped(node.args[0])
    if node.name in _TESTING:
        tested = node.args[_TESTING[node.name] :][:1]
        if tested and not (isinstance(tested[0], nodes.Const) and tested[0].value in TESTS):
            yield f"`{node.name}` takes the name of a test in quotes"


def _mapped(name: nodes.Expr) -> Iterator[str]:
    if not isinstance(name, nodes.Const):
        yield "`map` takes the name of a filter in quotes, or `attribute=…`"
    elif name.value in FILTERS and name.value not in MAPPED_FILTERS:
        yield f"`map` cannot use `{name.value}`; write a loop"
    else:
        yield from _known_filter(str(name.value))


def _known_filter(name: str) -> Iterator[str]:
    if name not in ENGINE_FILTERS and name not in FILTERS:
        yield _HINTS.get(name, f"there is no filter `{name}`")


def _autoescape(node: nodes.ScopedEvalContextModifier) -> Iterator[str]:
    on = all(isinstance(option.value, nodes.Const) and option.value.value is True for option in node.options)
    if not on:
        yield "`autoescape` cannot be switched off: every value is escaped"


def _in_order(node: nodes.Node) -> Iterator[nodes.Node]:
    for child in node.iter_child_nodes():
        yield child
        yield from _in_order(child)
