# shellcheck shell=bash disable=SC2034
# What the scripts of a cluster agree on: its name, addresses, files. Source engine/lib/common.sh first.
#
# CLAWFLEET_CLUSTER   name of the cluster (default: clawfleet); another name is another cluster, with its own addresses and state

KUBERNETES_VERSION=1.34.1 # as in cluster/go.mod
CLUSTER=${CLAWFLEET_CLUSTER:-clawfleet}
STATE=$CLAWFLEET_CACHE/cluster/$CLUSTER
# Addresses are chosen once, when the cluster is first started, and kept with its state.
NUMBER_FILE=$STATE/number
PKI=$STATE/pki
CONF=$STATE/conf
LOG=$STATE/log
# Empty after each start of the machine or the node: process numbers, sockets, what is ready.
RUN=$STATE/run
KUBECONFIG_FILE=$STATE/kubeconfig
SOCKET=$RUN/containerd.sock

check_name() {
  if ! [[ $CLUSTER =~ ^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$ ]]; then
    FAIL_CODE=2 fail "CLAWFLEET_CLUSTER is \"$CLUSTER\": at most 32 lower-case letters, digits and hyphens, beginning with a letter, please"
  fi
  # containerd adds 26 characters for a socket, and a socket's path ends at 107.
  if [ ${#STATE} -gt 80 ]; then
    FAIL_CODE=2 fail "the cluster's folder has a path of ${#STATE} characters, and sockets in it allow 80: $STATE
  Set CLAWFLEET_CACHE to a shorter path, or CLAWFLEET_CLUSTER to a shorter name."
  fi
}

# use_number: sets the addresses that follow from the cluster's number N, 134 to 254 and even:
# the link to the host is 192.168.N.0/24, pods have 10.N.0.0/24, services 10.(N+1).0.0/24.
use_number() {
  NUMBER=$(cat "$NUMBER_FILE" 2>/dev/null) || return 1
  NODE_IP=192.168.$NUMBER.1
  HOST_IP=192.168.$NUMBER.254
  PODS=10.$NUMBER.0.0/24
  SERVICES=10.$((NUMBER + 1)).0.0/24
  SERVICE_API=10.$((NUMBER + 1)).0.1
  SERVICE_DNS=10.$((NUMBER + 1)).0.10
  # Inside the node only: the user-mode network that is its way out, and the resolver that this network offers.
  UPLINK=198.18.$NUMBER.0/24
  UPLINK_DNS=198.18.$NUMBER.3
  LINK=clawfleet-$NUMBER
  CGROUP=clawfleet-$NUMBER
  API=https://$NODE_IP:6443
  REGISTRY=$HOST_IP:5000
}

# A process is known by its number and the time of its start: the number alone may be another's by now.
started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }
remember() { printf '%s %s\n' "$2" "$(started_at "$2")" >"$RUN/$1.pid"; }
# pid_of NAME: prints the number of a process that `remember` has noted and that still runs; fails when there is none.
pid_of() {
  local pid start
  read -r pid start 2>/dev/null <"$RUN/$1.pid" || return 1
  if [ -z "$start" ] || [ "$(started_at "$pid")" != "$start" ]; then return 1; fi
  echo "$pid"
}
running() { pid_of node >/dev/null; }

# api PATH: asks the API server as the administrator. Never through a proxy: it is on this machine.
api() { curl -sSf --noproxy '*' --max-time 5 --cacert "$PKI/ca.crt" --cert "$PKI/admin.crt" --key "$PKI/admin.key" "$API$1"; }
answers() { api /readyz >/dev/null 2>&1; }
