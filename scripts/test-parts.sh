#!/usr/bin/env bash
# Installs into .parts what tests and benchmarks start besides PostgreSQL and Chromium: Kafka's jars through Maven, and
# versitygw, an S3 server, through Go; without a Go that can build it, tests use moto, which is in .venv. MariaDB comes
# from the distribution. The test suite of Jinja2, which is in its source distribution alone, comes through pip.
set -euo pipefail
cd "$(dirname "$0")/.."

versitygw=v1.8.0
oldest_go=1.25

say() { echo "posters: $*" >&2; }

mkdir -p .parts
exec 9>.parts/parts.lock
flock 9

install_kafka() {
  local pom=scripts/kafka-pom.xml stamp=.parts/kafka/pom.xml fresh=.parts/kafka-fresh
  if cmp --silent "$pom" "$stamp"; then
    return
  fi
  if ! command -v mvn >/dev/null && ! scripts/apt-install.sh maven; then
    say "Kafka's jars come through Maven, and there is no mvn: install it (Debian: sudo apt-get install maven) and run this again"
    exit 1
  fi
  say "copying Kafka's jars into .parts/kafka"
  rm -rf "$fresh"
  mkdir -p "$fresh"
  if ! mvn --batch-mode --quiet --file "$pom" dependency:copy-dependencies "-DoutputDirectory=$PWD/$fresh/lib" \
    >"$fresh/maven.log" 2>&1; then
    cat "$fresh/maven.log" >&2
    say "Maven could not fetch Kafka's jars, see above"
    exit 1
  fi
  cp "$pom" "$fresh/pom.xml"
  rm -rf .parts/kafka
  mv "$fresh" .parts/kafka
}

# Says why this machine's Go cannot build versitygw; silent if it can.
go_is_unfit() {
  local version
  if ! command -v go >/dev/null; then
    echo "there is no Go"
    return
  fi
  version=$(GOTOOLCHAIN=local go env GOVERSION)
  if [ "$(printf '%s\n' "$oldest_go" "${version#go}" | sort --version-sort | head -n 1)" != "$oldest_go" ]; then
    echo "$version is older than $oldest_go"
  fi
}

install_object_server() {
  local stamp=.parts/bin/versitygw.version moto=.parts/object-server-is-moto reason
  if [ -x .parts/bin/versitygw ] && [ "$(cat "$stamp" 2>/dev/null)" = "$versitygw" ]; then
    return
  fi
  reason=$(go_is_unfit)
  rm -rf .parts/bin
  if [ -n "$reason" ]; then
    say "$reason: the tests' S3 server is moto instead of versitygw"
    echo "$reason" >"$moto"
    return
  fi
  say "building versitygw $versitygw (some minutes the first time)"
  GOTOOLCHAIN=local GOBIN="$PWD/.parts/bin" go install "github.com/versity/versitygw/cmd/versitygw@$versitygw"
  echo "$versitygw" >"$stamp"
  rm -f "$moto"
}

command -v setpriv >/dev/null || scripts/apt-install.sh util-linux
command -v git >/dev/null || scripts/apt-install.sh git
has() { PATH=$PATH:/usr/sbin command -v "$1" >/dev/null; }

# The script that makes its tables calls a program of the client's package.
install_mariadb() {
  local packages=(mariadb-server-core mariadb-client-core)
  if has mariadbd && has my_print_defaults || scripts/apt-install.sh "${packages[@]}"; then
    return
  fi
  say "there is no mariadbd or no my_print_defaults: install them (Debian: sudo apt-get install ${packages[*]}) and run this again"
  exit 1
}

# The version is that of the lock: the tests compare it with the one that is installed.
install_jinja_suite() {
  local version fresh=.parts/jinja2-fresh
  version=$(sed -n 's/^jinja2==\([^ ]*\).*/\1/p' requirements-dev.txt)
  if [ "$(cat .parts/jinja2/version 2>/dev/null)" = "$version" ]; then
    return
  fi
  say "fetching the test suite of Jinja2 $version into .parts/jinja2"
  rm -rf "$fresh"
  mkdir -p "$fresh"
  if ! "$(scripts/get-uv.sh)" tool run --quiet pip download --quiet --no-deps --no-binary jinja2 --dest "$fresh" \
    "jinja2==$version" 2>"$fresh/pip.log"; then
    cat "$fresh/pip.log" >&2
    say "pip could not fetch Jinja2's source distribution, see above"
    exit 1
  fi
  tar --extract --gzip --file "$fresh/jinja2-$version.tar.gz" --directory "$fresh" --strip-components 1
  echo "$version" >"$fresh/version"
  rm -rf .parts/jinja2
  mv "$fresh" .parts/jinja2
}

install_kafka
install_object_server
install_jinja_suite
install_mariadb
