#!/usr/bin/env bash
# Prints the path of actionlint, which checks GitHub's workflows and, with shellcheck, the scripts in them: built from its Go module into the cache.
set -euo pipefail
# shellcheck source=lib/common.sh
. "$(dirname "$0")/lib/common.sh"
# shellcheck source=lib/versions.sh
. "$(dirname "$0")/lib/versions.sh"
# shellcheck source=lib/toolchains.sh
. "$(dirname "$0")/lib/toolchains.sh"

VERSION=v1.7.12 # as in actionlint/go.mod
binary=$CLAWFLEET_CACHE/actionlint/$VERSION/actionlint

build() {
  mkdir -p "$(dirname "$binary")"
  cd "$CLAWFLEET_ROOT/engine/actionlint"
  CGO_ENABLED=0 "$(go_command)" build -mod=readonly -trimpath -ldflags "-s -w" -o "$binary.new" github.com/rhysd/actionlint/cmd/actionlint
  mv "$binary.new" "$binary"
}
build_missing() { if [ ! -x "$binary" ]; then slow "building actionlint $VERSION" actionlint build; fi; }

if [ ! -x "$binary" ]; then locked "$CLAWFLEET_CACHE/actionlint.lock" build_missing; fi
echo "$binary"
