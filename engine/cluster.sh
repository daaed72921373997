#!/usr/bin/env bash
# A real Kubernetes cluster of one node on this machine, with a registry for its images, for trying things and for tests.
#
#   engine/cluster.sh up             builds what is missing, starts the cluster, waits until it is of use; prints what `env` prints
#   engine/cluster.sh down           stops it and its registry; all that is in them stays
#   engine/cluster.sh purge          stops it and removes all that was in it
#   engine/cluster.sh env            prints the lines that let a shell use it; nothing when it does not run
#   engine/cluster.sh status         says how it is; exit code 1 when it does not run
#   engine/cluster.sh restart PART   ends and starts anew: kubelet, apiserver, or node (all of its processes, as after a power cut)
#   engine/cluster.sh import TAR...  puts images that `docker save` wrote into the node
#   engine/cluster.sh build          builds the programs, and nothing else; prints their folder
#   engine/cluster.sh packages       prints the Debian packages that it wants and this machine lacks
#
# CLAWFLEET_CLUSTER=NAME names another cluster than `clawfleet`, with its own addresses and state. up, down, purge, restart and import need root.
set -euo pipefail
# shellcheck source=lib/common.sh
. "$(dirname "$0")/lib/common.sh"
# shellcheck source=lib/versions.sh
. "$CLAWFLEET_ROOT/engine/lib/versions.sh"
# shellcheck source=lib/toolchains.sh
. "$CLAWFLEET_ROOT/engine/lib/toolchains.sh"
# shellcheck source=lib/packages.sh
. "$CLAWFLEET_ROOT/engine/lib/packages.sh"
# shellcheck source=cluster/settings.sh
. "$CLAWFLEET_ROOT/engine/cluster/settings.sh"
# shellcheck source=cluster/pki.sh
. "$CLAWFLEET_ROOT/engine/cluster/pki.sh"
# shellcheck source=cluster/config.sh
. "$CLAWFLEET_ROOT/engine/cluster/config.sh"
# shellcheck source=cluster/build.sh
. "$CLAWFLEET_ROOT/engine/cluster/build.sh"
# shellcheck source=cluster/host.sh
. "$CLAWFLEET_ROOT/engine/cluster/host.sh"
# shellcheck source=cluster/registry.sh
. "$CLAWFLEET_ROOT/engine/cluster/registry.sh"

PATH_BEFORE=$PATH
PATH=$PATH:/usr/sbin:/sbin

usage() {
  sed -n '2,14p' "$0" >&2
  exit 2
}

need_root() {
  if [ "$(id -u)" -ne 0 ]; then
    fail "a cluster needs root: its node has namespaces, mounts and network links of its own. Run it as root (sudo), or set
  KUBECONFIG to a cluster that you have."
  fi
}

need_running() { if ! use_number || ! running; then fail "the cluster $CLUSTER does not run: engine/cluster.sh up"; fi; }

# log_ends WHAT NAME: fails with the end of one of the cluster's logs.
log_ends() {
  if [ -s "$LOG/$2.log" ]; then say "$(tail -n 15 "$LOG/$2.log" | cut -c 1-300 | sed 's/^/    | /')"; fi
  fail "$1. All logs: $LOG"
}

# wait_for WHAT SECONDS LOG COMMAND...: until COMMAND succeeds.
wait_for() {
  local what=$1 end=$((SECONDS + $2)) log=$3
  shift 3
  until "$@" >/dev/null 2>&1; do
    if ! running; then log_ends "the node has ended while waiting for $what" node; fi
    if [ $SECONDS -ge "$end" ]; then log_ends "$what: not after $((SECONDS - begun)) s" "$log"; fi
    sleep 0.1
  done
  say "  $what ($((SECONDS - begun)) s)"
}

kubectl() { KUBECONFIG=$KUBECONFIG_FILE "$BUILT/bin/kubectl" --cache-dir "$RUN/kubectl" "$@"; }

# Ready by a word of this start: what an earlier kubelet said is still there.
node_ready() {
  local heard
  heard=$(kubectl get node "$CLUSTER" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.conditions[?(@.type=="Ready")].lastHeartbeatTime}') || return 1
  [ "${heard% *}" = True ] && [[ ${heard#* } > $(cat "$RUN/since") ]]
}
# Until the kubelet has looked at them, pods from before a power cut are said to run.
pods_looked_at() {
  local ready='{range .items[*]}{.status.conditions[?(@.type=="Ready")].status} {.status.containerStatuses[0].state.running.startedAt}{"\n"}{end}'
  kubectl get pods --all-namespaces --field-selector status.phase=Running -o "jsonpath=$ready" |
    awk -v start="$(cat "$RUN/started")" '$1 == "True" && $2 < start { stale = 1 } END { exit stale }'
}
account_there() { api /api/v1/namespaces/default/serviceaccounts/default; }
names_resolved() { [ "$(kubectl get deployment coredns --namespace kube-system -o 'jsonpath={.status.availableReplicas}')" = 1 ]; }
objects_applied() { kubectl apply --server-side --force-conflicts --field-manager clawfleet-cluster -f "$CONF/objects.yaml"; }

wait_until_useful() {
  wait_for "the API answers" 180 kube-apiserver answers
  wait_for "storage and rights are there" 60 kube-apiserver objects_applied
  wait_for "the node is ready" 180 kubelet node_ready
  wait_for "pods of an earlier run are looked at" 60 kubelet pods_looked_at
  wait_for "volumes are made" 60 provisioner test -e "$RUN/provisioner"
  wait_for "network policies are enforced" 60 policies test -e "$RUN/policies"
  wait_for "the registry answers" 30 registry registry_answers
  wait_for "pods are let in" 120 kube-controller-manager account_there
  wait_for "names are resolved" 120 kubelet names_resolved
}

up_locked() {
  begun=$SECONDS
  choose_number
  use_number
  umask 077
  if ! running || [ ! -e "$RUN/started" ]; then
    stop_node 0
    say "starting the cluster $CLUSTER ..."
    find_cni || fail "the CNI programs ptp, host-local and portmap are not on this machine"
    mkdir -p "$CONF" "$RUN"
    make_pki
    write_config
    write_registry_config
    start_node
  elif pid_of registry >/dev/null && useful; then
    trust_registry
    return
  else
    say "the cluster $CLUSTER has been started already ..."
    pid_of uplink >/dev/null || start_uplink "$(pid_of node)"
  fi
  BUILT=$(cat "$STATE/built")
  start_registry
  trust_registry
  wait_until_useful
}

# All of the last line's waits at once, and quickly, for a cluster that has been up for long.
useful() { answers && node_ready && registry_answers && [ -e "$RUN/provisioner" ] && [ -e "$RUN/policies" ] && pid_of uplink >/dev/null && account_there >/dev/null && names_resolved; }

up() {
  local packages
  need_root
  if ! use_number || ! running; then
    mapfile -t packages < <(cluster_packages)
    install_packages "the cluster" "${packages[@]}"
    ensure_built
  fi
  locked "$CLAWFLEET_CACHE/cluster/.$CLUSTER.lock" up_locked
  print_env
}

down_locked() {
  if ! use_number; then
    say "there is no cluster $CLUSTER"
    return
  fi
  stop_node 20
  end_process registry 5
}

purge_locked() {
  down_locked
  distrust_registry
  rm -rf "$STATE"
}

restart_locked() {
  local part=$1
  begun=$SECONDS
  # A node that has ended already is started all the same.
  if [ "$part" = node ] && use_number; then
    stop_node 0
    up_locked
    return
  fi
  need_running
  BUILT=$(cat "$STATE/built")
  # The node has nothing new to say when only the API server was away.
  if [ "$part" = kubelet ]; then now >"$RUN/since"; fi
  inside sh -c "kill -KILL \"\$(cat /run/node/$part)\""
  sleep 0.5
  wait_until_useful
}

# inside COMMAND...: runs it in the node's namespaces.
inside() { nsenter --target "$(pid_of node)" --net --mount --pid --uts --ipc -- "$@"; }

print_env() {
  local path=$PATH_BEFORE
  case ":$path:" in *":$BUILT/bin:"*) ;; *) path=$BUILT/bin:$path ;; esac
  printf 'export %s=%q\n' KUBECONFIG "$KUBECONFIG_FILE" CLAWFLEET_REGISTRY "$REGISTRY" CLAWFLEET_REGISTRY_USER "$REGISTRY_USER" \
    CLAWFLEET_REGISTRY_PASSWORD "$(cat "$PASSWORD_FILE")" PATH "$path"
}

status() {
  local part
  if ! use_number || ! running; then
    if [ -e "$STATE" ]; then say "$CLUSTER: stopped; its state is in $STATE"; else say "$CLUSTER: there is no such cluster"; fi
    return 1
  fi
  BUILT=$(cat "$STATE/built")
  report API answers "$API"
  report node node_ready "$CLUSTER, pods $PODS, services $SERVICES"
  report provisioner test -e "$RUN/provisioner" "storage class local, $STATE/volumes"
  report policies test -e "$RUN/policies" "enforced by iptables"
  report registry registry_answers "$REGISTRY"
  report "way out" pid_of uplink "$UPLINK"
  printf '%-12s %s\n' logs "$LOG" kubeconfig "$KUBECONFIG_FILE"
}

# report WHAT COMMAND... DETAILS
report() {
  local what=$1 details=${*: -1}
  if "${@:2:$#-2}" >/dev/null 2>&1; then printf '%-12s ok: %s\n' "$what" "$details"; else printf '%-12s %sNOT WELL%s: %s\n' "$what" "$RED" "$PLAIN" "$details"; fi
}

import_images() {
  local file
  for file in "$@"; do if [ ! -r "$file" ]; then FAIL_CODE=2 fail "no file $file to import"; fi; done
  need_running
  for file in "$@"; do ctr --address "$SOCKET" --namespace k8s.io images import "$file" >&2; done
}

check_name
command=${1:-}
shift || usage
case $command in
  up | down | purge | env | status | build | packages) if [ $# -ne 0 ]; then usage; fi ;;
  restart) if [ $# -ne 1 ] || ! [[ $1 =~ ^(kubelet|apiserver|node)$ ]]; then usage; fi ;;
  import) if [ $# -eq 0 ]; then usage; fi ;;
  *) usage ;;
esac
case $command in
  up) up ;;
  down | purge)
    need_root
    locked "$CLAWFLEET_CACHE/cluster/.$CLUSTER.lock" "${command}_locked"
    ;;
  restart)
    need_root
    if [ "$1" = node ]; then ensure_built; fi
    locked "$CLAWFLEET_CACHE/cluster/.$CLUSTER.lock" restart_locked "${1/#apiserver/kube-apiserver}"
    ;;
  import)
    need_root
    import_images "$@"
    ;;
  env)
    if use_number && answers; then
      BUILT=$(cat "$STATE/built")
      print_env
    fi
    ;;
  status) status ;;
  packages) cluster_packages ;;
  build)
    ensure_built
    echo "$BUILT"
    ;;
esac
