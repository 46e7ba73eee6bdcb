"""Signals. Receivers run in `manage.py consume_posters`, after the row they are told of is committed."""

from django.dispatch import Signal

poster_finished = Signal()
"""A poster is completed, failed or cancelled.

Sent with `sender` the model of the row that the poster shows, and `poster`. A receiver's exception is logged and
stops nobody. If the process is killed in between, the signal is sent again: a receiver should not mind a second call.
"""
