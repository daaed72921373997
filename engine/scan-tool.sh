#!/usr/bin/env bash
# Prints the path of a program that the tests scan Kubernetes manifests with; builds it from its Go module into the cache when it is not there.
#
#   engine/scan-tool.sh kubeconform   whether objects fit their schemas
#   engine/scan-tool.sh kube-score    what is missing for reliability and security
#   engine/scan-tool.sh kube-linter   the same, by others' rules
#   engine/scan-tool.sh polaris       and by a third set
set -euo pipefail
# shellcheck source=lib/common.sh
. "$(dirname "$0")/lib/common.sh"
# shellcheck source=lib/versions.sh
. "$(dirname "$0")/lib/versions.sh"
# shellcheck source=lib/toolchains.sh
. "$(dirname "$0")/lib/toolchains.sh"

tool=${1:-}
# One module for three of them: what they share is compiled once. kube-score is written for an older Kubernetes than they are.
modules=$CLAWFLEET_ROOT/engine/scanners
case $tool in
  kubeconform) package=github.com/yannh/kubeconform/cmd/kubeconform ;;
  kube-score)
    package=github.com/zegl/kube-score/cmd/kube-score
    modules+=/kube-score
    ;;
  kube-linter) package=golang.stackrox.io/kube-linter/cmd/kube-linter ;;
  polaris) package=github.com/fairwindsops/polaris ;;
  *)
    sed -n '2,7p' "$0" >&2
    exit 2
    ;;
esac
version=$(awk -v module="${package%%/cmd/*}" '$1 == module && $2 ~ /^v/ { print $2 }' "$modules/go.mod")
binary=$CLAWFLEET_CACHE/$tool/$version/$tool

build() {
  mkdir -p "$(dirname "$binary")"
  cd "$modules"
  CGO_ENABLED=0 "$(go_command)" build -mod=readonly -trimpath -ldflags "-s -w" -o "$binary.new" "$package"
  mv "$binary.new" "$binary"
}
build_missing() { if [ ! -x "$binary" ]; then slow "building $tool $version" "$tool" build; fi; }

if [ ! -x "$binary" ]; then locked "$CLAWFLEET_CACHE/$tool.lock" build_missing; fi
echo "$binary"
