"""What the documentation of templates shows works with the data that it shows, declarations or not."""

import json

import pytest

from renderer.language.placeholders.placeholders import sample_data
from renderer.language.template import Template
from schemas.placeholders import PlaceholderSet
from tests.renderer.language.reading import checked, errors_of
from tests.test_docs import TEMPLATES, code, rows

FILTERS = rows(TEMPLATES, "The language")
PLACES = rows(TEMPLATES, "Values")
REFUSED = rows(TEMPLATES, "Where no value can stand")


@pytest.mark.parametrize(("expression", "value", "_"), FILTERS)
def test_an_example_takes_the_data_it_is_shown_with(expression: str, value: str, _: str) -> None:
    """It is accepted without a warning, its data passes the check, and its samples can be rendered."""
    html, data = code(expression), {"v": json.loads(code(value))}
    found = checked(html)
    placeholders = PlaceholderSet(found.placeholders)

    assert found.warnings == []
    assert placeholders.check(data).is_usable or data["v"] is None
    assert Template(html).render(placeholders.filled(data))
    assert Template(html).render(sample_data(found.placeholders))


@pytest.mark.parametrize(("use", "_", "__"), PLACES)
def test_a_use_has_samples_that_suit_it(use: str, _: str, __: str) -> None:
    """A preview without data shows something."""
    found = checked(code(use))

    assert found.warnings == []
    assert Template(code(use)).render(sample_data(found.placeholders))


@pytest.mark.parametrize("instead", [row[1] for row in REFUSED if "<" in row[1] or "{{" in row[1]])
def test_what_the_table_offers_instead_is_accepted(instead: str) -> None:
    """Whoever follows the table has a template that can be uploaded."""
    html = instead[instead.index("`") + 1 : instead.rindex("`")].replace("\\|", "|")

    assert errors_of(html) == []
