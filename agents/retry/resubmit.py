"""What becomes of a poster whose time to be tried again has come."""

from dataclasses import replace

from schemas.envelope import fact_id
from schemas.renders import PosterPinned
from schemas.topics import POSTER_RENDERS, POSTER_RENDERS_BULK


def resubmitted(poster: PosterPinned) -> PosterPinned:
    """Return the poster as it goes back to the render topics: one attempt further, with no due time.

    Its event id is that of the new attempt, so that a record delivered twice is sent back with the same id.
    """
    attempt = (poster.tier or 0) + 1
    return replace(
        poster,
        event_id=fact_id("poster.pinned", poster.job_id, poster.poster_index, poster.generation, attempt),
        attempt=attempt,
        due_at=None,
        tier=None,
        error=None,
    )


def render_topic(poster: PosterPinned) -> str:
    """Return the topic of the poster's lane."""
    return POSTER_RENDERS_BULK if poster.lane == "bulk" else POSTER_RENDERS
