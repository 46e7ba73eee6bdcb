"""The manifests run every role, give it time to drain, and restart it."""

import configparser
from pathlib import Path

import yaml

from agents.settings import NAMES, Settings
from streams.topics import ROLES

DEPLOY = Path(__file__).parents[2] / "deploy"
DEPLOYMENTS = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")))


def test_kubernetes_runs_every_role_and_lets_it_finish() -> None:
    """One Deployment a role, ready when the worker is, with time to drain, and no restart of a worker that waits."""
    roles = []
    for deployment in DEPLOYMENTS:
        pod = deployment["spec"]["template"]["spec"]
        (worker,) = pod["containers"]
        command, role = worker["args"]
        roles.append(role)

        assert command == "worker"
        assert deployment["spec"]["selector"]["matchLabels"] == deployment["spec"]["template"]["metadata"]["labels"]
        assert pod["terminationGracePeriodSeconds"] > Settings().drain_timeout
        assert worker["readinessProbe"]["httpGet"]["path"] == "/ready"
        assert "livenessProbe" not in worker
        assert all(variable["name"] in NAMES for variable in worker["env"])

    assert sorted(roles) == sorted(ROLES)


def test_systemd_starts_a_worker_again_whatever_ended_it() -> None:
    """The unit restarts always and without limit, and waits for a drain before SIGKILL."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(DEPLOY / "posters@.service")

    assert unit["Service"]["ExecStart"].endswith("/posters worker %i")
    assert unit["Service"]["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert float(unit["Service"]["TimeoutStopSec"]) > Settings().drain_timeout
