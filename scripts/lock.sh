#!/usr/bin/env bash
# Writes the lock files from the two pyproject.toml: names, versions and hashes for Python 3.11 to 3.13, no addresses.
# `scripts/lock.sh --upgrade` takes the newest versions; without it, what is locked stays as long as it fits.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=$(scripts/get-uv.sh)

compile() {
  "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-emit-package django-posters \
    --custom-compile-command "make lock" "$@" >/dev/null
}

# Development needs everything; the others take its versions.
compile pyproject.toml --extra demo --extra otel --group dev --output-file requirements-dev.txt "$@"
compile pyproject.toml --extra demo --group build --constraint requirements-dev.txt --output-file requirements-demo.txt
compile pyproject.toml --extra otel --constraint requirements-dev.txt --output-file requirements.txt

# How uv itself is had where it is missing.
echo "uv" | compile - --output-file scripts/requirements-uv.txt "$@"

if grep --line-number --extended-regexp '://|^-|^\.' requirements*.txt scripts/requirements-uv.txt; then
  echo "A lock file names an address or a path; see the lines above." >&2
  exit 1
fi
