#!/usr/bin/env bash
# Checks JavaScript: Biome for style and mistakes in all of it, TypeScript for types in the scripts of pages. Both are
# installed into .parts/javascript, at the versions of the lock file. Takes options for Biome, as --write to fix things.
set -euo pipefail
cd "$(dirname "$0")/.."

source=scripts/javascript
installed=.parts/javascript
checked=(
  renderer/page/scripts django_posters/src/django_posters/static example/testimonials/static bench/peers/cluster.mjs
  biome.json jsconfig.json
)

say() { echo "posters: $*" >&2; }

# npm writes the second file when it has installed everything.
is_installed() {
  cmp --silent "$source/package-lock.json" "$installed/package-lock.json" && [ -e "$installed/node_modules/.package-lock.json" ]
}

install() {
  if ! command -v npm >/dev/null && ! scripts/apt-install.sh npm; then
    say "the checks of JavaScript come through npm, and there is none: install it (Debian: sudo apt-get install npm) and run this again"
    exit 1
  fi
  say "installing Biome and TypeScript into $installed"
  rm -rf "$installed"
  mkdir -p "$installed"
  cp "$source"/package.json "$source"/package-lock.json "$source"/.npmrc "$installed"
  if ! (cd "$installed" && npm ci --no-progress) >"$installed/npm.log" 2>&1; then
    cat "$installed/npm.log" >&2
    say "npm could not install them, see above"
    exit 1
  fi
}

mkdir -p .parts
exec 9>.parts/javascript.lock
flock 9
is_installed || install
exec 9>&-

"$installed/node_modules/.bin/biome" check --error-on-warnings --diagnostic-level=warn "$@" "${checked[@]}"
"$installed/node_modules/.bin/tsc" --project jsconfig.json
