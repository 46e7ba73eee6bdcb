"""What an upload warns of besides the template's HTML: its output and its switches."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from agents.templates.commands import new_version
from renderer.language.check import Checked, check_template
from schemas.templates import PlaceholderDeclaration, TemplateUpload


class InProcessChecker:
    """Checks templates without a sandbox."""

    async def check(self, html: str, declarations: Sequence[PlaceholderDeclaration]) -> Checked:
        """Return what the template takes."""
        return check_template(html, declarations)


@pytest.mark.parametrize(
    ("output", "named"),
    [
        ({"locale": "de-DE"}, []),
        ({"locale": "fr-DE"}, []),
        ({}, []),
        ({"locale": "german"}, ["'german'"]),
        ({"locale": "de-XX"}, ["'de-XX'"]),
        ({"variants": [{"name": "a", "locale": "tlh-QX"}, {"name": "b", "locale": "de-DE"}]}, ["'tlh-QX'"]),
    ],
)
async def test_a_locale_that_filters_do_not_know_is_told_of(output: dict[str, Any], named: list[str]) -> None:
    """That of the first variant counts, as for the filters. The version is made all the same."""
    upload = TemplateUpload(
        event_id=UUID(int=1),
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        section="cards",
        name="Cards",
        html_content="<p>{{ x | number }}",
        output=output,
    )
    version = await new_version(upload, InProcessChecker())

    assert [warning.code for warning in version.warnings] == ["locale_unknown"] * len(named)
    assert all(name in warning.message for name, warning in zip(named, version.warnings, strict=True))
