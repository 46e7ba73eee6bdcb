"""Admin pages: posters, jobs, templates, the outbox and dead letters."""

from . import jobs, outbox, posters, templates

__all__ = ["jobs", "outbox", "posters", "templates"]
