# shellcheck shell=bash
# The node, seen from outside: what the machine lends it, its start and its end. Nothing of it stays once the node has ended: the link
# and the routes go with its network namespace, mounts with its mount namespace; `stop_node` removes the control groups.

CNI_BIN=''

cluster_packages() {
  local entry
  local PATH=$PATH:/usr/sbin:/sbin
  for entry in containerd=containerd runc=runc iptables=iptables ip=iproute2 openssl=openssl docker-registry=docker-registry \
    slirp4netns=slirp4netns curl=curl pgrep=procps perl=perl-base; do
    if ! have "${entry%=*}"; then echo "${entry#*=}"; fi
  done
  if ! find_cni; then echo containernetworking-plugins; fi
}

# Debian puts CNI's programs where no other distribution does.
find_cni() {
  for CNI_BIN in /usr/lib/cni /opt/cni/bin /usr/libexec/cni; do
    if [ -x "$CNI_BIN/ptp" ] && [ -x "$CNI_BIN/host-local" ] && [ -x "$CNI_BIN/portmap" ]; then return; fi
  done
  return 1
}

# A number is free when no route leads to its addresses and no other cluster of this user has it.
number_free() {
  ! { ip -4 route show table all; ip -4 -brief address; } | grep -qE "(^| )(192\.168\.$1|10\.$1\.0|10\.$(($1 + 1))\.0)\." &&
    ! grep -qsx "$1" "$CLAWFLEET_CACHE"/cluster/*/number
}

# The default cluster always has 134, so that its registry's address can stand in a committed stack file.
choose_number() {
  local first i number
  if [ -s "$NUMBER_FILE" ]; then return; fi
  if [ "$CLUSTER" = clawfleet ]; then
    number_free 134 || fail "192.168.134.0/24, 10.134.0.0/24 or 10.135.0.0/24 is in use on this machine (ip route). The cluster needs these addresses;
  CLAWFLEET_CLUSTER=<another name> makes one with other addresses."
    number=134
  else
    first=$(($(printf %s "$CLUSTER" | cksum | cut -d ' ' -f 1) % 60))
    for ((i = 0; i < 60; i++)); do
      number=$((136 + 2 * ((first + i) % 60)))
      if number_free "$number"; then break; fi
    done
    if [ "$i" -eq 60 ]; then fail "all 60 ranges of addresses for clusters are in use on this machine (ip route)"; fi
  fi
  mkdir -p "$STATE"
  echo "$number" >"$NUMBER_FILE.new"
  mv "$NUMBER_FILE.new" "$NUMBER_FILE"
}

# The groups of all pods. In the second version of control groups the one tree has to hand on its controllers.
make_cgroups() {
  local tree file
  if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
    for tree in cpuset cpu io memory hugetlb pids; do echo "+$tree" 2>/dev/null >/sys/fs/cgroup/cgroup.subtree_control || true; done
    mkdir -p "/sys/fs/cgroup/$CGROUP"
    return
  fi
  for tree in /sys/fs/cgroup/*/; do
    if [ ! -e "$tree/cgroup.procs" ]; then continue; fi
    mkdir -p "$tree/$CGROUP"
    for file in cpuset.cpus cpuset.mems; do
      if [ -e "$tree/$file" ]; then cat "$tree/$file" >"$tree/$CGROUP/$file"; fi
    done
  done
}

# What the kernel is about to end may hold them for a moment.
remove_cgroups() {
  local i groups
  for ((i = 0; i < 100; i++)); do
    mapfile -t groups < <(find /sys/fs/cgroup -maxdepth 2 -type d -name "$CGROUP" 2>/dev/null)
    if [ ${#groups[@]} -eq 0 ]; then return; fi
    find "${groups[@]}" -depth -type d -exec rmdir {} + 2>/dev/null
    sleep 0.1
  done
  warn "control groups of the cluster are still in use: ${groups[*]}"
}

# outlive COMMAND...: runs COMMAND in the background, with no descriptor of ours: it must hold nobody's lock or pipe. Sets STARTED.
outlive() {
  (
    local file
    cd /
    for file in "/proc/$BASHPID/fd"/*; do
      if [ "${file##*/}" -gt 2 ]; then eval "exec ${file##*/}>&-"; fi
    done
    exec setsid "$@"
  ) &
  STARTED=$!
}

# As Kubernetes writes it.
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

start_node() {
  local i init='' settings=(CLAWFLEET_CACHE="$CLAWFLEET_CACHE" CLAWFLEET_CLUSTER="$CLUSTER" HOME=/root
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
  # Images from elsewhere may have to come through a proxy; the cluster's own registry never does.
  for i in HTTP_PROXY HTTPS_PROXY SSL_CERT_FILE SSL_CERT_DIR; do if [ -n "${!i:-}" ]; then settings+=("$i=${!i}"); fi; done
  settings+=("NO_PROXY=${NO_PROXY:+$NO_PROXY,}localhost,127.0.0.1,$HOST_IP,$NODE_IP,$PODS,$SERVICES")
  rm -rf "$RUN"/{node.pid,started,provisioner,policies,containerd.sock,containerd.sock.ttrpc}
  mkdir -p "$RUN" "$LOG/pods" "$STATE"/{etcd,kubelet,volumes}
  rm -f "$LOG"/*.log
  # etcd insists on it; the rest holds keys and other people's data.
  chmod 700 "$STATE" "$STATE/etcd" "$PKI"
  make_cgroups
  now >"$RUN/since"
  echo "$BUILT" >"$STATE/built"
  outlive env -i "${settings[@]}" unshare --net --mount --pid --uts --ipc --fork --kill-child --mount-proc \
    bash "$SOURCES/node.sh" "$BUILT" >"$LOG/node.log" 2>&1 </dev/null
  for ((i = 0; i < 100; i++)); do
    init=$(pgrep -P "$STARTED") && break
    kill -0 "$STARTED" 2>/dev/null || break
    sleep 0.05
  done
  if [ -z "$init" ]; then log_ends "the node's first process does not start" node; fi
  remember node "$init"
  start_uplink "$init"
  ip link add "$LINK" type veth peer name eth0 netns "$init"
  ip address add "$HOST_IP/24" dev "$LINK"
  ip link set "$LINK" up
  ip route add "$PODS" via "$NODE_IP"
  ip route add "$SERVICES" via "$NODE_IP"
  cp "$RUN/since" "$RUN/started"
}

# Pods reach the outside through a network in user space, as with rootless Docker: the machine forwards nothing and filters nothing for
# them, and what listens on its loopback stays out of their reach.
start_uplink() {
  outlive slirp4netns --configure --mtu=65520 --disable-host-loopback --cidr="$UPLINK" "$1" tap0 >"$LOG/uplink.log" 2>&1 </dev/null
  remember uplink "$STARTED"
}

# end_process NAME SECONDS: ends a process that `remember` knows; one that does not heed it within SECONDS is killed.
end_process() {
  local pid i
  pid=$(pid_of "$1") || return 0
  if [ "$2" -gt 0 ]; then kill "$pid" 2>/dev/null || true; fi
  for ((i = 0; i < $2 * 10; i++)); do
    if ! pid_of "$1" >/dev/null; then return 0; fi
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  for ((i = 0; i < 100; i++)); do
    if ! pid_of "$1" >/dev/null; then return 0; fi
    sleep 0.1
  done
  warn "process $pid ($1) cannot be ended"
}

# stop_node SECONDS: 0 is a power cut.
stop_node() {
  local i
  end_process node "$1"
  end_process uplink "$(($1 > 0 ? 2 : 0))"
  # The kernel takes down a network namespace a little after its last process.
  if ip link show "$LINK" >/dev/null 2>&1; then ip link delete "$LINK" 2>/dev/null || true; fi
  remove_cgroups
  rm -f "$RUN/started"
}
