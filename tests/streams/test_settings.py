"""Settings are read once; an error names the setting and what it accepts."""

import re
from ipaddress import ip_address

import pytest

from agents.settings import NAMES, read_settings
from streams.errors import SettingsError


def test_every_setting_has_a_default() -> None:
    """An empty environment is enough, and variables without the prefix are ignored."""
    settings = read_settings({"PATH": "/bin", "AWS_REGION": "x"})

    assert settings.retry_delay_seconds == (10, 60, 600)


def test_variables_that_kubernetes_injects_for_a_service_are_ignored() -> None:
    """Services named `posters` and `posters-*` in the namespace of a worker do not keep it from starting."""
    links = {
        f"{service}_{name}": value
        for service in ("POSTERS", "POSTERS_RENDER", "POSTERS_SITE_2")
        for name, value in {
            "SERVICE_HOST": "10.96.0.7",
            "SERVICE_PORT": "8080",
            "SERVICE_PORT_HTTP": "8080",
            "PORT": "tcp://10.96.0.7:8080",
            "PORT_8080_TCP": "tcp://10.96.0.7:8080",
            "PORT_8080_TCP_PROTO": "tcp",
            "PORT_8080_TCP_PORT": "8080",
            "PORT_8080_TCP_ADDR": "10.96.0.7",
            "PORT_53_UDP_ADDR": "10.96.0.7",
        }.items()
    }

    assert read_settings(links) == read_settings({})


@pytest.mark.parametrize("name", ["POSTERS_BROKER_PORT", "POSTERS_SERVICE", "POSTERS_PORTS", "POSTERS_PORT_TCP"])
def test_a_name_that_only_resembles_a_service_link_is_refused(name: str) -> None:
    """A misspelt setting is an error even if it speaks of a port or a service."""
    with pytest.raises(SettingsError, match=f"{name} is not a setting"):
        read_settings({name: "9092"})


@pytest.mark.parametrize(
    ("environment", "part"),
    [
        ({"POSTERS_BROKER": "x"}, "did you mean POSTERS_BROKERS?"),
        ({"POSTERS_SESSION_TIMEOUT": "soon"}, "POSTERS_SESSION_TIMEOUT is `soon`"),
        ({"POSTERS_TOPIC_PREFIX": "my topics"}, "POSTERS_TOPIC_PREFIX is `my topics`; it takes up to 100 of"),
        ({"POSTERS_SESSION_TIMEOUT": "0"}, "above 0"),
        ({"POSTERS_RENDER_TIMEOUT": "nan"}, "above 0"),
        ({"POSTERS_DRAIN_TIMEOUT": "inf"}, "above 0"),
        ({"POSTERS_RENDER_SLOTS": "-1"}, "POSTERS_RENDER_SLOTS is -1"),
        ({"POSTERS_DRIVER": "puppeteer"}, "POSTERS_DRIVER is `puppeteer`; it takes one of pipe, playwright"),
        ({"POSTERS_DRIVER": "null"}, "POSTERS_DRIVER is `null`; it takes one of pipe, playwright"),
        ({"POSTERS_PUBLIC_URL": "cdn.example"}, "https://"),
        ({"POSTERS_STORAGE_URL": "ftp://x"}, "s3://"),
        ({"POSTERS_STORAGE_URL": "s3://[x"}, "s3://"),
        ({"POSTERS_DATABASE_URL": "mysql://x"}, "postgresql://"),
        ({"POSTERS_DATABASE_URL": "postgresql://u:p@h:port/x"}, "no number"),
        ({"POSTERS_RETRY_DELAYS": "1,2"}, "three numbers"),
        ({"POSTERS_ASSET_ALLOW": "http://cdn.example"}, "POSTERS_ASSET_ALLOW: `http://cdn.example` is no host"),
        ({"POSTERS_ASSET_ALLOW": "cdn.example,,x"}, "POSTERS_ASSET_ALLOW: `` is no host"),
        ({"POSTERS_ASSET_ALLOW": "cdn.example:99999"}, "a port that is not within 1 and 65,535"),
        ({"POSTERS_ASSET_ALLOW": "10.0.0.1/8"}, "has host bits set"),
        ({"POSTERS_ASSET_ALLOW": "[cdn.example]:80"}, "POSTERS_ASSET_ALLOW: `[cdn.example]:80` has no IPv6 address"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_do(environment: dict[str, str], part: str) -> None:
    """The message names the variable and what it accepts."""
    with pytest.raises(SettingsError, match=re.escape(part)):
        read_settings(environment)


def test_an_optional_choice_is_unset_or_one_of_its_values() -> None:
    """Unset, the code that uses it decides."""
    assert read_settings({}).driver is None
    assert read_settings({"POSTERS_DRIVER": "playwright"}).driver == "playwright"


def test_allowed_hosts_are_read_as_they_are_written() -> None:
    """Names, ports, both kinds of addresses and ranges, with spaces or without."""
    settings = read_settings({"POSTERS_ASSET_ALLOW": "CDN.example, minio:9000,10.0.0.0/8 ,[::1]:8080,::2,192.0.2.7"})
    allowed = settings.allowed_hosts

    assert allowed.has_host("cdn.example.", 443)
    assert allowed.has_host("minio", 9000)
    assert not allowed.has_host("minio", 9001)
    assert allowed.has_host("::1", 8080)
    assert allowed.has_host("::2", 80)
    assert allowed.has_host("192.0.2.7", 80)
    assert allowed.has_address(ip_address("10.9.9.9"))
    assert not allowed.has_address(ip_address("192.0.2.7"))


def test_names_follow_one_rule() -> None:
    """Every variable has the prefix and is in upper case."""
    assert all(name.startswith("POSTERS_") and name.isupper() for name in NAMES)
