#!/usr/bin/env bash
# Prints the path of Docker Compose, to measure and test against: this machine's own from 2.30 on, else one built from its Go module into the cache.
set -euo pipefail
# shellcheck source=lib/common.sh
. "$(dirname "$0")/lib/common.sh"
# shellcheck source=lib/versions.sh
. "$(dirname "$0")/lib/versions.sh"
# shellcheck source=lib/toolchains.sh
. "$(dirname "$0")/lib/toolchains.sh"

VERSION=v2.40.3 # as in compose/go.mod
binary=$CLAWFLEET_CACHE/compose/$VERSION/docker-compose

build() {
  mkdir -p "$(dirname "$binary")"
  cd "$CLAWFLEET_ROOT/engine/compose"
  CGO_ENABLED=0 "$(go_command)" build -mod=readonly -trimpath -ldflags "-s -w -X github.com/docker/compose/v2/internal.Version=$VERSION" \
    -o "$binary.new" github.com/docker/compose/v2/cmd
  mv "$binary.new" "$binary"
}
build_missing() { if [ ! -x "$binary" ]; then slow "building Docker Compose $VERSION" compose build; fi; }

for own in "$(command -v docker-compose || true)" /usr/libexec/docker/cli-plugins/docker-compose /usr/lib/docker/cli-plugins/docker-compose "$HOME/.docker/cli-plugins/docker-compose"; do
  if [ -z "$own" ] || [ ! -x "$own" ]; then continue; fi
  own_version=$("$own" version --short 2>/dev/null) || continue
  if at_least "${own_version#v}" 2.30; then
    echo "$own"
    exit
  fi
done
if [ ! -x "$binary" ]; then locked "$CLAWFLEET_CACHE/compose.lock" build_missing; fi
echo "$binary"
