"""What can go wrong for a caller. Every message says what to do about it."""

from django.core.exceptions import ImproperlyConfigured


class PostersError(Exception):
    """The base of every error of this package that is not one of configuration."""


class RequestError(PostersError, ValueError):
    """A poster cannot be asked for like this. Nothing was written. Raised by `request_poster()`."""


class BrokerError(PostersError):
    """The broker did not take a message in time; try again later. Raised by what publishes."""


class StoppedError(PostersError):
    """Somebody pressed Ctrl-C before it was known what came of a command."""


class PostersSettingsError(ImproperlyConfigured):
    """The setting `POSTERS` is missing or wrong. Raised by the first thing that needs it, and by `manage.py check`."""
