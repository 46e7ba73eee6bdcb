#!/usr/bin/env bash
# Prints the path of a Python from 3.11 to 3.13, what the lock files are made for.
set -euo pipefail

for name in python3 python3.13 python3.12 python3.11; do
  path=$("$name" -c 'import sys; print(sys.executable if (3, 11) <= sys.version_info < (3, 14) else "")' 2>/dev/null) || continue
  if [ -n "$path" ]; then
    echo "$path"
    exit 0
  fi
done
echo "posters: Python 3.11, 3.12 or 3.13 is needed and none is on PATH (Debian 12 or later: apt-get install python3)" >&2
exit 1
