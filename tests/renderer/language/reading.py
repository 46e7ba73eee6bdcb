"""What the tests of templates share: the structure of a document as a parser of its own sees it."""

from typing import Any

import html5lib

from renderer.language.check import Checked, TemplateRejectedError, check_template
from schemas.templates import PlaceholderDeclaration, TemplateError


def structure(document: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the elements of a document in order, each with the names of its attributes."""
    tree: Any = html5lib.parse(document, treebuilder="etree", namespaceHTMLElements=False)
    return [
        (element.tag, tuple(sorted(str(name) for name in element.attrib)))
        for element in tree.iter()
        if isinstance(element.tag, str)
    ]


def errors_of(html: str, *declarations: PlaceholderDeclaration) -> list[TemplateError]:
    """Return why the template is refused; nothing where it is accepted."""
    try:
        check_template(html, declarations)
    except TemplateRejectedError as error:
        return error.errors
    return []


def checked(html: str, *declarations: PlaceholderDeclaration) -> Checked:
    """Return what is found in a template that has to be accepted."""
    return check_template(html, declarations)
