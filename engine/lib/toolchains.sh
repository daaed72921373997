# shellcheck shell=bash
# Finding Go and Rust on this machine, and fetching npm packages by name and sum.

# at_least VERSION MINIMUM: compares dotted numbers.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# go_command: prints a Go >= 1.25: this machine's own, or the one that the set-up has fetched.
go_command() {
  local go
  for go in "$(command -v go || true)" /usr/local/go/bin/go "$CLAWFLEET_CACHE/go/bin/go"; do
    if [ -n "$go" ] && [ -x "$go" ] && at_least "$(cd / && GOTOOLCHAIN=local "$go" env GOVERSION | sed 's/^go//')" 1.25; then
      echo "$go"
      return
    fi
  done
  return 1
}

# rust_toolchain: prints the folder of the newest Rust >= 1.96 on this machine, whether rustup manages it or not.
rust_toolchain() {
  local rustc version best='' newest=1.96
  for rustc in "${RUSTUP_HOME:-$HOME/.rustup}"/toolchains/*/bin/rustc "$(command -v rustc || true)"; do
    if [ -z "$rustc" ] || [ ! -x "$rustc" ]; then continue; fi
    version=$("$rustc" --version 2>/dev/null | awk '{ print $2 }' | sed 's/-.*//')
    if [ -n "$version" ] && at_least "$version" "$newest"; then
      newest=$version
      best=$("$rustc" --print sysroot)
    fi
  done
  [ -n "$best" ] && echo "$best"
}

# base64_of HEX: the same bytes in base64.
base64_of() { printf '%b' "$(sed 's/../\\x&/g' <<<"$1")" | base64 -w 0; }

# npm_package NAME@VERSION SUM FOLDER: unpacks an npm package whose sum ("sha512-<base64>") must be SUM.
npm_package() {
  local spec=$1 sum=$2 folder=$3 temporary file
  mkdir -p "$(dirname "$folder")"
  temporary=$(mktemp -d "$(dirname "$folder")/.fetch.XXXXXX")
  (cd "$temporary" && npm pack --silent --ignore-scripts "$spec")
  file=$(echo "$temporary"/*.tgz)
  if [ "sha512-$(base64_of "$(sha512sum "$file" | cut -d " " -f 1)")" != "$sum" ]; then
    rm -rf "$temporary"
    echo "the npm package $spec does not have the pinned sum" >&2
    return 1
  fi
  tar -xzf "$file" -C "$temporary"
  rm -rf "$folder"
  mv "$temporary/package" "$folder"
  rm -rf "$temporary"
}
