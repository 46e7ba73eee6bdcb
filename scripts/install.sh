#!/usr/bin/env bash
# Makes .venv from the lock file, with both distributions editable. Takes `demo` or `dev` (which includes the demo's needs).
# Does nothing, in some milliseconds, when that is already so.
set -euo pipefail
cd "$(dirname "$0")/.."

kind=$1

# Versions come from the lock file, entry points and packages from the two pyproject.toml.
state() {
  { echo "$PWD" && cat "requirements-$1.txt" pyproject.toml django_posters/pyproject.toml scripts/install.sh; } |
    sha256sum | cut -d ' ' -f 1
}

installed() {
  local stamp=.venv/.installed-$kind
  [ -f "$stamp" ] && [ "$(<"$stamp")" = "$(state "$kind")" ] && .venv/bin/python -c "" 2>/dev/null
}

if installed; then
  exit 0
fi
mkdir -p .parts
exec 9>.parts/install.lock
flock 9
if installed; then # by the process that held the lock
  exit 0
fi

say() { echo "posters: $*" >&2; }

. scripts/uv-environment.sh

if ! .venv/bin/python -c "" 2>/dev/null; then
  say "making .venv with $python"
  "$uv" venv --quiet --clear --python "$python" .venv
fi
rm -f .venv/.installed-*
say "installing requirements-$kind.txt into .venv"
# Compile once: where Python may not write bytecode, each of the many processes would compile again.
"$uv" pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes \
  --requirement "requirements-$kind.txt"
"$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation \
  --editable . --editable ./django_posters
state "$kind" >".venv/.installed-$kind"
if [ "$kind" = dev ]; then
  state demo >.venv/.installed-demo
fi
