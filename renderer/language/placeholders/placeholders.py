"""The placeholders of a template: what it takes from `custom_data`, and what the upload declares of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from renderer.language.analyse import ReadTemplate
from renderer.language.placeholders.inference import Inferred, infer
from renderer.language.placeholders.samples import sample_of, typed_sample
from renderer.language.placeholders.shapes import Shape
from schemas.placeholders import value_problem
from schemas.templates import DataType, Placeholder, PlaceholderDeclaration, TemplateWarning

# What a declaration can make of a type: only narrower ones, except where the template does not care.
_NARROWER: Final[dict[DataType, frozenset[DataType]]] = {
    "number": frozenset({"rating"}),
    "url": frozenset({"image"}),
    "image": frozenset({"url"}),
}
_ANY: Final[frozenset[DataType]] = frozenset(
    {"text", "number", "url", "image", "color", "date", "boolean", "rating", "list", "object"}
)


class DeclarationError(ValueError):
    """A declaration contradicts the template or itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The placeholders in the order of their first use, and what to know about them."""

    placeholders: list[Placeholder]
    warnings: list[TemplateWarning]
    errors: list[tuple[str, str]]
    """Names and what is wrong with their declarations."""


def find_placeholders(template: ReadTemplate, declarations: Sequence[PlaceholderDeclaration]) -> Found:
    """Return what the template takes, refined by the declarations."""
    inferred = infer(template)
    declared: dict[str, PlaceholderDeclaration] = {}
    errors: list[tuple[str, str]] = []
    for declaration in declarations:
        if declaration.name in declared:
            errors.append((declaration.name, f"the placeholder `{declaration.name}` is declared twice"))
        declared[declaration.name] = declaration
    placeholders: list[Placeholder] = []
    for name, shape in inferred.shapes.items():
        try:
            placeholders.append(_placeholder(name, shape, inferred, declared.get(name)))
        except DeclarationError as error:
            errors.append((name, str(error)))
    return Found(placeholders=placeholders, warnings=list(_warnings(inferred, declared)), errors=errors)


def _placeholder(
    name: str, shape: Shape, inferred: Inferred, declaration: PlaceholderDeclaration | None
) -> Placeholder:
    declared = declaration or PlaceholderDeclaration(name=name)
    data_type = _data_type(name, shape, declared.data_type)
    default = declared.default if declared.default is not None else shape.default
    required = _required(name, data_type, declared, is_needed=name in inferred.needed and default is None)
    if default is None and declared.required is False and name in inferred.needed:
        default = ""
    sample = declared.sample_value
    if sample is None:
        is_as_inferred = data_type == shape.data_type
        sample = sample_of(name, shape) if is_as_inferred else typed_sample(name, data_type)
    exact = shape.is_certain or declared.data_type is not None
    if exact:
        _check_values(data_type, shape, declared)
    return Placeholder(
        name=name,
        data_type=data_type,
        required=required,
        default=default,
        sample_value=sample,
        description=declared.description or "",
        exact=exact,
    )


def _data_type(name: str, shape: Shape, declared: DataType | None) -> DataType:
    if declared is None or declared == shape.data_type:
        return shape.data_type
    if declared in _allowed(shape):
        return declared
    raise DeclarationError(
        f"`{name}` is declared as {declared}, but the template uses it as {shape.data_type}; "
        "a declaration can only narrow what the template asks for"
    )


def _allowed(shape: Shape) -> frozenset[DataType]:
    return _NARROWER.get(shape.data_type, frozenset()) if shape.is_meant else _ANY


def _required(name: str, data_type: DataType, declared: PlaceholderDeclaration, *, is_needed: bool) -> bool:
    if declared.required is None:
        return is_needed
    if not declared.required and is_needed and data_type != "text":
        raise DeclarationError(
            f"`{name}` is declared as not required, but the template cannot do without it; declare a default, "
            f"or write `{{% if {name} %}}` around it"
        )
    return declared.required


def _check_values(data_type: DataType, shape: Shape, declared: PlaceholderDeclaration) -> None:
    # An empty default means no value; the template's own is its author's affair.
    default = None if declared.default in ("", shape.default) else declared.default
    for what, value in (("default", default), ("sample_value", declared.sample_value)):
        problem = None if value is None else value_problem(data_type, value)
        if problem is not None:
            raise DeclarationError(f"`{declared.name}`: its {what} {problem}")


def _warnings(inferred: Inferred, declared: dict[str, PlaceholderDeclaration]) -> list[TemplateWarning]:
    warnings = [
        _warning("placeholder_unknown", f"`{name}` is declared, but the template does not use it")
        for name in declared
        if name not in inferred.shapes
    ]
    for name, shape in inferred.shapes.items():
        if shape.contradiction:
            types = " and ".join(shape.contradiction)
            warnings.append(_warning("placeholder_contradiction", f"`{name}` is used as {types}; no value is both"))
    return warnings


def _warning(code: str, message: str) -> TemplateWarning:
    return TemplateWarning(code=code, message=message)


def sample_data(placeholders: Sequence[Placeholder]) -> dict[str, Any]:
    """Return the samples as `custom_data`."""
    return {item.name: item.sample_value for item in placeholders if item.sample_value is not None}
