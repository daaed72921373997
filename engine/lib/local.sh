# shellcheck shell=bash
# What belongs to one checkout: npm packages, secrets, the stack, the file that a shell sources.

STACK=${PULUMI_STACK:-dev}
TRACKED_STACKS=(dev k8s)
LOCK_STAMP=$CLAWFLEET_ROOT/node_modules/.clawfleet

lock_sum() { sha256sum <"$CLAWFLEET_ROOT/package-lock.json"; }

# Whether node_modules holds what the lock file says: after our own `npm ci`, or after npm itself, which leaves its own lock last.
packages_current() {
  [ "$(cat "$LOCK_STAMP" 2>/dev/null || true)" = "$(lock_sum)" ] ||
    [ "$CLAWFLEET_ROOT/node_modules/.package-lock.json" -nt "$CLAWFLEET_ROOT/package-lock.json" ]
}

install_npm_packages() {
  npm ci --no-progress
  lock_sum >"$LOCK_STAMP"
}

# private FILE COMMAND...: writes the command's output to a file that only this user reads; an existing file stays.
private() {
  local file=$1
  shift
  if [ -s "$file" ]; then return; fi
  (
    umask 077
    "$@" >"$file.new"
  )
  mv "$file.new" "$file"
}

random_hex() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

make_local_secrets() {
  local stack file
  # A salt of a passphrase that is gone would make Pulumi refuse the new one.
  if [ ! -s "$CLAWFLEET_STATE/passphrase" ]; then
    for stack in "$STACK" "${TRACKED_STACKS[@]}"; do
      file=$CLAWFLEET_ROOT/Pulumi.$stack.yaml
      if [ -w "$file" ]; then sed -i '/^encryptionsalt:/d' "$file"; fi
    done
  fi
  private "$CLAWFLEET_STATE/passphrase" random_hex
  private "$CLAWFLEET_STATE/token-seed" random_hex
  mkdir -p "$CLAWFLEET_STATE/state"
}

# Pulumi writes the salt of this checkout's passphrase, and secrets encrypted with it, into the tracked stack files. They mean nothing
# elsewhere: a filter (see .gitattributes) keeps them out of what git sees, while the file itself keeps them, also across a pull.
git_filter() {
  local clean='sh engine/local-only.sh clean %f'
  if ! have git || ! git -C "$CLAWFLEET_ROOT" rev-parse --git-dir >/dev/null 2>&1; then return; fi
  if [ "$(git -C "$CLAWFLEET_ROOT" config --local filter.clawfleet-local.clean || true)" = "$clean" ]; then return; fi
  git -C "$CLAWFLEET_ROOT" config --local filter.clawfleet-local.smudge 'sh engine/local-only.sh restore %f'
  git -C "$CLAWFLEET_ROOT" config --local filter.clawfleet-local.clean "$clean"
}

# Git takes a tracked file of another length for changed without asking the filter; adding what the filter leaves unchanged, which
# stages nothing, makes it look again. A change of the user's own is left alone.
git_look_again() {
  local stack file
  if ! have git; then return; fi
  for stack in "$STACK" "${TRACKED_STACKS[@]}"; do
    file=Pulumi.$stack.yaml
    if git -C "$CLAWFLEET_ROOT" diff-files --quiet -- "$file" 2>/dev/null; then continue; fi
    if [ -z "$(git -C "$CLAWFLEET_ROOT" diff -- "$file" 2>/dev/null)" ]; then git -C "$CLAWFLEET_ROOT" add -- "$file" 2>/dev/null || true; fi
  done
}

quote() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

# write_env NODE PULUMI_FOLDER PULUMI_HOME: the file that gives a shell all it needs. It holds no secret: those are read when it is sourced.
write_env() {
  local node=$1 pulumi=$2 home=$3 file=$CLAWFLEET_STATE/env bases='' files=''
  if [ "$(cat "$CLAWFLEET_STATE/bases" 2>/dev/null || true)" = local ]; then bases=$("$CLAWFLEET_ROOT/engine/bases.sh" names); fi
  if [ "$(cat "$CLAWFLEET_STATE/docker")" = "$("$CLAWFLEET_ROOT/engine/daemon.sh" address)" ]; then
    files=$("$CLAWFLEET_ROOT/engine/daemon.sh" files 2>/dev/null || true)
  fi
  {
    cat <<'SH'
# Made by engine/setup.sh. Source it (sh, bash, zsh) to run pulumi, clawfleet and docker by hand. What you have set yourself wins.
eval "unset CLAWFLEET_ENV_SET ${CLAWFLEET_ENV_SET:-}"
clawfleet_default() {
  if eval "[ -n \"\${$1+set}\" ]"; then return 0; fi
  export "$1=$2"
  CLAWFLEET_ENV_SET="${CLAWFLEET_ENV_SET:-} $1"
}
clawfleet_path() { case ":$PATH:" in *":$1:"*) ;; *) PATH="$1:$PATH" ;; esac }
SH
    echo "clawfleet_root=$(quote "$CLAWFLEET_ROOT")"
    echo "clawfleet_state=$(quote "$CLAWFLEET_STATE")"
    case $node in "$CLAWFLEET_CACHE"/*) echo "clawfleet_path $(quote "$(dirname "$node")")" ;; esac
    if [ -n "$pulumi" ]; then echo "clawfleet_path $(quote "$pulumi")"; fi
    cat <<SH
clawfleet_path "\$clawfleet_root/cli"
export PATH
clawfleet_default PULUMI_BACKEND_URL "file://\$clawfleet_state/state"
if [ -z "\${PULUMI_CONFIG_PASSPHRASE+set}" ]; then clawfleet_default PULUMI_CONFIG_PASSPHRASE_FILE "\$clawfleet_state/passphrase"; fi
clawfleet_default PULUMI_HOME $(quote "$home")
clawfleet_default PULUMI_SKIP_UPDATE_CHECK true
clawfleet_default PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION true
clawfleet_default PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER true
clawfleet_default NODE_COMPILE_CACHE "\$clawfleet_state/node-cache"
clawfleet_default DOCKER_HOST $(quote "$(cat "$CLAWFLEET_STATE/docker")")
clawfleet_default CLAWFLEET_DOCKER_PLUGIN $(plugin_kind "$home" docker)
clawfleet_default CLAWFLEET_KUBERNETES_PLUGIN $(plugin_kind "$home" kubernetes)
clawfleet_default CLAWFLEET_TOKEN_SEED "\$(cat "\$clawfleet_state/token-seed")"
clawfleet_default CLAWFLEET_BUILD_ENV "\$("\$clawfleet_root/engine/build-settings.sh" env)"
clawfleet_default CLAWFLEET_BUILD_CA "\$("\$clawfleet_root/engine/build-settings.sh" ca)"
clawfleet_default CLAWFLEET_BUILD_NPMRC "\$("\$clawfleet_root/engine/build-settings.sh" npmrc)"
clawfleet_default CLAWFLEET_BUILD_CARGO "\$("\$clawfleet_root/engine/build-settings.sh" cargo)"
SH
    if [ -n "$bases" ]; then echo "clawfleet_default CLAWFLEET_BASES $(quote "$bases")"; fi
    if [ -n "$files" ]; then echo "clawfleet_default CLAWFLEET_MAX_OPEN_FILES $files"; fi
    cat <<'SH'
if [ -z "${KUBECONFIG+set}" ]; then
  eval "$("$clawfleet_root/engine/cluster.sh" env | sed '/^export PATH=/!s/^export \([A-Z_]*\)=/clawfleet_default \1 /')"
fi
SH
    echo 'export CLAWFLEET_ENV_SET'
    echo 'unset clawfleet_root clawfleet_state'
    echo 'unset -f clawfleet_default clawfleet_path'
  } >"$file.new"
  if cmp -s "$file.new" "$file"; then rm "$file.new"; else mv "$file.new" "$file"; fi
}

# The stack of `make up`, in the backend that the environment names; usually files under .clawfleet/state.
make_stack() {
  if [ -z "${PULUMI_BACKEND_URL:-}" ] && [ -s "$CLAWFLEET_STATE/state/.pulumi/stacks/clawfleet/$STACK.json" ]; then return; fi
  (
    # shellcheck source=/dev/null
    . "$CLAWFLEET_STATE/env"
    if pulumi --non-interactive stack select "$STACK" >"$CLAWFLEET_LOGS/stack.log" 2>&1; then exit 0; fi
    say "  making the Pulumi stack $STACK"
    pulumi --non-interactive stack init "$STACK" >>"$CLAWFLEET_LOGS/stack.log" 2>&1 || {
      say "$(tail -n 5 "$CLAWFLEET_LOGS/stack.log" | sed 's/^/    | /')"
      fail "the Pulumi stack $STACK cannot be made in ${PULUMI_BACKEND_URL}. The whole log: $CLAWFLEET_LOGS/stack.log"
    }
  )
}
