#!/usr/bin/env bash
# For scripts that install Python packages, to be sourced in the root of the repository: sets `python` and `uv`, and makes uv
# take its packages from where pip takes them.
export UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=${UV_LINK_MODE:-copy}
python=$(scripts/find-python.sh)
# uv does not read pip's settings; an index that is set only there must be used all the same.
if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
  index=${PIP_INDEX_URL:-$("$python" -m pip config get global.index-url 2>/dev/null || true)}
  [ -z "$index" ] || export UV_DEFAULT_INDEX=$index
fi
uv=$(scripts/get-uv.sh)
