"""The three families of errors, and no more.

- ContractError (in `schemas.codec`): the record is invalid (a poison message). It becomes a dead letter and is not
  retried.
- UnavailableError: a dependency is unavailable. The work is retried with backoff; no record fails for it.
- Any other exception is a bug: it ends the process, and the record is delivered again.
"""


class UnavailableError(Exception):
    """A dependency (broker, database, storage) is unavailable or busy; the same call may succeed later."""


class RecordTooLargeError(Exception):
    """The broker refuses a record of this size on its topic; retrying does not help."""


class SettingsError(Exception):
    """A setting is missing, unknown or has an invalid value; the message names it and says what to do."""


class AuthorizationError(SettingsError):
    """The broker refuses this user an operation, which no retry changes. The message names the right."""

    def __init__(self, operation: str, resource: str) -> None:
        super().__init__(
            f"the broker does not give this user the right `{operation}` on {resource}; "
            "`posters setup --acls kafka` (or `rpk`) prints what each role needs"
        )
