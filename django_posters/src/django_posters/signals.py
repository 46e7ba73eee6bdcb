"""Signals. Receivers run in `manage.py consume_posters`, after the row they are told of is committed.

A receiver's exception is logged and stops nobody. If the process is killed in between, the signal is sent again: a
receiver should not mind a second call.
"""

from django.dispatch import Signal

poster_finished = Signal()
"""A poster is completed, failed or cancelled: `sender` is the model of the row that it shows, `poster` the Poster."""

poster_erased = Signal()
"""A poster's picture was deleted: `sender` and `poster` as above. Receivers forget where they keep its address."""

job_finished = Signal()
"""A job is finished, and so is every poster of it: `sender` is the model of the rows that it shows, `job` the Job."""
