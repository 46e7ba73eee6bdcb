#!/usr/bin/env bash
# Writes deploy/kubernetes/*.yaml from the Helm chart: the same objects, for `kubectl apply` and for reading.
# Takes another directory to write to. Needs helm (scripts/deploy-tools.sh).
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:-deploy/kubernetes}
mkdir -p "$target"

# NAME HELM-OPTION … : the file of that name, with the lines of standard input as its head. Helm reports the links among the
# chart's files, which are meant; the rest of what it says is shown.
render() {
  local name=$1
  shift
  {
    cat
    .parts/tools/helm template posters deploy/helm/posterstream --kube-version 1.33.0 --skip-tests "$@" \
      2> >(grep --invert-match "found symbolic link" >&2 || true)
  } >"$target/$name.yaml"
}

render posters --set roles.render.replicas=null <<'TEXT'
# Made from deploy/helm/posterstream by scripts/kubernetes.sh. The five roles, and a Job that sets up topics and tables.
# Before it: edit the ConfigMap and the NetworkPolicies (broker, database, storage), make the Secrets as in
# secrets.example.yaml, apply seccomp.yaml. Before it is applied again: kubectl delete job posters-setup --ignore-not-found
# `posters-render` has no `replicas`: kubectl scale, an autoscaler or autoscaling.yaml (KEDA) decides.
TEXT

render seccomp --set seccompInstaller.enabled=true --show-only templates/seccomp.yaml <<'TEXT'
# Made from deploy/helm/posterstream by scripts/kubernetes.sh. The seccomp profile of `posters-render`, for every node.
TEXT

render site --set site.enabled=true --set site.commands.relay_posters.replicas=null \
  --set site.commands.consume_posters.replicas=null --show-only templates/site.yaml <<'TEXT'
# Made from deploy/helm/posterstream by scripts/kubernetes.sh. relay_posters and consume_posters of a Django site, beside its
# web processes. Edit the image and the NetworkPolicy; the Secret posters-site is in secrets.example.yaml. Migrate the
# database of the site first: until then both commands say which migration is missing, and are started again.
TEXT

render autoscaling --set autoscaling.enabled=true --set autoscaling.authenticationSecret=posters-keda \
  --show-only templates/autoscaling.yaml <<'TEXT'
# Made from deploy/helm/posterstream by scripts/kubernetes.sh. Needs KEDA. Edit the brokers; the Secret posters-keda is in
# secrets.example.yaml.
TEXT

render monitoring --set monitoring.podMonitor=true --set monitoring.rules=true --set monitoring.dashboard=true \
  --set site.enabled=true --show-only templates/monitoring.yaml <<'TEXT'
# Made from deploy/helm/posterstream by scripts/kubernetes.sh. Needs the Prometheus operator; the dashboard is loaded by
# Grafana's sidecar. The PodMonitor posters-site is for site.yaml, and finds nothing where that is not applied.
TEXT
