"""Jinja2's sandbox, reduced: templates reach keys and indexes of JSON values, and a closed list of methods.

Jinja2's own sandbox keeps templates away from internals of Python objects. This one goes further and turns the rule
around: nothing of an object can be reached but what is listed here. Values come from JSON, so little is needed.
"""

from collections.abc import Callable
from typing import Any, Final

from jinja2 import Undefined
from jinja2 import filters as jinja_filters
from jinja2.runtime import LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.utils import Cycler, Joiner, Namespace, pass_environment

from renderer.language.filters import FILTERS
from renderer.language.fragments import WHOLE_FILTERS, WHOLE_METHODS, cut, cutting
from renderer.language.nulls import NullCodeGenerator, null_filters, printable_parts
from renderer.language.values import ValueRefusedError

LOOP_ATTRIBUTES: Final = frozenset(
    {
        *("index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0"),
        *("previtem", "nextitem", "cycle", "changed"),
    }
)
TEXT_METHODS: Final = frozenset(
    {
        *("capitalize", "casefold", "center", "count", "endswith", "expandtabs", "find", "format", "index", "isalnum"),
        *("isalpha", "isascii", "isprintable", "rindex"),
        *("isdecimal", "isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper", "join", "ljust", "lower"),
        *("lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rjust", "rpartition", "rsplit"),
        *("rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper", "zfill"),
    }
)
LIST_METHODS: Final = frozenset({"count", "index"})
OBJECT_METHODS: Final = frozenset({"get", "items", "keys", "values"})
METHODS: Final = TEXT_METHODS | LIST_METHODS | OBJECT_METHODS | {"cycle", "changed", "next", "reset"}
"""What can be called after a dot, of whatever value."""
FUNCTIONS: Final = frozenset({"range", "dict", "namespace", "cycler", "joiner"})
CALLED: Final = "()"
"""Marks the name of an attribute that is called: of an object, the method comes before a key of the same name."""
REFUSED_FILTERS: Final = frozenset({"safe", "xmlattr", "random"})
EXPONENT_MAX: Final = 1_000
INTEGER_BITS_MAX: Final = 4_096

_ATTRIBUTES: Final[tuple[tuple[type[Any], frozenset[str]], ...]] = (
    (str, TEXT_METHODS),
    (jinja_filters._GroupTuple, frozenset({"grouper", "list"})),
    (list, LIST_METHODS),
    (tuple, LIST_METHODS),
    (dict, OBJECT_METHODS),
    (LoopContext, LOOP_ATTRIBUTES),
    (Cycler, frozenset({"current", "next", "reset"})),
)
_CALLABLE_TYPES: Final = (Macro, LoopContext, Joiner)
_OWNERS: Final = (str, list, tuple, dict, LoopContext, Cycler)
_OF_NAMESPACES: Final = frozenset({"__class__", "_Namespace__attrs"})
"""All that a Namespace has but what the template puts into it."""
_WITH_ITEMS: Final = (str, list, tuple, dict, range)


class MissingValue(Undefined):
    """A value that was not given: an error where its text is asked for, false and empty elsewhere.

    Parts of it are missing too, so that conditions and `default` help at any depth.
    """

    __str__ = Undefined._fail_with_undefined_error


class PosterEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2's language as templates of posters have it. Everything is escaped, nothing can be changed or reached."""

    code_generator_class = NullCodeGenerator
    intercepted_binops = frozenset({"**", "%"})

    def __init__(self) -> None:
        super().__init__(
            autoescape=True,
            undefined=MissingValue,
            extensions=["jinja2.ext.loopcontrols"],
            # Folding would run filters while the template is compiled, where no place is known.
            optimized=False,
        )
        self.globals = {
            "range": safe_range,
            "dict": dict,
            "namespace": Namespace,
            "cycler": Cycler,
            "joiner": Joiner,
        }
        self.filters.update(FILTERS)
        self.filters["attr"] = _attribute
        self.filters.update(null_filters(self.filters))
        for name in REFUSED_FILTERS:
            self.filters.pop(name, None)
        for name in self.filters.keys() - WHOLE_FILTERS:
            self.filters[name] = cutting(self.filters[name])
        self._functions: Final = frozenset(self.globals.values())

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return what `obj.attribute` means: a key of an object, or one of the listed attributes."""
        if isinstance(obj, Undefined):
            return self._missing(obj)
        name = attribute.removesuffix(CALLED)
        if isinstance(obj, Namespace):
            missing = self.undefined(obj=obj, name=name)
            return missing if name in _OF_NAMESPACES else getattr(obj, name, missing)
        if isinstance(obj, dict) and name in obj and not (attribute != name and name in OBJECT_METHODS):
            return obj[name]
        for kind, names in _ATTRIBUTES:
            if isinstance(obj, kind) and name in names:
                found = getattr(obj if name in WHOLE_METHODS else cut(obj), name)
                return self.wrap_str_format(found) or found
        return self.undefined(obj=obj, name=name)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return what `obj[argument]` means: a key, an index, or one of the listed attributes."""
        if isinstance(obj, Undefined):
            return self._missing(obj)
        if isinstance(obj, _WITH_ITEMS):
            try:
                return cut(obj)[argument]
            except (TypeError, LookupError):
                pass
        return self.getattr(obj, str(argument)) if isinstance(argument, str) else self.undefined(obj=obj, name=argument)

    def part(self, obj: Any, start: Any, stop: Any, step: Any) -> Any:
        """Return what `obj[start:stop:step]` means."""
        if isinstance(obj, Undefined):
            return self._missing(obj)
        if not isinstance(obj, _WITH_ITEMS):
            raise ValueRefusedError(f"cannot be cut: {type(obj).__name__}")
        return cut(obj)[start:stop:step]

    def _missing(self, obj: Undefined) -> MissingValue:
        """Return a part of what is missing: the same, or, of an `a if b` without `else`, a missing value."""
        return obj if isinstance(obj, MissingValue) else MissingValue(obj=obj)

    def is_safe_callable(self, obj: Any) -> bool:
        """Say whether a template may call this: its own macros, and what `getattr` gives."""
        if isinstance(obj, _CALLABLE_TYPES):
            return True
        # A text's `format` is wrapped, so that it reaches no further than `getattr`.
        owner = getattr(getattr(obj, "__wrapped__", obj), "__self__", None)
        if owner is not None and isinstance(owner, _OWNERS):
            return getattr(obj, "__name__", "") in METHODS
        return isinstance(obj, Callable) and obj in self._functions  # type: ignore[arg-type]

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Return a power, unless it has more digits than anybody prints, or a formatted text or remainder."""
        if operator == "%":
            return cut(left) % (printable_parts(right) if isinstance(left, str) else right)
        integers = isinstance(left, int) and isinstance(right, int)
        if integers and right > 0 and (right > EXPONENT_MAX or left.bit_length() * right > INTEGER_BITS_MAX):
            raise ValueRefusedError("the number is too large")
        return super().call_binop(context, operator, left, right)


@pass_environment
def _attribute(environment: PosterEnvironment, value: Any, name: str) -> Any:
    """Jinja2's `attr`, which reaches attributes and no keys, within the rules of this environment."""
    name = str(name)
    if isinstance(value, dict) and name not in OBJECT_METHODS:
        return environment.undefined(obj=value, name=name)
    return environment.getattr(value, name)
