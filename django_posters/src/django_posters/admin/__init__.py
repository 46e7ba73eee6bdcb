"""What editors and operators see: posters, jobs, templates, the outbox and what was set aside."""

from . import jobs, outbox, posters, templates

__all__ = ["jobs", "outbox", "posters", "templates"]
