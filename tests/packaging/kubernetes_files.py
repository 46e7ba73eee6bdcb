"""The manifests under deploy/kubernetes, their pods, and the schemas that they have to fit."""

import json
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import yaml
from jsonschema import Draft202012Validator

Manifest = dict[str, Any]

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "deploy" / "kubernetes"
CHART: Final = ROOT / "deploy" / "helm" / "posterstream"
HELM: Final = ROOT / ".parts" / "tools" / "helm"
KUBERNETES_VERSIONS: Final = ("1.30", "1.33", "1.37")
"""The oldest that the chart permits, one between, and the newest whose schemas are installed."""
_CRDS: Final = Path(__file__).parent / "crds"


def manifests(name: str) -> list[Manifest]:
    """Return the objects of a file of deploy/kubernetes."""
    return parse((FOLDER / name).read_text(encoding="utf-8"))


def parse(text: str) -> list[Manifest]:
    """Return the objects of a YAML stream; empty documents are left out."""
    return [each for each in yaml.safe_load_all(text) if each]


def of_kind(objects: list[Manifest], kind: str) -> list[Manifest]:
    """Return the objects of one kind. There is at least one."""
    found = [each for each in objects if each["kind"] == kind]
    assert found, f"no {kind}"
    return found


def pod_of(manifest: Manifest) -> Manifest:
    """Return the pod's specification of a Pod or of what makes pods."""
    spec: Manifest = manifest["spec"]
    return spec if manifest["kind"] == "Pod" else spec["template"]["spec"]


def with_pods(objects: list[Manifest]) -> list[Manifest]:
    """Return the objects that are pods or make pods."""
    return [each for each in objects if each["kind"] in {"Pod", "Deployment", "Job", "DaemonSet"}]


def role_of(manifest: Manifest) -> str:
    """Return the role of an object, by its label."""
    role: str = manifest["metadata"]["labels"]["app.kubernetes.io/component"]
    return role


def check(manifest: Manifest) -> None:
    """Check an object as the API server of every supported version would. Raises an error of its schema."""
    if (crd := _CRDS / f"{manifest['kind']}.json").exists():
        schema = _closed(json.loads(crd.read_text(encoding="utf-8")))
        Draft202012Validator(schema).validate(manifest)
        return
    for version in KUBERNETES_VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)


def _closed(schema: Any) -> Any:
    """Return a schema that refuses unknown fields, as the API server's strict validation does."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    opened = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict) and not opened:
        # apiVersion, kind and metadata are every object's own.
        closed["additionalProperties"] = False
    return closed
