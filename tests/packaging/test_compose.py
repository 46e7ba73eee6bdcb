"""The compose file is valid, and uses only commands and settings that the image has."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from jsonschema import Draft202012Validator

from agents.settings import NAMES, read_settings
from posters.main import main
from schemas import limits
from streams.topics import ROLES

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}

_VARIABLE = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")


def resolved(text: str) -> str:
    """Return the text with the defaults of its variables."""
    return _VARIABLE.sub(lambda match: match[2], text)


def one_shots() -> Iterator[str]:
    """Yield the services that others wait for to complete."""
    for service in SERVICES.values():
        for name, condition in service.get("depends_on", {}).items():
            if condition["condition"] == "service_completed_successfully":
                yield name


def command_path(arguments: list[str]) -> list[click.Command]:
    """Return the commands that the arguments lead to, below `posters`; the last one takes what is left."""
    command: click.Command = main
    found = []
    for argument in arguments:
        if not isinstance(command, click.Group):
            break
        inner = command.get_command(click.Context(command), argument)
        assert inner is not None, f"`posters` has no command {argument}"
        command = inner
        found.append(command)
    return found


def test_compose_file_has_no_unknown_keys() -> None:
    """The file fits the format, spelling included."""
    schema = json.loads((Path(__file__).parent / "compose.schema.json").read_text())

    errors = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(COMPOSE)]

    assert errors == []


@pytest.mark.parametrize("name", SERVICES)
def test_image_has_a_pinned_version_that_a_variable_overrides(name: str) -> None:
    """Every image version is pinned, and a variable overrides it."""
    tag = SERVICES[name]["image"].rpartition(":")[0] and _VARIABLE.search(SERVICES[name]["image"])

    assert tag, f"{name}'s image has no variable in its tag"
    assert tag[1].endswith("_VERSION")
    assert tag[2] == "dev" if name in OURS else re.search(r"\d", tag[2])


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - set(one_shots())))
def test_service_that_stays_has_a_health_check(name: str) -> None:
    """Compose knows whether every long-running service is healthy."""
    assert SERVICES[name].get("healthcheck", {}).get("test")


def test_services_wait_for_services_that_exist_and_can_say_so() -> None:
    """Every dependency exists, and has a health check where its health is waited for."""
    for name, service in SERVICES.items():
        for other, condition in service.get("depends_on", {}).items():
            assert other in SERVICES, f"{name} waits for {other}, which is not there"
            if condition["condition"] == "service_healthy":
                assert "test" in SERVICES[other]["healthcheck"], f"{name} waits for the health of {other}"


def test_every_role_has_a_service_of_its_own() -> None:
    """The five roles run beside the one-shot setup."""
    commands: dict[str, list[str]] = {"setup": ["setup"], **{role: ["worker", role] for role in ROLES}}

    assert {name: OURS[name]["command"] for name in OURS} == commands


@pytest.mark.parametrize("name", OURS)
def test_command_exists(name: str) -> None:
    """The command line accepts what the service calls it with."""
    arguments = OURS[name]["command"]

    *_, command = command_path(arguments)

    command.make_context(arguments[0], arguments[1:], resilient_parsing=False)


@pytest.mark.parametrize("name", OURS)
def test_settings_are_known_and_valid(name: str) -> None:
    """Every `POSTERS_*` variable is a setting, and its value is accepted."""
    environment = {variable: resolved(value) for variable, value in OURS[name]["environment"].items()}
    ours = {variable for variable in environment if variable.startswith("POSTERS_")}

    read_settings(environment)

    assert ours <= set(NAMES)
    assert set(environment) - ours == {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}


def test_addresses_name_services_of_the_file() -> None:
    """Broker, database and storage are called by the names under which compose knows them."""
    settings = read_settings(
        {name: resolved(value) for name, value in OURS["intake"]["environment"].items() if name.startswith("POSTERS_")}
    )
    endpoint = OURS["intake"]["environment"]["AWS_ENDPOINT_URL"]
    seaweedfs = SERVICES["seaweedfs"]["environment"]

    assert settings.brokers.partition(":")[0] in SERVICES
    assert settings.database_url.partition("@")[2].partition(":")[0] in SERVICES
    assert endpoint.removeprefix("http://").partition(":")[0] in SERVICES
    assert settings.storage_url == f"s3://{seaweedfs['S3_BUCKET']}"
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert seaweedfs[key] == OURS["intake"]["environment"][key]


def test_render_can_be_scaled() -> None:
    """The render service has nothing that can exist only once: no container name, no published port."""
    assert not {"container_name", "ports"} & OURS["render"].keys()
    assert "POSTERS_INSTANCE" not in OURS["render"]["environment"]


def test_workers_get_longer_to_stop_than_they_drain() -> None:
    """A worker is not killed while it drains."""
    drain = read_settings({}).drain_timeout

    assert all(float(service["stop_grace_period"].removesuffix("s")) > drain for service in OURS.values())


def test_mounted_files_exist() -> None:
    """What a service mounts or loads from this repository is in it."""
    mounted = [mount.partition(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]
    loaded = [option.partition("=")[2] for service in SERVICES.values() for option in service.get("security_opt", [])]

    for path in [*(mount for mount in mounted if mount.startswith(".")), *loaded]:
        assert (ROOT / path).is_file(), f"{path} is missing"
    assert {mount for mount in mounted if not mount.startswith(".")} == COMPOSE["volumes"].keys()


def console_settings() -> dict[str, Any]:
    """Return the settings that the Console container reads: those of the file that is mounted where it looks."""
    console = SERVICES["console"]
    mounts = {target: source for source, target, _ in (mount.split(":") for mount in console["volumes"])}
    settings: dict[str, Any] = yaml.safe_load((ROOT / mounts[console["environment"]["CONFIG_FILEPATH"]]).read_text())
    return settings


def listening(name: str) -> set[int]:
    """Return the ports that a service listens on, by its command and its published ports."""
    service = SERVICES[name]
    bound = re.findall(r"0\.0\.0\.0:(\d+)", " ".join(service.get("command", [])))
    return {int(port) for port in [*bound, *(mapping.rpartition(":")[2] for mapping in service.get("ports", []))]}


def test_console_reaches_every_part_that_it_is_given() -> None:
    """Each address names a service of the file and a port on which that service listens inside the network."""
    settings = console_settings()
    addresses = [*settings["kafka"]["brokers"], *settings["schemaRegistry"]["urls"]]
    addresses += settings["redpanda"]["adminApi"]["urls"]

    for address in addresses:
        host, _, port = address.removeprefix("http://").partition(":")
        assert int(port) in listening(host), f"{host} does not listen on {port}"


def test_console_shows_the_largest_events() -> None:
    """A request or a template command at its size limit is not hidden for its size."""
    largest = max(limits.REQUEST_MAX_BYTES, limits.TEMPLATE_HTML_MAX_BYTES)

    assert console_settings()["serde"]["maxDeserializationPayloadSize"] >= largest
