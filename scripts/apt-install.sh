#!/usr/bin/env bash
# Installs Debian packages; needs root and apt-get, and says so with code 1 where either is missing.
set -euo pipefail

if ! command -v apt-get >/dev/null; then
  echo "posters: there is no apt-get here to install $* with" >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo "posters: only root may install $*; run: sudo apt-get install --no-install-recommends $*" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt=(apt-get --quiet --yes -o DPkg::Lock::Timeout=300)
echo "posters: installing $* with apt-get" >&2
install=("${apt[@]}" install --no-install-recommends "$@")
# The lists of packages may be missing or out of date.
"${install[@]}" >/dev/null 2>&1 || { "${apt[@]}" update >/dev/null && "${install[@]}" >/dev/null; }
