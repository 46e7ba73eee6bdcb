"""What the template tells of a value by the way it uses it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from schemas.templates import DataType


class Strength(IntEnum):
    """How much a use says of a type.

    It asks whether there is something, prints it, makes a type likely, works as meant with this type (a loop over a
    list), or fails with any other (an address, a color, a date).
    """

    TRUTH = 0
    PRINTED = 1
    GUESSED = 2
    MEANT = 3
    CERTAIN = 4


# Where several are certain, the narrowest counts: a rating is a number, an image's address is an address.
_NARROWEST: Final[tuple[DataType, ...]] = (
    *("rating", "number", "image", "url", "color", "date", "object", "list", "boolean", "text"),
)
_AGREE: Final = (frozenset({"rating", "number"}), frozenset({"image", "url"}), frozenset({"object", "list"}))


@dataclass(slots=True)
class Shape:
    """A value of the data: `root` is the name of the placeholder that it is a part of."""

    root: str
    evidence: dict[DataType, Strength] = field(default_factory=dict)
    fields: dict[str, "Shape"] = field(default_factory=dict)
    element: "Shape | None" = None
    pair: "tuple[tuple[str, Shape], ...]" = ()
    """The parts of a list that is taken apart into names: `for name, value in rows`."""
    values: "Shape | None" = None
    """What an object has under keys that the template does not name: `for key, value in prices.items()`."""
    default: Any = None
    has_default: bool = False
    compared: list[Any] = field(default_factory=list)
    sample_type: DataType | None = None
    """What a sample has to be where any type is taken."""
    has_time: bool = False
    """Whether a date needs its time of day."""

    def tell(self, data_type: DataType, strength: Strength) -> None:
        """Note a use that asks for this type."""
        self.evidence[data_type] = max(strength, self.evidence.get(data_type, strength))

    def part(self, name: str) -> "Shape":
        """Return the shape of a field; having one makes the value an object."""
        self.tell("object", Strength.MEANT)
        return self.fields.setdefault(name, Shape(self.root))

    def item(self) -> "Shape":
        """Return the shape of an element; having one makes the value a list."""
        self.tell("list", Strength.MEANT)
        if self.element is None:
            self.element = Shape(self.root)
        return self.element

    def indexed(self) -> "Shape":
        """Return the shape of what stands at a number: an element, or a character if nothing more is asked of it."""
        if self.element is None:
            self.element = Shape(self.root)
        return self.element

    def at(self, path: str) -> "Shape":
        """Return the shape of what an `attribute=` such as `address.city` names."""
        shape = self
        for name in path.split("."):
            shape = shape.indexed() if name.isdigit() else shape.part(name)
        return shape

    def unpacked(self, names: Sequence[str]) -> "tuple[Shape, ...]":
        """Return the shapes of the parts of a list that is taken apart into these names."""
        if len(self.pair) != len(names):
            self.tell("list", Strength.MEANT)
            self.pair = tuple((name, Shape(self.root)) for name in names)
        return tuple(shape for _, shape in self.pair)

    def value(self) -> "Shape":
        """Return the shape of what stands under any key; having one makes the value an object."""
        self.tell("object", Strength.MEANT)
        if self.values is None:
            self.values = Shape(self.root)
        return self.values

    def made_of(self, element: "Shape") -> "Shape":
        """Return the shape of a list that a filter makes of this value, with such elements."""
        return Shape(self.root, element=element)

    @property
    def data_type(self) -> DataType:
        """The type that the uses ask for; text where they ask for none."""
        has_parts = self.element is not None and not {"object", "list"}.isdisjoint(self.element.evidence)
        if has_parts and not self.is_meant:
            return "list"
        if not self.evidence:
            return "text"
        strongest = max(self.evidence.values())
        asked = {data_type for data_type, strength in self.evidence.items() if strength == strongest}
        return next(data_type for data_type in _NARROWEST if data_type in asked)

    @property
    def is_certain(self) -> bool:
        """Whether some use fails with any other type, so that a value of another one is refused."""
        return Strength.CERTAIN in self.evidence.values()

    @property
    def is_meant(self) -> bool:
        """Whether some use is meant for one type."""
        return max(self.evidence.values(), default=Strength.TRUTH) >= Strength.MEANT

    @property
    def contradiction(self) -> tuple[DataType, ...]:
        """The types that uses ask for with certainty and that no value has at once; empty where there are none."""
        certain = {data_type for data_type, strength in self.evidence.items() if strength >= Strength.MEANT}
        if len(certain) < 2 or any(certain <= agreed for agreed in _AGREE):
            return ()
        return tuple(sorted(certain))
