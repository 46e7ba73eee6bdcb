"""Connection options of the Kafka clients: addresses, TLS and SASL, for aiokafka and for librdkafka."""

import ssl
from typing import Any, Final

from streams.errors import SettingsError
from streams.settings import StreamSettings

METADATA_SECONDS: Final = 30.0
"""Age at which clients refresh topic metadata: how soon producers and consumers see added partitions."""
RETRY_SECONDS: Final = 0.3
"""Fixed delay between the attempts of a consumer to reach an unavailable broker; each of its tasks has its own."""
RECONNECT_SECONDS: Final = 1.0
"""Longest delay between two attempts to connect to an unavailable broker."""
PROTOCOLS: Final = {"plaintext": "PLAINTEXT", "ssl": "SSL", "sasl_plaintext": "SASL_PLAINTEXT", "sasl_ssl": "SASL_SSL"}


def aiokafka_options(settings: StreamSettings) -> dict[str, Any]:
    """Return the options of an aiokafka client. Raises SettingsError where a certificate cannot be read."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.brokers,
        "security_protocol": PROTOCOLS[settings.broker_security],
        "metadata_max_age_ms": int(METADATA_SECONDS * 1000),
        "retry_backoff_ms": int(RETRY_SECONDS * 1000),
    }
    if settings.broker_security.endswith("ssl"):
        options["ssl_context"] = tls_context(settings)
    if settings.broker_security.startswith("sasl"):
        options |= {
            "sasl_mechanism": settings.broker_sasl,
            "sasl_plain_username": settings.broker_username,
            "sasl_plain_password": settings.broker_password,
        }
    return options


def librdkafka_options(settings: StreamSettings) -> dict[str, Any]:
    """Return the options of a librdkafka client."""
    options: dict[str, Any] = {
        "bootstrap.servers": settings.brokers,
        "security.protocol": PROTOCOLS[settings.broker_security],
        "topic.metadata.refresh.interval.ms": int(METADATA_SECONDS * 1000),
        "reconnect.backoff.max.ms": int(RECONNECT_SECONDS * 1000),
    }
    named = {
        "ssl.ca.location": settings.broker_ca,
        "ssl.certificate.location": settings.broker_certificate,
        "ssl.key.location": settings.broker_key,
    }
    if settings.broker_security.endswith("ssl"):
        options |= {name: value for name, value in named.items() if value is not None}
    if settings.broker_security.startswith("sasl"):
        options |= {
            "sasl.mechanisms": settings.broker_sasl,
            "sasl.username": settings.broker_username,
            "sasl.password": settings.broker_password,
        }
    return options


def tls_context(settings: StreamSettings) -> ssl.SSLContext:
    """Return the TLS context for the broker. Raises SettingsError where a certificate or key cannot be read."""
    try:
        context = ssl.create_default_context(cafile=settings.broker_ca)
        if settings.broker_certificate is not None:
            context.load_cert_chain(settings.broker_certificate, settings.broker_key)
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError(
            f"the certificates of POSTERS_BROKER_CA, _CERTIFICATE and _KEY cannot be used: {error}; they are PEM files"
        ) from error
    return context
