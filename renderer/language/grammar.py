"""The part of Jinja2's language that a poster's template may use: everything but a list of constructs.

What is refused here is refused when the template is uploaded, with what to write instead.
"""

from collections.abc import Iterator
from typing import Final

from jinja2 import nodes

from renderer.language.environment import FUNCTIONS, METHODS, PosterEnvironment
from renderer.language.filters import FILTERS, FilterCallError, check_filter_call
from renderer.language.problems import TemplateSyntaxProblemError
from renderer.language.source import Source, offset_of

_ENVIRONMENT: Final = PosterEnvironment()
# Where the name of a test stands among the arguments.
_TESTING: Final = {"select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}
_HINTS: Final = {
    "safe": "`safe` is not available: every value is escaped; put markup into the template itself",
    "xmlattr": "`xmlattr` is not available: write each attribute with its value in quotes",
    "random": "`random` is not available: a poster looks the same each time it is drawn",
}
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
            case nodes.Test(name=name) if name not in _ENVIRONMENT.tests:
                yield f"there is no test `{name}`"
            case nodes.Call():
                yield from self._call(node)
            case nodes.Name(name="self"):
                yield "the name `self` is reserved; take another"
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
            case nodes.Getattr(attr=method):
                if method not in METHODS:
                    yield f"`.{method}()` is not available; use a filter"
            case _:
                yield "only macros, `range`, `dict` and methods such as `.items()` can be called"

    def _repeated_macros(self) -> Iterator[TemplateSyntaxProblemError]:
        seen: set[str] = set()
        for macro in self._source.tree.find_all(nodes.Macro):
            if macro.name in seen:
                yield self._source.problem(f"the macro `{macro.name}` is defined twice", offset_of(macro))
            seen.add(macro.name)


def _filter(node: nodes.Filter) -> Iterator[str]:
    yield from _known_filter(node.name)
    if node.name in FILTERS and node.dyn_args is None and node.dyn_kwargs is None:
        try:
            check_filter_call(node.name, len(node.args), [str(keyword.key) for keyword in node.kwargs])
        except FilterCallError as error:
            yield str(error)
    if node.name == "map" and node.args and isinstance(node.args[0], nodes.Const):
        yield from _known_filter(str(node.args[0].value))
    if node.name in _TESTING:
        tested = node.args[_TESTING[node.name] :][:1]
        if tested and isinstance(tested[0], nodes.Const) and tested[0].value not in _ENVIRONMENT.tests:
            yield f"there is no test `{tested[0].value}`"


def _known_filter(name: str) -> Iterator[str]:
    if name not in _ENVIRONMENT.filters:
        yield _HINTS.get(name, f"there is no filter `{name}`")


def _autoescape(node: nodes.ScopedEvalContextModifier) -> Iterator[str]:
    on = all(isinstance(option.value, nodes.Const) and option.value.value is True for option in node.options)
    if not on:
        yield "`autoescape` cannot be switched off: every value is escaped"


def _in_order(node: nodes.Node) -> Iterator[nodes.Node]:
    for child in node.iter_child_nodes():
        yield child
        yield from _in_order(child)
