"""Models: jobs and their posters, the template catalog and commands, the outbox, and dead letters.

Columns that were added after the first release have defaults in the database, so that processes of the former version
can write rows during an upgrade.
"""

from .events import DeadLetterEvent, OutboxEvent, SetAsideEvent
from .posters import FINISHED, Job, Poster, Status
from .templates import PosterTemplate, TemplateCommand

__all__ = [
    "FINISHED",
    "DeadLetterEvent",
    "Job",
    "OutboxEvent",
    "Poster",
    "PosterTemplate",
    "SetAsideEvent",
    "Status",
    "TemplateCommand",
]
