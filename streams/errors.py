"""The three families of errors, and no more.

- ContractError (in `schemas.codec`): the record is bad. It becomes a dead letter and is never tried again.
- UnavailableError: something outside is away. The work is held and tried again; no record fails for it.
- anything else is a bug: it ends the process loudly, and the record is delivered again.
"""


class UnavailableError(Exception):
    """A part we depend on (broker, database, storage) is away or busy; the same call may succeed later."""


class RecordTooLargeError(Exception):
    """The broker takes no record of this size on its topic, however often it is sent."""


class SettingsError(Exception):
    """A setting is missing, unknown or has a bad value; the message names it and what to do."""
