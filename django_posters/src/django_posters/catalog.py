"""What this site knows of the templates; `consume_posters` keeps it current."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import outbox
from .contract.output import DEFAULTS
from .contract.references import Identified, Latest, Numbered, TemplateReference, parse_reference
from .errors import RequestError
from .models import Poster, PosterTemplate


@dataclass(frozen=True, slots=True)
class Chosen:
    """The template of a request: `version` is what the site knows of it, None where it knows nothing."""

    template_id: str
    reference: TemplateReference
    version: PosterTemplate | None

    def size(self, output: Mapping[str, Any]) -> tuple[int, int]:
        """Return the width and height in CSS pixels that a poster will have, as far as the site knows."""
        layers = [output]
        if self.version is not None:
            layers += [self.version.output, {"width": self.version.width, "height": self.version.height}]
        layers.append({"width": DEFAULTS.width, "height": DEFAULTS.height})
        return _first(layers, "width"), _first(layers, "height")

    def outdates(self, poster: Poster) -> bool:
        """Whether another version became the section's latest after the poster was asked for."""
        if not isinstance(self.reference, Latest) or self.version is None or self.version.active_from is None:
            return False
        return poster.requested_at < self.version.active_from and poster.template_version != self.version.version


def choose(section: str, template_id: str | None) -> Chosen:
    """Return the template that a request names, or the section's latest. Raises RequestError.

    What a caller names has to exist, as soon as anything is known of the templates. The section's latest need not: it
    may have been uploaded a moment ago.
    """
    if template_id is None:
        return Chosen(f"{section}_latest", Latest(section), _find(Latest(section)))
    if not isinstance(template_id, str):
        raise RequestError(f"`template_id` is a {type(template_id).__name__}; it takes text, as in '{section}_latest'")
    try:
        reference = parse_reference(template_id)
    except ValueError as error:
        raise RequestError(f"this poster cannot be asked for: {error}") from error
    version = _find(reference)
    if version is None:
        _check_unknown(template_id)
    elif version.archived_at is not None and not version.is_active:
        raise RequestError(f"the template {template_id!r} is archived; activate it, or name another version")
    return Chosen(template_id, reference, version)


def _find(reference: TemplateReference) -> PosterTemplate | None:
    # The HTML may be half a megabyte, and nothing here depends on it.
    known = PosterTemplate.objects.using(outbox.database()).defer("html_content", "placeholders", "warnings")
    match reference:
        case Latest(section):
            return known.filter(section=section, is_active=True).order_by("-active_from").first()
        case Numbered(section, version):
            return known.filter(section=section, version=version).first()
        case Identified(version_id):
            return known.filter(pk=version_id).first()


def _check_unknown(template_id: str) -> None:
    rows = PosterTemplate.objects.using(outbox.database()).order_by("section", "version")
    known = [str(template) for template in rows.defer("html_content", "placeholders")[:200]]
    if not known:
        return
    latest = sorted({f"{name.rpartition('@')[0]}_latest" for name in known})
    nearest = difflib.get_close_matches(template_id, latest + known, n=1, cutoff=0.0)[0]
    raise RequestError(
        f"there is no template {template_id!r}; did you mean {nearest!r}? "
        "`manage.py upload_poster_template` adds one, and `manage.py consume_posters` tells the site of it"
    )


def _first(layers: list[Mapping[str, Any]], name: str) -> int:
    return int(next(layer[name] for layer in layers if layer.get(name) is not None))


def is_current(poster: Poster, digest: str, chosen: Chosen) -> bool:
    """Whether a row that has this poster need not ask again."""
    return poster.digest == digest and poster.is_usable and not chosen.outdates(poster)
