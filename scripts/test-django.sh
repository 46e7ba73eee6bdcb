#!/usr/bin/env bash
# Tests the Django side, as far as it needs no broker, on another Python and Django: scripts/test-django.sh 3.13 6.0
# Without arguments: every pair that Django supports and this machine has the Python for.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "posters: $*" >&2; }

without_broker=(test_admin test_batches test_conf test_jobs test_migrations test_placeholders test_progress
  test_requests test_results test_reuse test_template_tag test_templates_told test_testing)

python_of() { # One on PATH that runs (pyenv's stand-ins may not), or one that pyenv keeps.
  local found
  for found in "$(command -v "python$1")" $(compgen -G "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1.*/bin/python"); do
    if "$found" -c "" 2>/dev/null; then
      echo "$found"
      return
    fi
  done
}

test_pair() {
  local python django=$2 venv=.parts/django-$1-$2
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
  PYTHONDEVMODE=1 "$venv/bin/python" -m pytest -q -p no:cacheprovider -k "not mariadb" \
    $(printf "django_posters/tests/django_tests/%s.py " "${without_broker[@]}")
}

uv=$(scripts/get-uv.sh)
export UV_PYTHON_DOWNLOADS=never
if [ $# = 2 ]; then
  test_pair "$1" "$2"
  exit
fi
for pair in "3.11 5.2" "3.12 5.2" "3.12 6.0" "3.12 6.1" "3.13 5.2" "3.13 6.0" "3.13 6.1"; do
  read -r python django <<<"$pair"
  if [ -n "$(python_of "$python")" ]; then
    test_pair "$python" "$django"
  else
    say "no Python $python here: Django $django is not tested on it"
  fi
done
