"""What commands say about a broker that is not there."""

import pytest

from agents.settings import Settings
from posters.operations import kafka_client
from posters.operations.kafka_client import KafkaClient
from streams.delivery import Record
from streams.errors import UnavailableError


def test_the_setting_with_the_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads or writes learns where the address comes from: it may be the default one."""
    monkeypatch.setattr(kafka_client, "TIMEOUT_SECONDS", 0.2)
    client = KafkaClient(Settings(brokers="127.0.0.1:1"))
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1 did not take .*POSTERS_BROKERS"):
        client.publish([Record(topic="poster-renders", key="k", value=b"x")])
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1 does not answer.*POSTERS_BROKERS"), client.reader("a"):
        pass
