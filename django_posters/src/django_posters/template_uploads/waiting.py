"""Wait for the answers to commands that went through the outbox, as `consume_posters` writes them."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from django_posters.database import database_alias
from django_posters.models import TemplateCommand

_POLL_SECONDS: Final = 0.2


def wait_for_answers(
    stop: threading.Event,
    commands: Sequence[TemplateCommand],
    *,
    seconds: float,
    now: Callable[[], float] = time.monotonic,
) -> list[TemplateCommand]:
    """Return the commands in their order, once all are answered, after `seconds`, or once `stop` is set."""
    deadline = now() + seconds
    ids = [command.pk for command in commands]
    rows = TemplateCommand.objects.using(database_alias())
    while True:
        found = rows.in_bulk(ids)
        left = deadline - now()
        is_open = any(command.state == TemplateCommand.State.SENT for command in found.values())
        if not is_open or left <= 0 or stop.is_set():
            return [found[pk] for pk in ids if pk in found]
        stop.wait(min(left, _POLL_SECONDS))
