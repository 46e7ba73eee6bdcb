"""The compose file is valid, and uses only commands and settings that the image has."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from jsonschema import Draft202012Validator

from agents.settings import NAMES, read_settings
from posters.main import main
from posters.worker import STOP_SECONDS
from schemas import limits
from streams.topics import ROLES, TOPICS
from tests.packaging.heartbeat_check import WORKS, verdicts
from tests.parts import free_port

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
BUILT = {name: service for name, service in SERVICES.items() if "build" in service}
OURS = {name: service for name, service in BUILT.items() if "target" not in service["build"]}
SITE = {name: service for name, service in BUILT.items() if service["build"].get("target") == "site"}
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
    assert tag[2] == "dev" if name in BUILT else re.search(r"\d", tag[2])


def lasting() -> list[str]:
    """Return the services that stay."""
    return sorted(SERVICES.keys() - set(one_shots()))


@pytest.mark.parametrize("name", SERVICES)
def test_what_stays_comes_back(name: str) -> None:
    """After a restart of the machine every lasting service is there again, and no one-shot is repeated."""
    assert SERVICES[name].get("restart", "no") == ("no" if name in one_shots() else "unless-stopped")


@pytest.mark.parametrize("name", SERVICES)
def test_service_has_limits(name: str) -> None:
    """No service takes all memory, processes or disk of the machine, and none gains privileges."""
    service = SERVICES[name]

    assert service["mem_limit"]
    assert service["pids_limit"] > 0
    assert service["logging"]["options"]["max-size"]
    assert "no-new-privileges:true" in service["security_opt"]


@pytest.mark.parametrize("name", BUILT)
def test_our_services_cannot_write_to_their_image(name: str) -> None:
    """Read-only root and no capabilities; temporary files and the home directory are in memory, with a size."""
    service = BUILT[name]
    (temporary,) = service["tmpfs"]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert re.fullmatch(r"/tmp:size=\d+[mg],mode=1777", temporary)  # noqa: S108 - of a container
    assert service["environment"]["HOME"] == "/tmp"  # noqa: S108 - of a container


def test_render_has_the_profile_that_leaves_chromium_its_sandbox() -> None:
    """Render has our allow list; every other service has Docker's own, and none is unconfined."""
    profiles = {
        name: [option for option in service["security_opt"] if "seccomp" in option]
        for name, service in SERVICES.items()
    }

    assert profiles.pop("render") == ["seccomp=docker/chromium-seccomp.json"]
    assert not any(profiles.values())


@pytest.mark.parametrize("name", lasting())
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
    aws = {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}
    assert set(environment) - ours == aws | {"HOME"}


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

    assert all(
        float(service["stop_grace_period"].removesuffix("s")) > drain + STOP_SECONDS for service in OURS.values()
    )


def test_mounted_files_exist() -> None:
    """What a service mounts or loads from this repository is in it."""
    mounted = [mount.partition(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]
    options = [option for service in SERVICES.values() for option in service["security_opt"]]
    loaded = [option.partition("=")[2] for option in options if option.startswith("seccomp=")]

    for path in [*(mount for mount in mounted if mount.startswith(".")), *loaded]:
        assert (ROOT / path).is_file(), f"{path} is missing"
    assert {mount for mount in mounted if not mount.startswith(".")} == COMPOSE["volumes"].keys()


def test_broker_acknowledges_what_is_on_its_disk() -> None:
    """The development mode's two short cuts are switched off, and the broker knows how much memory is its own."""
    redpanda = " ".join(SERVICES["redpanda"]["command"])
    settings = SERVICES["broker-settings"]["command"][0]

    assert redpanda.index("--mode dev-container") < redpanda.index("--unsafe-bypass-fsync=false")
    assert "set_property write_caching_default false" in settings
    assert "--memory 1G" in redpanda
    assert SERVICES["redpanda"]["mem_limit"] == "1536m"


def test_nothing_reports_to_its_makers() -> None:
    """The telemetry of the broker, of Console, of the storage and of Grafana is off."""
    grafana = SERVICES["grafana"]["environment"]

    assert "set_property enable_metrics_reporter false" in SERVICES["broker-settings"]["command"][0]
    assert console_settings()["analytics"] == {"enabled": False}
    assert "-master.telemetry=false" in SERVICES["seaweedfs"]["command"]
    assert grafana["GF_ANALYTICS_REPORTING_ENABLED"] == grafana["GF_ANALYTICS_CHECK_FOR_UPDATES"] == "false"


def test_posters_are_served_for_reading_only() -> None:
    """The filer's own port takes files of everybody, and so of every web page: only its read-only port is published."""
    published = {mapping.rpartition(":")[2] for mapping in SERVICES["seaweedfs"]["ports"]}

    assert published == {"8333", "8889"}
    assert "-filer.port.public=8889" in SERVICES["seaweedfs"]["command"]
    assert "127.0.0.1:8888:8889" in SERVICES["seaweedfs"]["ports"]


def test_site_runs_commands_that_it_has() -> None:
    """The profile `site` migrates, relays, consumes, uploads its template and serves, with commands of the example."""
    commands = {name: service["command"][0] for name, service in SITE.items()}
    listed = subprocess.run(
        [sys.executable, "manage.py", "help", "--commands"],
        cwd=ROOT / "example",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert set(commands.values()) == {
        "migrate",
        "relay_posters",
        "consume_posters",
        "upload_poster_template",
        "runserver",
    }
    assert set(commands.values()) <= set(listed)
    assert (ROOT / "example" / SITE["site-setup"]["command"][2]).is_file()
    assert all(service["profiles"] == ["site"] for service in SITE.values())


@pytest.mark.parametrize("name", ["relay", "consumer"])
def test_commands_of_the_site_are_checked(name: str, tmp_path: Path) -> None:
    """Compose judges the age of the heartbeat that each command writes, and starts no Django for it."""
    kind, check = SITE[name]["healthcheck"]["test"]

    assert kind == "CMD-SHELL"
    assert SITE[name]["command"][1:3] == ["--heartbeat-file", "/tmp/heartbeat"]  # noqa: S108
    assert verdicts(check.replace("$$", "$"), "/tmp/heartbeat", tmp_path) == WORKS  # noqa: S108


def test_what_starts_by_default_needs_no_profile() -> None:
    """A service without a profile waits for none that has one."""
    for name, service in SERVICES.items():
        if "profiles" not in service:
            assert not [other for other in service.get("depends_on", {}) if "profiles" in SERVICES[other]], name


def test_prometheus_scrapes_every_role_the_site_and_the_broker() -> None:
    """Prometheus finds all containers of a role or command by its name, at the address where it serves its metrics."""
    settings = yaml.safe_load((ROOT / "docker" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    workers, site, redpanda = settings["scrape_configs"]
    (found,), (of_site,) = workers["dns_sd_configs"], site["dns_sd_configs"]

    assert sorted(found["names"]) == sorted(ROLES)
    assert OURS["render"]["environment"]["POSTERS_STATUS_ADDRESS"] == f"0.0.0.0:{found['port']}"
    assert of_site["names"] == ["relay", "consumer"]
    for name in of_site["names"]:
        assert SITE[name]["command"][-2:] == ["--metrics-address", f"0.0.0.0:{of_site['port']}"]
    assert redpanda["static_configs"] == [{"targets": ["redpanda:9644"]}]


def test_monitoring_has_our_alerts_and_our_dashboard() -> None:
    """The mounted files are those under deploy, where Prometheus and Grafana look for them."""
    prometheus, grafana = (SERVICES[name]["volumes"] for name in ("prometheus", "grafana"))
    (provider,) = yaml.safe_load((ROOT / "docker" / "grafana" / "dashboards.yaml").read_text(encoding="utf-8"))[
        "providers"
    ]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]

    assert "./deploy/prometheus/posters.rules.yaml:/etc/prometheus/posters.rules.yaml:ro" in prometheus
    assert f"./deploy/grafana/posters.json:{home}:ro" in grafana
    assert home.startswith(provider["options"]["path"] + "/")


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


def test_console_shows_the_pages_of_the_topics(tmp_path: Path) -> None:
    """The service serves the pages, and nothing else, under the address and branch that Console asks for."""
    documentation = console_settings()["console"]["topicDocumentation"]
    repository = documentation["git"]["repository"]
    service, path = re.fullmatch(r"git://([\w-]+)/(\w+)", repository["url"]).groups()  # type: ignore[union-attr]
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    stage = text.partition(f" AS {SERVICES[service]['build']['target']}\n")[2].partition("\nFROM ")[0]
    make = stage.partition("RUN git init")[2].partition(" \\\n && chown")[0]
    shutil.copytree(ROOT / "schemas" / "pages", tmp_path / path)
    subprocess.run(f"git init {make}", shell=True, cwd=tmp_path / path, check=True)  # noqa: S602 - of the Dockerfile
    arguments = json.loads(stage.partition("\nCMD ")[2].partition("\n")[0])
    port = free_port()
    daemon = subprocess.Popen(
        ["git", "daemon", f"--port={port}", "--listen=127.0.0.1"]
        + [argument.replace("/srv", str(tmp_path)) for argument in arguments]
    )
    try:
        address = f"git://127.0.0.1:{port}/{path}"
        for _ in range(100):
            if subprocess.run(["git", "ls-remote", address], check=False, capture_output=True).returncode == 0:
                break
            time.sleep(0.05)
        branch = ["--branch", repository["branch"]]
        subprocess.run(["git", "clone", "--quiet", *branch, address, tmp_path / "clone"], check=True)
    finally:
        daemon.terminate()
        daemon.wait()
    served = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "clone").glob("*.md")}

    assert documentation["enabled"] is documentation["git"]["enabled"] is True
    assert SERVICES["console"]["depends_on"][service] == {"condition": "service_healthy"}
    assert served == {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "schemas" / "pages").iterdir()}
    assert set(served) == {f"{topic.name}.md" for topic in TOPICS}


def test_console_shows_the_largest_events() -> None:
    """A request or a template command at its size limit is not hidden for its size."""
    largest = max(limits.REQUEST_MAX_BYTES, limits.TEMPLATE_HTML_MAX_BYTES)

    assert console_settings()["serde"]["maxDeserializationPayloadSize"] >= largest
