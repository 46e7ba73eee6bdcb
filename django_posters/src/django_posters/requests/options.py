"""Options of a request: validation before anything is written, and the digest that decides about reuse."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from django_posters.contract.codec import canonical
from django_posters.contract.output import OutputError, parse_output, resolve_output
from django_posters.errors import RequestError
from django_posters.models import Poster
from django_posters.serialization import plain_object


def plain_output(output: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the `output` of a request as plain data. Raises RequestError where no worker could render it."""
    if output is None:
        return None
    plain = plain_object(output, "output")
    try:
        resolve_output(parse_output(plain))
    except OutputError as error:
        raise RequestError(f"this poster cannot be requested: {error}") from error
    return plain or None


def check_options(priority: object, deadline: object, **switches: object) -> None:
    """Raise RequestError where a switch is no bool, the priority unknown, or the deadline not an aware datetime."""
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise RequestError(f"`{name}` is {value!r}; it takes True or False")
    if priority not in ("normal", "bulk", None):
        raise RequestError(f"`priority` is {priority!r}; it takes 'normal' or 'bulk'")
    if deadline is not None and (not isinstance(deadline, datetime) or timezone.is_naive(deadline)):
        raise RequestError(
            f"`deadline` is {deadline!r}; it takes an aware datetime, such as timezone.now() + timedelta(hours=1)"
        )


def digest_of(
    *, template_id: str, entity_id: str, custom_data: object, metadata: object, output: object, strict: bool
) -> str:
    """Return the SHA-256 of everything a poster depends on: a poster with the same digest can be reused."""
    inputs = [template_id, entity_id, custom_data, metadata, output, strict]
    return hashlib.sha256(canonical(inputs)).hexdigest()


def retries_after(newest: Poster | None, digest: str) -> int:
    """Return how many degraded posters in a row a new one comes after, given the row's newest one."""
    if newest is None or not newest.degraded or newest.digest != digest:
        return 0
    return newest.automatic_retries + 1
