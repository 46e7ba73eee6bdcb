#!/usr/bin/env bash
# Tests the Django side, as far as it needs no broker, on another Python and Django: scripts/test-django.sh 3.13 6.0
# Without arguments: every pair that Django supports and whose Python is here or comes through Maven; at the end it says
# which were tested and for which there was no Python. The environments go to .parts, or to $PARTS.
set -euo pipefail
cd "$(dirname "$0")/.."

parts=$(realpath "${PARTS:-.parts}")

say() { echo "posters: $*" >&2; }

# What is not about Django: the distribution, one trace through the roles, the demo with its servers.
not_here=(test_distribution.py test_one_trace.py test_demo_site.py)

# Pythons that Maven has: JavaCPP's presets for CPython hold all of it.
declare -A through_maven=([3.14]=3.14.3-1.5.13)

python_of() { # One on PATH that runs (pyenv's stand-ins may not), one that pyenv keeps, or one through Maven.
  local found
  for found in "$(command -v "python$1")" $(compgen -G "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1.*/bin/python") \
    "$(fetched_python "$1")"; do
    if "$found" -c "" 2>/dev/null; then
      echo "$found"
      return
    fi
  done
}

fetched_python() {
  local home=$parts/python-$1 version=${through_maven[$1]:-}
  if [ -z "$version" ] || [ "$(uname -sm)" != "Linux x86_64" ] || ! command -v mvn >/dev/null; then
    return
  fi
  if ! [ -x "$home/bin/python$1" ]; then
    say "fetching Python $1 through Maven into $home"
    rm -rf "$home.fresh"
    mvn --batch-mode --quiet dependency:copy "-Dartifact=org.bytedeco:cpython:$version:jar:linux-x86_64" \
      "-DoutputDirectory=$home.fresh" >&2 || return 0
    (cd "$home.fresh" && jar xf cpython-*.jar) && chmod +x "$home.fresh"/org/bytedeco/cpython/linux-x86_64/bin/*
    rm -rf "$home"
    mv "$home.fresh/org/bytedeco/cpython/linux-x86_64" "$home"
    rm -rf "$home.fresh"
  fi
  echo "$home/bin/python$1"
}

test_pair() {
  local python django=$2 venv=$parts/django-$1-$2
  python=$(python_of "$1")
  if ! [ -x "$venv/bin/pytest" ]; then
    say "installing Django $django for Python $1 into $venv"
    "$uv" venv --quiet --clear --python "$python" "$venv"
    "$uv" pip install --quiet --compile-bytecode --python "$venv/bin/python" --require-hashes \
      --requirement requirements-dev.txt
    "$uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable . --editable ./django_posters
    "$uv" pip install --quiet --python "$venv/bin/python" "django~=$django.0"
  fi
  say "Python $1, Django $("$venv/bin/python" -m django --version)"
  PYTHONDEVMODE=1 "$venv/bin/python" -m pytest -q -p no:cacheprovider -m "not broker" -k "not mariadb" \
    $(printf -- "--ignore=django_posters/tests/django_tests/%s " "${not_here[@]}") django_posters/tests/django_tests
}

uv=$(scripts/get-uv.sh)
export UV_PYTHON_DOWNLOADS=never
if [ $# = 2 ]; then
  test_pair "$1" "$2"
  exit
fi
tested=() missing=()
for pair in "3.11 5.2" "3.12 5.2" "3.12 6.0" "3.12 6.1" "3.13 5.2" "3.13 6.0" "3.13 6.1" "3.14 5.2" "3.14 6.0" "3.14 6.1" \
  "3.15 6.1"; do
  read -r python django <<<"$pair"
  if [ -n "$(python_of "$python")" ]; then
    test_pair "$python" "$django"
    tested+=("$django on $python,")
  else
    missing+=("$django on $python,")
  fi
done
say "tested: Django ${tested[*]%,}"
if [ ${#missing[@]} != 0 ]; then
  say "NOT tested, for want of the Python: Django ${missing[*]%,}; put it on PATH, or where pyenv keeps its versions"
fi
