#!/usr/bin/env bash
# Installs Chromium's headless shell, the fonts of renderer/fonts/packages.txt and a library of Playwright's driver where
# they are missing: with apt-get (as root), else with Playwright's download of the browser; otherwise says what to install
# and exits with 1. Then it makes the hyphenation dictionaries.
# Needs .venv (scripts/install.sh).
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "posters: $*" >&2; }

# Debian's own binary, not the wrapper on PATH; or Playwright's, in its cache.
has_browser() {
  [ -n "${POSTERS_CHROMIUM:-}" ] && [ -x "$POSTERS_CHROMIUM" ] && return
  compgen -G "/usr/lib/chromium*/chromium-headless-shell" >/dev/null && return
  compgen -G "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}/chromium_headless_shell-*/INSTALLATION_COMPLETE" >/dev/null
}

# The dictionaries for `hyphens: auto`, beside the browser: Debian's package has none, Playwright's download has them.
has_dictionaries() {
  local shell
  if [ -n "${POSTERS_CHROMIUM:-}" ]; then
    shell=$(readlink -f "$POSTERS_CHROMIUM")
  else
    shell=$(compgen -G "/usr/lib/chromium*/chromium-headless-shell" | head -n 1) || return 0
  fi
  compgen -G "${shell%/*}/hyphen-data/hyph-zu.hyb" >/dev/null # the last that is written
}

# Prints the Debian packages of the fonts and the library that are missing.
missing_files() {
  local folders=(/usr/share/fonts /usr/share/texmf/fonts/opentype /usr/local/share/fonts) files package start
  files=$(find -L "${folders[@]}" -type f 2>/dev/null || true)
  while read -r package start; do
    [[ $files == */"$start"* ]] || echo "$package"
  done < <(grep -v '^#' renderer/fonts/packages.txt)
  [[ $(ldd .venv/lib/python3*/site-packages/playwright/driver/node 2>&1) != *libatomic*"not found"* ]] || echo libatomic1
}

mapfile -t missing < <(missing_files)
if [ "${#missing[@]}" = 0 ] && has_browser && has_dictionaries; then
  exit 0
fi
if [ "${#missing[@]}" != 0 ]; then
  scripts/apt-install.sh "${missing[@]}" || true
fi
if ! has_browser; then
  scripts/apt-install.sh chromium-headless-shell || true # not every distribution has this package
fi
if ! has_browser; then
  say "installing Chromium's headless shell with Playwright"
  .venv/bin/playwright install chromium-headless-shell >&2 || true
fi

mapfile -t missing < <(missing_files)
has_browser || missing+=(chromium-headless-shell)
if [ "${#missing[@]}" != 0 ]; then
  say "still missing: ${missing[*]}"
  say "Debian:    sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}"
  say "elsewhere: put the fonts of these packages into /usr/local/share/fonts, and either name a Chromium headless shell in"
  say "           POSTERS_CHROMIUM or run: .venv/bin/playwright install --with-deps chromium-headless-shell"
  exit 1
fi
if ! has_dictionaries; then
  say "making the hyphenation dictionaries"
  .venv/bin/python -m renderer.hyphenation || say "posters are drawn all the same, without hyphens for \`hyphens: auto\`"
fi
