"""The templates of Jinja2's own test suite, rendered by Jinja2 and as templates of posters."""

from collections import Counter

import pytest

from tests.renderer.language.compatibility import PAGE, page, suite
from tests.renderer.language.jinja_suite import Case, outcome

SHARE_MIN = 0.98


@pytest.fixture(scope="module")
def templates() -> list[Case]:
    """The templates of the suite."""
    return suite()


def test_templates_mean_what_jinja_means(templates: list[Case]) -> None:
    """At least 98 % give the same text, or are refused at upload for a construct that is documented."""
    counts = Counter(outcome(case)[0] for case in templates)

    assert len(templates) > 350
    assert counts["same"] > 300
    assert counts["same"] + counts["refused"] >= SHARE_MIN * len(templates)


def test_the_page_on_compatibility_is_current(templates: list[Case]) -> None:
    """It says what this test finds: `python -m tests.renderer.language.compatibility --write`."""
    assert PAGE.read_text(encoding="utf-8") == page(templates)
