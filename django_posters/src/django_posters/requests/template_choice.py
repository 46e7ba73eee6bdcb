"""Template of a request: resolve `template_id` against the catalog that `consume_posters` keeps up to date."""

import difflib
from dataclasses import dataclass
from typing import Final

from django_posters.contract.references import Identified, Latest, Numbered, TemplateReference, parse_reference
from django_posters.database import database_alias
from django_posters.errors import RequestError
from django_posters.models import Poster, PosterTemplate

CLOSE: Final = 0.6
"""How alike a name has to be to be suggested, of 1."""


@dataclass(frozen=True, slots=True)
class ChosenTemplate:
    """The template of a request: `version` is its catalog row, None where the site does not know the template."""

    template_id: str
    reference: TemplateReference
    version: PosterTemplate | None

    def outdates(self, poster: Poster) -> bool:
        """Whether another version became the section's latest after the poster was requested."""
        if not isinstance(self.reference, Latest) or self.version is None or self.version.active_from is None:
            return False
        return poster.requested_at < self.version.active_from and poster.template_version != self.version.version


def choose_template(section: str, template_id: str | None) -> ChosenTemplate:
    """Return the template that a request names, or the section's latest. Raises RequestError.

    A named template has to exist, unless the catalog is empty. The section's latest may be unknown: it may have been
    uploaded a moment ago.
    """
    if template_id is None:
        return ChosenTemplate(f"{section}_latest", Latest(section), _find(Latest(section)))
    if not isinstance(template_id, str):
        raise RequestError(f"`template_id` is a {type(template_id).__name__}; it takes text, as in '{section}_latest'")
    try:
        reference = parse_reference(template_id)
    except ValueError as error:
        raise RequestError(f"this poster cannot be requested: {error}") from error
    version = _find(reference)
    if version is None:
        _check_unknown(template_id)
    elif version.archived_at is not None and not version.is_active:
        raise RequestError(f"the template {template_id!r} is archived; activate it, or name another version")
    return ChosenTemplate(template_id, reference, version)


def is_current(poster: Poster, digest: str, template: ChosenTemplate) -> bool:
    """Whether a row can reuse this poster instead of requesting another one."""
    return poster.digest == digest and poster.is_usable and not template.outdates(poster) and not poster.wants_retry


def _find(reference: TemplateReference) -> PosterTemplate | None:
    # The HTML can have half a megabyte, and a request does not need it.
    known = PosterTemplate.objects.using(database_alias()).defer("html_content", "placeholders", "warnings")
    match reference:
        case Latest(section):
            return known.filter(section=section, is_active=True).order_by("-active_from").first()
        case Numbered(section, version):
            return known.filter(section=section, version=version).first()
        case Identified(version_id):
            return known.filter(pk=version_id).first()


def _check_unknown(template_id: str) -> None:
    rows = PosterTemplate.objects.using(database_alias()).order_by("section", "version")
    known = [str(template) for template in rows.defer("html_content", "placeholders")[:200]]
    if not known:
        return
    latest = sorted({f"{name.rpartition('@')[0]}_latest" for name in known})
    # A name that has nothing in common with the one that was given would mislead.
    nearest = difflib.get_close_matches(template_id, latest + known, n=1, cutoff=CLOSE)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are {', '.join(latest)}."
    raise RequestError(
        f"there is no template {template_id!r}; {hint} "
        "`manage.py upload_poster_template` adds one, and `manage.py consume_posters` adds it to the site's catalog"
    )
