#!/bin/sh
# What an image build needs to reach the network from where this machine stands: printed by .clawfleet/env into CLAWFLEET_BUILD_*,
# from there into build secrets, never into a layer, a file or a command line.
#
#   engine/build-settings.sh env     proxies and package registries, as `export NAME='value'` lines
#   engine/build-settings.sh ca      CA certificates that this machine trusts and Debian does not (PEM)
#   engine/build-settings.sh npmrc   the network lines of npm's configuration files
#   engine/build-settings.sh cargo   the network sections of cargo's configuration file
set -eu

npmrc() {
  for file in /etc/npmrc "${NPM_CONFIG_GLOBALCONFIG:-/nonexistent}" "${NPM_CONFIG_USERCONFIG:-$HOME/.npmrc}"; do
    if [ -r "$file" ]; then sed -nE '/^[[:space:]]*(registry|@[^:=]+:registry|\/\/[^=]+|proxy|https?-proxy|noproxy|strict-ssl)[[:space:]]*=/p' "$file"; fi
  done
}

# Sections [source.*], [registries.*], [registry], [http] and [net]; not the paths of CA files, which mean nothing in a build.
cargo() {
  for file in "${CARGO_HOME:-$HOME/.cargo}/config.toml" "${CARGO_HOME:-$HOME/.cargo}/config"; do
    if [ ! -r "$file" ]; then continue; fi
    awk '/^[[:space:]]*\[/ { keep = $0 ~ /^[[:space:]]*\[(source|registries|registry|http|net)[].]/ } keep && !/^[[:space:]]*cainfo/' "$file"
    break
  done
}

quoted() { printf "export %s='%s'\n" "$1" "$(printf '%s' "$2" | sed "s/'/'\\\\''/g")"; }

settings() {
  # Variables that npm's own files refer to hold tokens.
  named=$(npmrc | sed -nE 's/.*\$\{([A-Za-z_][A-Za-z0-9_]*)\??\}.*/\1/p' | sort -u)
  for name in HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy no_proxy all_proxy $named \
    $(env | sed -nE 's/^((NPM_CONFIG|npm_config)_[A-Za-z_]*(registry|REGISTRY|proxy|PROXY|fetch|FETCH)[A-Za-z_]*|CARGO_(REGISTRIES|REGISTRY|SOURCE|NET|HTTP)_[A-Z0-9_]+|PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|DEFAULT_TIMEOUT))=.*/\1/p'); do
    case $name in *CAINFO*) continue ;; esac
    eval "value=\${$name-}"
    # shellcheck disable=SC2154 # set by eval
    if [ -n "$value" ]; then quoted "$name" "$value"; fi
  done
  # For base images without the addresses of Debian's packages.
  if command -v apt-get >/dev/null; then
    # shellcheck disable=SC2016 # apt's own variables
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN)' 2>/dev/null | awk '$2 == "Debian" && $1 !~ /security|^mirror/ { print $1; exit }')
    if [ -n "$mirror" ]; then quoted DEBIAN_MIRROR "$mirror"; fi
  fi
  # Go's own answer knows its configuration file too.
  set -- GOPROXY GOSUMDB GOPRIVATE GONOPROXY GONOSUMDB GOINSECURE
  if command -v go >/dev/null; then values=$(cd / && GOTOOLCHAIN=local go env "$@"); else values=$(printf '%s\n' "${GOPROXY-}" "${GOSUMDB-}" "${GOPRIVATE-}" "${GONOPROXY-}" "${GONOSUMDB-}" "${GOINSECURE-}"); fi
  printf '%s\n' "$values" | while IFS= read -r value; do
    if [ -n "$value" ]; then quoted "$1" "$value"; fi
    shift
  done
}

# An environment variable holds 128 KiB at most: a whole bundle would not fit, what is added to Debian's own does.
ca() {
  set -- own=1
  for file in "${NODE_EXTRA_CA_CERTS:-}" "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}"; do
    if [ -r "$file" ]; then set -- "$@" "$file"; fi
  done
  for file in /usr/share/ca-certificates/mozilla/*.crt; do
    if [ -r "$file" ]; then set -- "$file" "$@"; fi
  done
  awk '/-BEGIN CERTIFICATE-/ { pem = body = ""; inside = 1 }
       inside { pem = pem $0 "\n"; if (!/^-/) { gsub(/[[:space:]]/, ""); body = body $0 } }
       /-END CERTIFICATE-/ { inside = 0; if (own && !(body in seen)) printf "%s", pem; seen[body] = 1 }' "$@"
}

case ${1:-} in
  env) settings ;;
  ca) ca ;;
  npmrc) npmrc ;;
  cargo) cargo ;;
  *) sed -n '2,8p' "$0" >&2; exit 2 ;;
esac
