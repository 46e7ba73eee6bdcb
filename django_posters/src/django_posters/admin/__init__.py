"""Admin pages: posters, jobs, templates and their commands, the outbox and dead letters; a mixin for the site's own."""

from . import commands, jobs, outbox, posters, templates
from .mixin import PosterAdminMixin

__all__ = ["PosterAdminMixin", "commands", "jobs", "outbox", "posters", "templates"]
