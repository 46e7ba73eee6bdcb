"""Ask Posterstream for a picture of a Django row, and get its URL back."""

from importlib import import_module
from typing import TYPE_CHECKING

from .errors import PostersError, RequestError
from .fields import PosterField
from .signals import poster_finished

if TYPE_CHECKING:
    from .requests import arequest_poster, request_poster

__all__ = ["PosterField", "PostersError", "RequestError", "arequest_poster", "poster_finished", "request_poster"]


def __getattr__(name: str) -> object:
    # These stand on the models, which can be imported only once Django's app registry is filled.
    if name in ("arequest_poster", "request_poster"):
        return getattr(import_module(".requests", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
