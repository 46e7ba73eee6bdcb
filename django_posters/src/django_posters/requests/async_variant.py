"""Async variants of the public functions: `acancel_job()` for `cancel_job()`, and so on."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async

P = ParamSpec("P")
R = TypeVar("R")


def async_variant(function: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Return a coroutine function with the same arguments and result, and an `a` before the name."""

    @wraps(function)
    async def variant(*args: P.args, **kwargs: P.kwargs) -> R:
        return await sync_to_async(function)(*args, **kwargs)

    variant.__name__ = variant.__qualname__ = f"a{function.__name__}"
    variant.__doc__ = f"Async variant of `{function.__name__}()`."
    return variant
