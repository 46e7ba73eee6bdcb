#!/usr/bin/env bash
# Makes a wheel of an earlier commit and installs it, with what its own lock file names, into a virtual environment of its own
# in .parts/earlier-build, for the rolling upgrades of `make faults`. Prints the directory of its commands. Takes the commit.
set -euo pipefail
cd "$(dirname "$0")/.."

commit=$1
target=$PWD/.parts/earlier-build/$commit

say() { echo "posters: $*" >&2; }

mkdir -p .parts
exec 9>.parts/earlier-build.lock
flock 9
if "$target/venv/bin/python" -c "import posters.main" 2>/dev/null && [ -f "$target/complete" ]; then
  echo "$target/venv/bin"
  exit 0
fi
if ! git cat-file -e "$commit^{commit}" 2>/dev/null; then
  say "this clone has no commit $commit, of which the earlier build is made:"
  say "fetch the history (git fetch --unshallow) and run this again"
  exit 1
fi

. scripts/uv-environment.sh

say "making the build of commit $commit"
rm -rf "$target"
mkdir -p "$target/source"
git archive "$commit" | tar --extract --directory "$target/source"
"$uv" venv --quiet --python "$python" "$target/venv"
"$uv" pip install --quiet --compile-bytecode --python "$target/venv/bin/python" --require-hashes \
  --requirement "$target/source/requirements.txt"
"$uv" build --quiet --wheel --out-dir "$target" "$target/source" >&2
"$uv" pip install --quiet --compile-bytecode --python "$target/venv/bin/python" --no-deps "$target"/posterstream-*.whl
rm -rf "$target/source"
touch "$target/complete"
echo "$target/venv/bin"
