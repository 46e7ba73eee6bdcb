"""What the bridge needs of Faust, mode and aiokafka beyond their interfaces is listed, and is there."""

import ast
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from streams import faust_bridge
from streams.faust_bridge.private_names import LIBRARY_NAMES, LibraryName

ROOT = Path(__file__).parents[2]
BRIDGE = ROOT / "streams" / "faust_bridge"
LIBRARIES = ("faust", "mode", "aiokafka")
LISTED = {each.name for each in LIBRARY_NAMES}
ADVICE = "see what changed in the library, adapt streams/faust_bridge, then its private_names.py"


def owner_of(listed: LibraryName) -> Any:
    """Return the module or class that a listed name belongs to."""
    module, _, name = listed.owner.partition(":")
    found = import_module(module)
    return getattr(found, name) if name else found


def is_of_library(kind: type) -> bool:
    """Say whether a class comes from one of the libraries."""
    return kind.__module__.partition(".")[0] in LIBRARIES


def has(owner: Any, name: str) -> bool:
    """Say whether a module or class has a name, or its instances an attribute: annotated, or set in a method."""
    if hasattr(owner, name):
        return True
    bases = [base for base in inspect.getmro(owner) if is_of_library(base)] if inspect.isclass(owner) else []
    return any(name in attributes_of(base) for base in bases)


@cache
def attributes_of(kind: type) -> frozenset[str]:
    """Return what instances of a class have: what it annotates, and what its methods set on `self`."""
    tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(kind)))
    assigned = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self"
    }
    return frozenset(assigned | inspect.get_annotations(kind).keys())


def signature_of(function: Any) -> str:
    """Return the parameters of a function with their defaults, without types."""
    signature = inspect.signature(function)
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def is_private(name: str) -> bool:
    """Say whether a name has one leading underscore."""
    return name.startswith("_") and not name.startswith("__")


def bridge_modules() -> Iterator[ModuleType]:
    """Yield the modules of the bridge."""
    for module in pkgutil.iter_modules(faust_bridge.__path__):
        yield import_module(f"{faust_bridge.__name__}.{module.name}")


def bridge_classes() -> Iterator[type]:
    """Yield the classes of the bridge."""
    for module in bridge_modules():
        for kind in vars(module).values():
            if inspect.isclass(kind) and kind.__module__ == module.__name__:
                yield kind


def overridden(kind: type) -> Iterator[str]:
    """Yield the names of a class that a base of one of the libraries has too, without what every class has."""
    bases = [base for base in kind.__mro__[1:] if is_of_library(base)]
    for name in vars(kind).keys() - {"_abc_impl", "logger"}:
        if (name == "__post_init__" or not name.startswith("__")) and any(name in vars(base) for base in bases):
            yield name


def uses(tree: ast.AST) -> Iterator[tuple[int, str, bool]]:
    """Yield line and name of each private name that is used, and whether on `self`; by `getattr` as well."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            yield node.lineno, node.attr, ast.unparse(node.value) in {"self", "cls"}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"getattr", "setattr", "hasattr"}:
            for argument in node.args[1:2]:
                if isinstance(argument, ast.Constant) and is_private(str(argument.value)):
                    yield node.lineno, str(argument.value), False


def imports_libraries(tree: ast.AST) -> bool:
    """Return whether a module can hold an object of the libraries."""
    for node in ast.walk(tree):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(name.partition(".")[0] in LIBRARIES or name.startswith("streams.faust_bridge") for name in names):
            return True
    return False


@pytest.mark.parametrize("listed", LIBRARY_NAMES, ids=lambda listed: f"{listed.owner}.{listed.name}")
def test_the_installed_libraries_have_what_is_listed(listed: LibraryName) -> None:
    """An upgrade that drops or renames one of these names, or changes what an override is called with, fails here."""
    owner = owner_of(listed)

    assert has(owner, listed.name), f"{listed.owner} has no {listed.name} ({listed.purpose}); {ADVICE}"
    if listed.signature is not None:
        found = signature_of(getattr(owner, listed.name))
        assert found == listed.signature, f"{listed.owner}.{listed.name}{found} was {listed.signature}; {ADVICE}"


def test_every_override_is_listed() -> None:
    """What a class of the bridge replaces in a library's class is listed, methods with their signature."""
    missing = []
    for kind in bridge_classes():
        for name in overridden(kind):
            is_method = inspect.isfunction(vars(kind)[name])
            if not any(each.name == name and (each.signature or not is_method) for each in LIBRARY_NAMES):
                missing.append(f"{kind.__name__}.{name}")

    assert missing == [], "list them with their signatures in streams/faust_bridge/private_names.py"


def test_the_bridge_uses_only_listed_names() -> None:
    """A private name of another object, or one that a library's base class has, is listed."""
    bases = [base for kind in bridge_classes() for base in kind.__mro__[1:] if is_of_library(base)]
    unlisted = []
    for path in sorted(BRIDGE.glob("*.py")):
        for line, name, on_self in uses(ast.parse(path.read_text(encoding="utf-8"))):
            if name not in LISTED and (not on_self or any(has(base, name) for base in bases)):
                unlisted.append(f"{path.relative_to(ROOT)}:{line}: {name}")

    assert unlisted == [], "list them in streams/faust_bridge/private_names.py, or use a public name"


def test_nobody_else_uses_private_names() -> None:
    """No module outside of the bridge that handles objects of the libraries does; tests use what is listed."""
    found = []
    for package in ("streams", "agents", "posters", "renderer", "bench", "tests"):
        allowed = LISTED | {"_exit"} if package in {"bench", "tests"} else {"_exit"}
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            if path.parent != BRIDGE and imports_libraries(tree):
                wrong = [(line, name) for line, name, on_self in uses(tree) if not on_self and name not in allowed]
                found += [f"{path.relative_to(ROOT)}:{line}: {name}" for line, name in wrong]

    assert found == [], "move them to streams/faust_bridge"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("consumer._secret.name", [(1, "_secret", False)]),
        ("self._secret", [(1, "_secret", True)]),
        ("super()._secret()", [(1, "_secret", False)]),
        ("getattr(module, '_secret', None)", [(1, "_secret", False)]),
        ("consumer.public, consumer.__dict__, _local", []),
    ],
)
def test_a_private_name_is_seen_however_it_is_used(source: str, expected: list[tuple[int, str, bool]]) -> None:
    """As an attribute of anything, and by name."""
    assert list(uses(ast.parse(source))) == expected


def test_a_name_that_is_gone_is_noticed() -> None:
    """Attributes that only instances have are found, and only those."""
    consumer = owner_of(next(each for each in LIBRARY_NAMES if each.name == "_thread"))

    assert has(consumer, "_thread")
    assert not has(consumer, "_thread_of_old")


def test_nothing_is_listed_in_vain() -> None:
    """Every listed private name is used, so that the list stays as long as the debt."""
    used: set[str] = {name for kind in bridge_classes() for name in overridden(kind)}
    for package in ("streams", "tests"):
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            if imports_libraries(tree) or path.parent == BRIDGE:
                used |= {name for _, name, _ in uses(tree)}

    assert {name for name in LISTED if is_private(name)} - used == set()
