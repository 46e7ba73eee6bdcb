"""Errors of the package. Every message says what happened, to which thing, and what to do."""

from django.core.exceptions import ImproperlyConfigured


class PostersError(Exception):
    """Base of every error of this package, except for configuration errors."""


class RequestError(PostersError, ValueError):
    """The request or command is invalid. Nothing was written. Raised by `request_poster()` and the like."""


class BrokerError(PostersError):
    """The broker did not acknowledge or answer in time; try again later. Raised by the commands that publish."""


class StoppedError(PostersError):
    """A command was interrupted by TERM or Ctrl-C before its result was known."""


class PostersSettingsError(ImproperlyConfigured):
    """The setting `POSTERS` is missing or invalid. Raised at its first use, and reported by `manage.py check`."""
