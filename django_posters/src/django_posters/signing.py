"""Signed addresses of the images of a private bucket, by `POSTERS["URL_SIGNER"]`.

Rows hold the address of the storage, because a signed one expires. Addresses are signed when they are read. A signed
address is given to all readers of this process during the first half of its lifetime, so that browsers can cache the
image, and a page that is open works for the other half at least.
"""

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final, Self

from django.core.signals import setting_changed
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from .conf import get_settings

if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
else:
    _TextField = models.TextField

logger = logging.getLogger(__name__)

CACHED_ADDRESSES: Final = 10_000
"""The oldest are signed anew."""


class SignedAddress(str):
    """An address as readers get it. `stored` is that of the row, which is written when the value is saved."""

    __slots__ = ("stored",)
    stored: str

    def __new__(cls, address: str, stored: str) -> Self:
        """Return `address`, which stands for `stored`."""
        made = super().__new__(cls, address)
        made.stored = stored
        return made

    def __reduce__(self) -> tuple[type["SignedAddress"], tuple[str, str]]:
        """Return what a copy is made of."""
        return SignedAddress, (str(self), self.stored)


class _SignedAddresses:
    """The signed addresses of this process, until half of their lifetime is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._signed: dict[str, tuple[float, str]] = {}

    def find(self, stored: str, now: float) -> str | None:
        with self._lock:
            until, address = self._signed.get(stored, (now, ""))
            return address if now < until else None

    def keep(self, stored: str, until: float, address: str) -> None:
        with self._lock:
            self._signed.pop(stored, None)
            while len(self._signed) >= CACHED_ADDRESSES:
                del self._signed[next(iter(self._signed))]
            self._signed[stored] = (until, address)

    def clear(self, *, setting: str, **_: object) -> None:
        if setting == "POSTERS":
            with self._lock:
                self._signed.clear()


_addresses: Final = _SignedAddresses()
setting_changed.connect(_addresses.clear, dispatch_uid="django_posters.signing")


def readable_address(url: str, *, now: float | None = None) -> str:
    """Return the address under which a browser can read an image: signed by `URL_SIGNER` if that is set.

    It is "", with an error in the log, where the signer raises or returns no text: a page shows its placeholder then.
    """
    settings = get_settings()
    if settings.url_signer is None or not url or url.startswith("data:"):
        return url
    stored = stored_address(url)
    now = time.monotonic() if now is None else now
    address = _addresses.find(stored, now)
    if address is None:
        try:
            address = settings.url_signer(stored, settings.url_lifetime)
        except Exception:  # it is code of the site
            logger.exception("URL_SIGNER raised for %s", stored)
            return SignedAddress("", stored)
        if not isinstance(address, str):
            logger.error("URL_SIGNER returned %r for %s; it has to return the signed address", address, stored)
            return SignedAddress("", stored)
        _addresses.keep(stored, now + settings.url_lifetime.total_seconds() / 2, address)
    return SignedAddress(address, stored)


def stored_address(url: str) -> str:
    """Return the address as the row holds it."""
    return url.stored if isinstance(url, SignedAddress) else url


class _SigningAttribute(DeferredAttribute):
    """Signs the address when it is read, and takes signed ones for what they stand for."""

    def __get__(self, instance: models.Model | None, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        return readable_address(value) if instance is not None and isinstance(value, str) else value

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = stored_address(value) if isinstance(value, str) else value


class AddressField(_TextField):
    """A TextField with the address of an image, which is signed when it is read."""

    descriptor_class = _SigningAttribute

    def deconstruct(self) -> Any:
        """Return a TextField: the column is no other."""
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.TextField", args, options

    def get_prep_value(self, value: Any) -> Any:
        """Return the address as the row holds it."""
        return super().get_prep_value(stored_address(value) if isinstance(value, str) else value)

    def value_from_object(self, obj: models.Model) -> Any:
        """Return the address as the row holds it, for serializers."""
        value = getattr(obj, self.attname)
        return stored_address(value) if isinstance(value, str) else value

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the address as the row holds it."""
        return self.value_from_object(model_instance)
