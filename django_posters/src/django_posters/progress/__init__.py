"""Live progress of jobs: read it from the database, serve it as JSON and as server-sent events."""

from .job_progress import Progress, read_progress

__all__ = ["Progress", "read_progress"]
