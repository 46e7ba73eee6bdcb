"""The manifests fit the schemas of Kubernetes, start as they are, and give each role no more than it needs."""

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from agents.settings import NAMES, Settings, read_settings
from posters.worker import STOP_SECONDS
from renderer.assets.addresses import is_public
from streams.topics import ROLES, TOPICS
from tests.packaging.heartbeat_check import WORKS, verdicts
from tests.packaging.kubernetes_files import FOLDER, Manifest, check, manifests, of_kind, pod_of, role_of, with_pods

POSTERS = manifests("posters.yaml")
SECRETS = {each["metadata"]["name"]: each for each in manifests("secrets.example.yaml")}
DEPLOYMENTS = {role_of(each): each for each in of_kind(POSTERS, "Deployment")}
(SETUP,) = of_kind(POSTERS, "Job")
SITE = {role_of(each): each for each in of_kind(manifests("site.yaml"), "Deployment")}
FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))
EVERY_POD = [(name, each) for name in FILES for each in with_pods(manifests(name))]
TEMPORARY = "/tmp"  # noqa: S108 - of a container
OUR_PODS = [*DEPLOYMENTS.values(), SETUP]


def named(pair: Any) -> str:
    """Return the name of a case."""
    return f"{pair[0]}:{pair[1]['metadata']['name']}" if isinstance(pair, tuple) else ""


def environment(manifest: Manifest) -> dict[str, str]:
    """Return the variables that a container gets by name, without its ConfigMap and its Secret."""
    (container,) = pod_of(manifest)["containers"]
    return {variable["name"]: variable["value"] for variable in container.get("env", [])}


def sources(manifest: Manifest) -> list[str]:
    """Return `configMapRef/name` and `secretRef/name` of what a container takes its variables from."""
    (container,) = pod_of(manifest)["containers"]
    return [f"{kind}/{reference['name']}" for source in container["envFrom"] for kind, reference in source.items()]


@pytest.mark.parametrize("name", FILES)
def test_every_object_fits_the_schema_of_its_kind(name: str) -> None:
    """No unknown field, no wrong type, in any supported version of Kubernetes, KEDA and the Prometheus operator."""
    for manifest in manifests(name):
        check(manifest)


def test_every_role_runs() -> None:
    """One Deployment a role, whose selector finds its pods and no others."""
    for role, deployment in DEPLOYMENTS.items():
        (worker,) = pod_of(deployment)["containers"]

        assert worker["args"] == ["worker", role]
        assert deployment["spec"]["selector"]["matchLabels"] == deployment["spec"]["template"]["metadata"]["labels"]
    assert sorted(DEPLOYMENTS) == sorted(ROLES)


@pytest.mark.parametrize("pair", EVERY_POD, ids=named)
def test_services_inject_no_settings(pair: tuple[str, Manifest]) -> None:
    """A Service named `posters` in the namespace does not reach the settings of a pod."""
    assert pod_of(pair[1])["enableServiceLinks"] is False


@pytest.mark.parametrize("pair", EVERY_POD, ids=named)
def test_user_is_a_number(pair: tuple[str, Manifest]) -> None:
    """The kubelet can tell whether the user is root: with a name of the image it starts no pod."""
    security = pod_of(pair[1])["securityContext"]

    assert isinstance(security["runAsUser"], int)
    if pair[0] != "seccomp.yaml":  # which writes into a directory of root
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] == security["runAsGroup"] == security["fsGroup"] == 10001


@pytest.mark.parametrize("pair", EVERY_POD, ids=named)
def test_a_container_can_do_no_more_than_it_needs(pair: tuple[str, Manifest]) -> None:
    """No capabilities, no more privileges, no writing to the image, no token of the cluster, a limit to memory."""
    pod = pod_of(pair[1])
    (container,) = pod["containers"]
    security = container["securityContext"]

    assert pod["automountServiceAccountToken"] is False
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert "memory" in container["resources"]["limits"]
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()


@pytest.mark.parametrize("pair", EVERY_POD, ids=named)
def test_seccomp_is_on(pair: tuple[str, Manifest]) -> None:
    """Render has the profile that leaves Chromium its sandbox; every other pod has the runtime's."""
    profile = pod_of(pair[1])["securityContext"]["seccompProfile"]

    if role_of(pair[1]) == "render":
        assert profile == {"type": "Localhost", "localhostProfile": "posters/chromium.json"}
    else:
        assert profile == {"type": "RuntimeDefault"}


def test_the_profile_of_render_gets_to_the_nodes() -> None:
    """The DaemonSet writes the profile to where the pods of render look for it: below the kubelet's directory."""
    (daemons,) = of_kind(manifests("seccomp.yaml"), "DaemonSet")
    (profile,) = of_kind(manifests("seccomp.yaml"), "ConfigMap")
    (container,) = pod_of(daemons)["containers"]
    wanted = pod_of(DEPLOYMENTS["render"])["securityContext"]["seccompProfile"]["localhostProfile"]
    node, files = pod_of(daemons)["volumes"]

    assert node["hostPath"]["path"] == "/var/lib/kubelet/seccomp"
    assert files["configMap"]["name"] == profile["metadata"]["name"]
    assert f" /node/{wanted}\n" in container["args"][0]
    assert profile["data"]["chromium.json"].strip() == (
        (FOLDER.parents[1] / "docker" / "chromium-seccomp.json").read_text(encoding="utf-8").strip()
    )


@pytest.mark.parametrize("manifest", OUR_PODS, ids=role_of)
def test_temporary_files_have_a_place(manifest: Manifest) -> None:
    """The image cannot be written to, so temporary files and the home directory are a volume with a size."""
    (container,) = pod_of(manifest)["containers"]
    volumes = {volume["name"]: volume for volume in pod_of(manifest)["volumes"]}
    (scratch,) = (mount["name"] for mount in container["volumeMounts"] if mount["mountPath"] == TEMPORARY)

    assert volumes[scratch]["emptyDir"]["sizeLimit"]
    assert environment(manifest)["HOME"] == TEMPORARY
    assert "ephemeral-storage" in container["resources"]["limits"]


@pytest.mark.parametrize("role", ROLES)
def test_a_worker_may_finish_and_is_never_restarted_for_waiting(role: str) -> None:
    """Ready when the worker is; no liveness probe; time to drain and to abandon what does not drain."""
    pod = pod_of(DEPLOYMENTS[role])
    (worker,) = pod["containers"]

    assert pod["terminationGracePeriodSeconds"] > Settings().drain_timeout + STOP_SECONDS
    assert worker["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "status"}
    assert worker["ports"] == [{"name": "status", "containerPort": 9100}]
    assert environment(DEPLOYMENTS[role])["POSTERS_STATUS_ADDRESS"] == "0.0.0.0:9100"
    assert not {"livenessProbe", "startupProbe", "lifecycle"} & worker.keys()


@pytest.mark.parametrize("role", ROLES)
def test_workers_spread_and_survive_the_draining_of_nodes(role: str) -> None:
    """Pods of a role are on several nodes and zones; an eviction takes one at a time; a rollout takes none away."""
    deployment = DEPLOYMENTS[role]
    labels = deployment["spec"]["selector"]["matchLabels"]
    (budget,) = (each for each in of_kind(POSTERS, "PodDisruptionBudget") if role_of(each) == role)
    spread = pod_of(deployment)["topologySpreadConstraints"]

    assert budget["spec"]["selector"]["matchLabels"] == labels
    assert budget["spec"]["maxUnavailable"] == 1
    assert {each["topologyKey"] for each in spread} == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    assert all(each["labelSelector"]["matchLabels"] == labels for each in spread)
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


@pytest.mark.parametrize("manifest", OUR_PODS, ids=role_of)
def test_a_role_gets_its_own_secret_and_no_other(manifest: Manifest) -> None:
    """Least privilege: the Secret of a role, with a user of the database that has the rights of that role."""
    role = role_of(manifest)
    secrets = [source for source in sources(manifest) if source.startswith("secretRef/")]
    secret = SECRETS[f"posters-{role}"]["stringData"]
    user = urlsplit(secret["POSTERS_DATABASE_URL"]).username

    assert secrets == [f"secretRef/posters-{role}"]
    assert user == ("owner" if role == "setup" else f"{role}_1")
    assert secret["POSTERS_BROKER_USERNAME"] == f"posters-{role}"


@pytest.mark.parametrize("manifest", OUR_PODS, ids=role_of)
def test_settings_are_complete_and_valid(manifest: Manifest) -> None:
    """The worker accepts what ConfigMap, Secret and manifest give it, and the ConfigMap holds nothing secret."""
    (config,) = of_kind(POSTERS, "ConfigMap")
    secret = SECRETS[f"posters-{role_of(manifest)}"]["stringData"]
    given = config["data"] | secret | environment(manifest)
    ours = {name: value for name, value in given.items() if name.startswith("POSTERS_")}

    assert read_settings(ours).brokers == config["data"]["POSTERS_BROKERS"]
    assert ours.keys() <= set(NAMES)
    assert not config["data"].keys() & secret.keys()
    if role_of(manifest) == "setup":  # a hook of Helm, which runs before the ConfigMap exists
        assert config["data"].items() <= environment(manifest).items()
    else:
        assert "configMapRef/posters" in sources(manifest)


@pytest.mark.parametrize("name", SITE)
def test_commands_of_a_site_are_restarted_where_that_helps(name: str, tmp_path: Path) -> None:
    """Their probes judge the age of the heartbeat that they write, and start no Django, which a busy node delays."""
    (container,) = pod_of(SITE[name])["containers"]
    command, *options = container["args"]

    assert command == name.replace("-", "_")
    assert options == ["--heartbeat-file", "/tmp/heartbeat", "--metrics-address", "0.0.0.0:9100"]  # noqa: S108
    assert container["command"] == ["python", "manage.py"]
    for probe in ("startupProbe", "livenessProbe"):
        *shell, check = container[probe]["exec"]["command"]
        assert shell == ["sh", "-c"]
        assert verdicts(check, "/tmp/heartbeat", tmp_path) == WORKS  # noqa: S108
        assert container[probe]["timeoutSeconds"] >= 10
    assert container["ports"] == [{"name": "status", "containerPort": 9100}]
    assert sources(SITE[name]) == ["secretRef/posters-site"]
    assert {"DATABASE_URL", "POSTERS_BROKERS"} <= SECRETS["posters-site"]["stringData"].keys()


def test_policies_of_workers_and_site_are_apart() -> None:
    """The commands of a site reach names, broker and database, and neither the storage nor the public network."""
    (policy,) = of_kind(manifests("site.yaml"), "NetworkPolicy")
    selected = policy["spec"]["podSelector"]["matchLabels"]

    assert sorted(SITE) == ["consume-posters", "relay-posters"]
    for deployment in SITE.values():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert selected.items() <= labels.items()
        assert deployment["spec"]["selector"]["matchLabels"] == labels
        for other in of_kind(POSTERS, "NetworkPolicy"):
            assert not other["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert sorted({port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}) == [53, 5432, 9092]
    assert not [peer for rule in policy["spec"]["egress"] for peer in rule["to"] if "ipBlock" in peer]


def test_image_is_of_this_version() -> None:
    """Every pod runs the image of the version that the project has."""
    version = next(
        line.split('"')[1]
        for line in (FOLDER.parents[1] / "pyproject.toml").read_text(encoding="utf-8").splitlines()
        if line.startswith("version")
    )

    assert {container["image"] for _, each in EVERY_POD for container in pod_of(each)["containers"]} == {
        f"posterstream:{version}",
        f"posterstream-site:{version}",
    }


def egress(role: str) -> list[tuple[Manifest, set[int]]]:
    """Return the peers that the pods of a role may reach, with the ports. An empty list of peers would be everyone."""
    labels = DEPLOYMENTS[role]["spec"]["selector"]["matchLabels"]
    allowed = []
    for policy in of_kind(POSTERS, "NetworkPolicy"):
        if policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items():
            for rule in policy["spec"]["egress"]:
                assert rule["to"], "a rule without peers allows every destination"
                assert rule["ports"], "a rule without ports allows every port"
                allowed += [(peer, {port["port"] for port in rule["ports"]}) for peer in rule["to"]]
    return allowed


def reaches(role: str, address: str, port: int) -> bool:
    """Return whether the pods of a role may reach an address outside of the cluster."""
    return any(
        port in ports
        and ip_address(address) in ip_network(block["cidr"])
        and not any(ip_address(address) in ip_network(hole) for hole in block.get("except", []))
        for block, ports in ((peer["ipBlock"], ports) for peer, ports in egress(role) if "ipBlock" in peer)
        if ip_network(block["cidr"]).version == ip_address(address).version
    )


PRIVATE = [
    "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1", "0.0.0.1",
    "198.18.0.1", "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
    "64:ff9b::a00:1", "2002:a00:1::1", "2001:0:1::1", "::ffff:10.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
@pytest.mark.parametrize("role", ROLES)
def test_no_role_reaches_a_private_address(role: str, address: str) -> None:
    """What the SSRF guard refuses, the network refuses as well; broker, database and storage are named by namespace."""
    assert not is_public(ip_address(address))
    assert not any(reaches(role, address, port) for port in (80, 443, 5432, 9092))


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "172.32.0.1", "100.128.0.1"])
def test_render_reaches_the_public_network(address: str) -> None:
    """Assets can be fetched over http and https, and nothing else."""
    assert is_public(ip_address(address))
    assert reaches("render", address, 80)
    assert reaches("render", address, 443)
    assert not reaches("render", address, 22)
    assert not reaches("intake", address, 80)


@pytest.mark.parametrize("role", ROLES)
def test_every_role_reaches_its_parts(role: str) -> None:
    """Names, broker, database and storage can be reached, and only Prometheus reaches a worker."""
    policy = of_kind(POSTERS, "NetworkPolicy")[0]["spec"]
    ports = set().union(*(ports for _, ports in egress(role)))

    assert {53, 9092, 5432, 443} <= ports
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    assert [rule["ports"] for rule in policy["ingress"]] == [[{"port": 9100, "protocol": "TCP"}]]


def test_render_is_scaled_by_the_lag_of_both_of_its_topics() -> None:
    """KEDA reads the lag of the group that renders, from the beginning, and never goes to zero or beyond partitions."""
    (scaled,) = of_kind(manifests("autoscaling.yaml"), "ScaledObject")
    partitions = {topic.name: topic.partitions for topic in TOPICS}
    spec = scaled["spec"]

    assert spec["scaleTargetRef"]["name"] == DEPLOYMENTS["render"]["metadata"]["name"]
    assert {trigger["metadata"]["topic"] for trigger in spec["triggers"]} == {"poster-renders", "poster-renders-bulk"}
    assert spec["minReplicaCount"] == 1
    for trigger in spec["triggers"]:
        assert trigger["metadata"]["consumerGroup"] == "render"
        assert trigger["metadata"]["offsetResetPolicy"] == "earliest"
        assert trigger["metadata"]["allowIdleConsumers"] == "false"
        assert spec["maxReplicaCount"] == partitions[trigger["metadata"]["topic"]]
    assert (
        spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 300
    )


def test_autoscaling_authenticates_with_keys_that_the_secret_has() -> None:
    """Every key that KEDA reads is in the example of its Secret."""
    (authentication,) = of_kind(manifests("autoscaling.yaml"), "TriggerAuthentication")
    references = authentication["spec"]["secretTargetRef"]

    for reference in references:
        assert reference["key"] in SECRETS[reference["name"]]["stringData"]


def test_replicas_belong_to_whoever_scales() -> None:
    """Applying the manifest again does not undo what an autoscaler decided."""
    assert "replicas" not in DEPLOYMENTS["render"]["spec"]


def test_pods_are_scraped_without_a_service() -> None:
    """A PodMonitor selects the workers' pods, another those of a site, each with the port that they have."""
    monitors = {each["metadata"]["name"]: each["spec"] for each in of_kind(manifests("monitoring.yaml"), "PodMonitor")}

    assert sorted(monitors) == ["posters", "posters-site"]
    for name, deployments in (("posters", DEPLOYMENTS), ("posters-site", SITE)):
        (endpoint,) = monitors[name]["podMetricsEndpoints"]
        assert (endpoint["port"], endpoint["path"]) == ("status", "/metrics")
        for deployment in deployments.values():
            labels = deployment["spec"]["template"]["metadata"]["labels"]
            assert monitors[name]["selector"]["matchLabels"].items() <= labels.items()
    assert not [each for name in FILES for each in manifests(name) if each["kind"] == "Service"]
