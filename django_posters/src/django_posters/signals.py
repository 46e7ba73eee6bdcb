"""Signals of finished and erased posters and finished jobs.

Receivers run in the process of `manage.py consume_posters`, after the row is committed. An exception of a receiver is
logged and does not stop the others. Delivery is at-least-once: if the process is killed before a signal is recorded as
sent, the signal is sent again, so receivers should be idempotent.
"""

from django.dispatch import Signal

poster_finished = Signal()
"""A poster was completed, failed or cancelled. `sender` is the model of its row, `poster` the Poster."""

poster_erased = Signal()
"""The image of a poster was deleted. `sender` and `poster` as above. Receivers delete their copies of its URL."""

job_finished = Signal()
"""A job and all of its posters are finished. `sender` is the model of its rows, `job` the Job."""
