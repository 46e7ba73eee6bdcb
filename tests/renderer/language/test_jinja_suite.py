"""The templates of Jinja2's own test suite, rendered by Jinja2 and as templates of posters."""

from collections import Counter

import pytest

from tests.renderer.language.compatibility import PAGE, outcomes_of, page, suite
from tests.renderer.language.jinja_suite import Case, Outcome

SHARE_MIN = 0.98


@pytest.fixture(scope="module")
def outcomes() -> list[tuple[Case, Outcome, str]]:
    """The templates of the suite, and what became of each."""
    return outcomes_of(suite())


def test_templates_mean_what_jinja_means(outcomes: list[tuple[Case, Outcome, str]]) -> None:
    """At least 98 % give the same text, or are refused at upload for a construct that is documented."""
    counts = Counter(kind for _, kind, _ in outcomes)

    assert len(outcomes) > 350
    assert counts["same"] > 300
    assert counts["same"] + counts["refused"] >= SHARE_MIN * len(outcomes)


def test_the_page_on_compatibility_is_current(outcomes: list[tuple[Case, Outcome, str]]) -> None:
    """It says what this test finds: `python -m tests.renderer.language.compatibility --write`."""
    assert PAGE.read_text(encoding="utf-8") == page(outcomes)
