"""The Helm chart: it lints, its values have a schema, and the manifests beside it are what it renders."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.packaging.kubernetes_files import (
    CHART,
    FOLDER,
    HELM,
    ROOT,
    Manifest,
    check,
    of_kind,
    parse,
    pod_of,
    role_of,
    with_pods,
)  # fmt: skip

CHART_FILE = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
EVERYTHING = {
    "autoscaling": {"enabled": True, "authenticationSecret": "posters-keda"},
    "seccompInstaller": {"enabled": True},
    "monitoring": {"podMonitor": True, "rules": True, "dashboard": True},
    "tlsSecret": "posters-tls",
    "imagePullSecrets": [{"name": "registry"}],
    "image": {"repository": "registry.example.com/posterstream", "tag": "1.2.3"},
    "site": {
        "enabled": True,
        "tlsSecret": "shop-tls",
        "image": {"repository": "registry.example.com/posterstream", "tag": "1.2.3"},
        "settings": {"DJANGO_SITE": "shop"},
        "database": {"to": [{"podSelector": {"matchLabels": {"app": "mariadb"}}}], "ports": [3306]},
    },
}


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run helm on the chart."""
    command = [str(HELM), *arguments, "--kube-version", "1.33.0"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def rendered(values: Mapping[str, object], folder: Path, release: str = "posters") -> list[Manifest]:
    """Return what the chart renders with the values."""
    file = folder / "values.yaml"
    file.write_text(json.dumps(values), encoding="utf-8")
    result = helm("template", release, str(CHART), "--values", str(file))
    assert result.returncode == 0, result.stderr
    return parse(result.stdout)


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["default", "everything"])
def test_chart_lints(values: dict[str, object], tmp_path: Path) -> None:
    """`helm lint --strict` finds nothing, with the defaults and with everything switched on."""
    file = tmp_path / "values.yaml"
    file.write_text(json.dumps(values), encoding="utf-8")

    result = helm("lint", "--strict", str(CHART), "--values", str(file))

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["default", "everything"])
def test_what_the_chart_renders_fits_the_schemas(values: dict[str, object], tmp_path: Path) -> None:
    """Every object that the chart can make fits the schema of its kind, the test pod included."""
    objects = rendered(values, tmp_path)

    for manifest in objects:
        check(manifest)
    assert len({(each["kind"], each["metadata"]["name"]) for each in objects}) == len(objects)


def test_manifests_are_what_the_chart_renders(tmp_path: Path) -> None:
    """deploy/kubernetes is up to date: `scripts/kubernetes.sh` would change nothing."""
    subprocess.run([ROOT / "scripts" / "kubernetes.sh", tmp_path], check=True, capture_output=True)

    fresh = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.yaml")}
    assert fresh == {
        path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.yaml") if "example" not in path.name
    }


def test_two_releases_share_nothing(tmp_path: Path) -> None:
    """Names and selectors carry the release, so two installations in a namespace do not take each other's pods."""
    first, second = (rendered({}, tmp_path, release) for release in ("posters", "trial"))

    assert not {(each["kind"], each["metadata"]["name"]) for each in first} & {
        (each["kind"], each["metadata"]["name"]) for each in second
    }
    for deployment in of_kind(second, "Deployment"):
        assert deployment["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"] == "trial"


def test_an_autoscaled_deployment_has_no_replicas(tmp_path: Path) -> None:
    """An upgrade does not reset the number of render workers that KEDA chose."""
    deployments = {role_of(each): each for each in of_kind(rendered(EVERYTHING, tmp_path), "Deployment")}

    assert "replicas" not in deployments["render"]["spec"]
    assert deployments["intake"]["spec"]["replicas"] == 2


def test_an_autoscaler_reads_the_topics_of_its_system(tmp_path: Path) -> None:
    """With a prefix of topics and groups, KEDA asks for the lag of those, not of a neighbour's or of none."""
    values = EVERYTHING | {"settings": {"POSTERS_TOPIC_PREFIX": "staging."}}
    (scaled,) = of_kind(rendered(values, tmp_path), "ScaledObject")

    assert {
        (trigger["metadata"]["consumerGroup"], trigger["metadata"]["topic"]) for trigger in scaled["spec"]["triggers"]
    } == {
        ("staging.render", "staging.poster-renders"),
        ("staging.render", "staging.poster-renders-bulk"),
    }


def test_values_reach_every_pod(tmp_path: Path) -> None:
    """Image, pull secret and certificates are those of the values, in every pod of ours; a site has its own key."""
    for manifest in with_pods(rendered(EVERYTHING, tmp_path)):
        pod = pod_of(manifest)
        (container,) = pod["containers"]

        assert container["image"] == "registry.example.com/posterstream:1.2.3"
        assert pod["imagePullSecrets"] == [{"name": "registry"}]
        if manifest["kind"] != "DaemonSet":
            assert {"name": "tls", "mountPath": "/etc/posters/tls", "readOnly": True} in container["volumeMounts"]
            (tls,) = (volume["secret"]["secretName"] for volume in pod["volumes"] if volume["name"] == "tls")
            is_site = manifest["metadata"]["name"].startswith("posters-site-")
            assert tls == ("shop-tls" if is_site else "posters-tls")


def test_a_site_never_gets_the_key_of_the_workers(tmp_path: Path) -> None:
    """Without certificates of its own a site has none, whatever the workers have, and the other way round."""
    enabled = {"enabled": True}
    for values, with_tls in (
        ({"tlsSecret": "posters-tls", "site": enabled}, "posterstream"),
        ({"site": enabled | {"tlsSecret": "shop-tls"}}, "posterstream-site"),
    ):
        for manifest in of_kind(rendered(values, tmp_path), "Deployment"):
            pod = pod_of(manifest)
            (container,) = pod["containers"]
            has_tls = manifest["metadata"]["labels"]["app.kubernetes.io/name"] == with_tls

            assert ("tls" in {volume["name"] for volume in pod["volumes"]}) is has_tls
            assert ("tls" in {mount["name"] for mount in container["volumeMounts"]}) is has_tls


def test_site_can_have_a_database_of_its_own(tmp_path: Path) -> None:
    """Its policy names that one and not the one of the workers, and Prometheus finds both commands."""
    objects = rendered(EVERYTHING, tmp_path)
    policies = {each["metadata"]["name"]: each for each in of_kind(objects, "NetworkPolicy")}
    monitors = {each["metadata"]["name"]: each["spec"]["selector"] for each in of_kind(objects, "PodMonitor")}

    ports = {port["port"] for rule in policies["posters-site"]["spec"]["egress"] for port in rule["ports"]}
    assert ports == {53, 9092, 3306}
    assert monitors["posters-site"]["matchLabels"] == policies["posters-site"]["spec"]["podSelector"]["matchLabels"]


def test_other_settings_are_other_pods(tmp_path: Path) -> None:
    """A changed setting restarts the workers, which read settings once."""
    values = {"settings": {"POSTERS_LOG_FORMAT": "json"}}
    before, after = (of_kind(rendered(each, tmp_path), "Deployment") for each in ({}, values))

    for old, new in zip(before, after, strict=True):
        assert old["spec"]["template"]["metadata"] != new["spec"]["template"]["metadata"]


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"settings": {"POSTERS_DATABASE_URL": "postgresql://u:p@h/d"}}, "POSTERS_DATABASE_URL"),
        ({"settings": {"AWS_SECRET_ACCESS_KEY": "x"}}, "AWS_SECRET_ACCESS_KEY"),
        ({"rolls": {}}, "rolls"),
        ({"roles": {"sink": {"replicas": 7}}}, "replicas"),
        ({"roles": {"render": {"resources": {"limits": None}}}}, "limits"),
        ({"autoscaling": {"minReplicas": 0}}, "minReplicas"),
        ({"render": {"seccompProfile": {"type": "RuntimeDefault"}}}, "seccompProfile"),
        ({"terminationGracePeriodSeconds": 20}, "terminationGracePeriodSeconds"),
        ({"networkPolicy": {"broker": {"to": []}}}, "networkPolicy/broker"),
        ({"site": {"settings": {"DATABASE_URL": "postgresql://u:p@h/d"}}}, "DATABASE_URL"),
        ({"site": {"commands": {"runserver": {}}}}, "runserver"),
        ({"site": {"database": {"to": [], "ports": [3306]}}}, "site/database"),
    ],
)
def test_values_that_cannot_work_are_refused(values: dict[str, object], part: str, tmp_path: Path) -> None:
    """The schema refuses secrets among the settings, unknown values, and numbers that leave workers idle or killed."""
    file = tmp_path / "values.yaml"
    file.write_text(json.dumps(values), encoding="utf-8")

    result = helm("template", "posters", str(CHART), "--values", str(file))

    assert result.returncode != 0
    assert part in result.stderr.replace(".", "/")


def test_versions_are_the_project_s() -> None:
    """Chart and image have the version of the project."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert f'\nversion = "{CHART_FILE["version"]}"\n' in project
    assert CHART_FILE["appVersion"] == CHART_FILE["version"]
