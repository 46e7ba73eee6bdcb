#!/usr/bin/env bash
# Prints the path of uv. Where it is not on PATH it is installed into .parts, from the package index this machine uses:
# by pip in a virtual environment, else by the system's pip, else after apt-get (as root) brought Python's venv.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v uv; then
  exit 0
fi
for place in .parts/uv-venv/bin/uv .parts/uv-pip/bin/uv; do
  if "$place" --version >/dev/null 2>&1; then
    echo "$PWD/$place"
    exit 0
  fi
done

say() { echo "posters: $*" >&2; }

python=$(scripts/find-python.sh)
install=(install --quiet --disable-pip-version-check --require-hashes --requirement scripts/requirements-uv.txt)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

by_venv() {
  rm -rf .parts/uv-venv
  "$python" -m venv .parts/uv-venv && .parts/uv-venv/bin/python -m pip "${install[@]}" && chosen=.parts/uv-venv/bin/uv
}

by_pip() {
  # With --target pip leaves the system's own packages alone, so it may run where Python is externally managed.
  rm -rf .parts/uv-pip
  "$python" -m pip "${install[@]}" --target .parts/uv-pip && chosen=.parts/uv-pip/bin/uv
}

by_apt() {
  scripts/apt-install.sh python3-venv python3-pip && by_venv
}

mkdir -p .parts
say "uv is not on PATH; installing it into .parts"
for way in by_venv by_pip by_apt; do
  echo "--- $way" >>"$log"
  if $way >>"$log" 2>&1; then
    echo "$PWD/$chosen"
    exit 0
  fi
done
cat "$log" >&2
say "uv could not be installed (see above). Install uv yourself, or Python's venv (Debian: apt-get install python3-venv),"
say "and run this again."
exit 1
