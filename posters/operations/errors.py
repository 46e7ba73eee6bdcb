"""How an operation fails where neither a setting nor an unavailable part is to blame."""


class OperationError(Exception):
    """The operation cannot be carried out as asked; the message says what happened, to which thing, and what to do."""
