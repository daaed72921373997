#!/usr/bin/env bash
# The node, seen from inside: the first process of its namespaces, started by host.sh with nothing but the settings in its
# environment. It arranges the mounts and the network, starts the parts, and starts each one again that ends, as systemd would.
# When it ends, the kernel ends all that is left in here and drops every mount and link: the machine outside is as before.
# shellcheck disable=SC2317 # a trap calls `stop`, and it the rest
set -uo pipefail
# shellcheck source=../lib/common.sh
. "$(dirname "$0")/../lib/common.sh"
# shellcheck source=settings.sh
. "$(dirname "$0")/settings.sh"

PARTS=$1/parts
IMAGES=$1/images
keepers=()
CTR=(ctr --address "$SOCKET" --namespace k8s.io)

# The kubelet, containerd and CNI insist on some folders of the machine. In here these are their own, and the machine's stay untouched.
arrange_mounts() {
  mount --make-rprivate /
  mount -t tmpfs -o mode=755 node /mnt
  mkdir -p /mnt/state /mnt/lib /mnt/work /mnt/sys
  mount --bind "$STATE" /mnt/state
  arrange_sysctls
  mount -t tmpfs -o mode=755 run /run
  mount -t tmpfs -o mode=755 log /var/log
  mount -t overlay -o lowerdir=/var/lib,upperdir=/mnt/lib,workdir=/mnt/work lib /var/lib
  # Where the state's own path leads through one of these.
  mkdir -p "$STATE"
  mountpoint -q "$STATE" || mount --bind /mnt/state "$STATE"
  mkdir -p /var/lib/kubelet /var/lib/cni /var/log/pods /run/node
  rm -rf /var/lib/cni/*
  mount --bind "$STATE/kubelet" /var/lib/kubelet
  mount --bind "$STATE/log/pods" /var/log/pods
  # What a volume mounts has to be seen by containers that run already.
  mount --make-rshared /
}

# The kubelet sets these for the whole machine. It is shown files that have the wanted values already, and the machine keeps its own.
arrange_sysctls() {
  local setting
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    mkdir -p "/mnt/sys/$(dirname "$setting")"
    echo "${setting#*=}" >"/mnt/sys/${setting%=*}"
    mount --bind "/mnt/sys/${setting%=*}" "/proc/sys/${setting%=*}"
  done
}

# host.sh puts the link's end, eth0, into this network namespace as soon as that is there.
arrange_network() {
  local i
  hostname "$CLUSTER"
  for ((i = 0; i < 100; i++)); do
    if ip link show eth0 >/dev/null 2>&1; then break; fi
    sleep 0.1
  done
  ip link set lo up
  ip address add "$NODE_IP/24" dev eth0 || return
  ip link set eth0 up
  # The kernel wants a route before kube-proxy's rules can turn a service's address into a pod's.
  ip route add "$SERVICES" dev eth0
  echo 1 >/proc/sys/net/ipv4/ip_forward
  # Nothing is forwarded before there is somebody who enforces network policies.
  iptables -w -P FORWARD DROP
  # What pods say to the outside leaves through the uplink, which only knows the node.
  iptables -w -t nat -A POSTROUTING -s "$PODS" -o tap0 -j MASQUERADE
}

# keep PART COMMAND...: runs COMMAND for ever; its process number is in /run/node/PART.
keep() {
  local part=$1
  shift
  (
    while :; do
      "$@" >>"$LOG/$part.log" 2>&1 </dev/null &
      echo $! >"/run/node/$part"
      wait $!
      echo "$(date +%T) $part ended with code $?; starting it again" >>"$LOG/node.log"
      sleep 1
    done
  ) &
  keepers+=($!)
}

until_port() { until (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do sleep 0.05; done; }

start_etcd() {
  keep etcd "$PARTS/etcd" --name node --data-dir "$STATE/etcd" --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 --initial-cluster node=http://127.0.0.1:2380
  until_port 2379
}

start_apiserver() {
  keep kube-apiserver "$PARTS/kube-apiserver" --etcd-servers http://127.0.0.1:2379 \
    --advertise-address "$NODE_IP" --secure-port 6443 --service-cluster-ip-range "$SERVICES" \
    --tls-cert-file "$PKI/apiserver.crt" --tls-private-key-file "$PKI/apiserver.key" --client-ca-file "$PKI/ca.crt" \
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --anonymous-auth=false --allow-privileged=true \
    --kubelet-client-certificate "$PKI/apiserver-client.crt" --kubelet-client-key "$PKI/apiserver-client.key" \
    --kubelet-certificate-authority "$PKI/ca.crt" --kubelet-preferred-address-types InternalIP \
    --requestheader-client-ca-file "$PKI/ca.crt" --requestheader-allowed-names front-proxy --requestheader-username-headers X-Remote-User \
    --requestheader-group-headers X-Remote-Group --requestheader-extra-headers-prefix X-Remote-Extra- \
    --service-account-issuer https://kubernetes.default.svc.cluster.local \
    --service-account-key-file "$PKI/tokens.pub" --service-account-signing-key-file "$PKI/tokens.key"
}

start_containerd() {
  local image
  keep containerd containerd --config "$CONF/containerd.toml"
  until "${CTR[@]}" version >/dev/null 2>&1; do sleep 0.1; done
  for image in "$IMAGES"/*.tar; do "${CTR[@]}" images import "$image"; done
}

start_rest() {
  local own=(--leader-elect=false --bind-address 127.0.0.1)
  keep kubelet "$PARTS/kubelet" --config "$CONF/kubelet.yaml" --kubeconfig "$CONF/node.kubeconfig" --hostname-override "$CLUSTER" --node-ip "$NODE_IP"
  keep kube-controller-manager "$PARTS/kube-controller-manager" "${own[@]}" --kubeconfig "$CONF/controllers.kubeconfig" \
    --authentication-kubeconfig "$CONF/controllers.kubeconfig" --authorization-kubeconfig "$CONF/controllers.kubeconfig" \
    --use-service-account-credentials=true --service-account-private-key-file "$PKI/tokens.key" --root-ca-file "$PKI/ca.crt" \
    --cluster-signing-cert-file "$PKI/ca.crt" --cluster-signing-key-file "$PKI/ca.key" --service-cluster-ip-range "$SERVICES"
  keep kube-scheduler "$PARTS/kube-scheduler" "${own[@]}" --kubeconfig "$CONF/scheduler.kubeconfig" \
    --authentication-kubeconfig "$CONF/scheduler.kubeconfig" --authorization-kubeconfig "$CONF/scheduler.kubeconfig"
  # Limits of connection tracking belong to the machine's own network: 0 leaves them alone.
  keep kube-proxy "$PARTS/kube-proxy" --kubeconfig "$CONF/proxy.kubeconfig" --hostname-override "$CLUSTER" --proxy-mode iptables --cluster-cidr "$PODS" \
    --conntrack-max-per-core 0 --conntrack-tcp-timeout-established 0s --conntrack-tcp-timeout-close-wait 0s
  keep provisioner "$PARTS/provisioner" --kubeconfig "$CONF/provisioner.kubeconfig" --folder "$STATE/volumes" --node "$CLUSTER" --ready-file "$RUN/provisioner"
  # kube-proxy puts its rules in front of all others once, and one of them accepts what comes from outside: ours come in front of that.
  until iptables -w -C FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD 2>/dev/null; do sleep 0.1; done
  keep policies "$PARTS/policies" --kubeconfig "$CONF/policies.kubeconfig" --ready-file "$RUN/policies"
}

end() {
  local part
  for part in "$@"; do kill "$(cat "/run/node/$part" 2>/dev/null)" 2>/dev/null; done
}

# Containers are asked to end, as at a node's orderly shutdown; what runs on after 10 s ends with this process.
end_containers() {
  local i containers=()
  mapfile -t containers < <(timeout 5 "${CTR[@]}" containers list --quiet 'labels."io.cri-containerd.kind"==container')
  for i in "${containers[@]}"; do timeout 2 "${CTR[@]}" tasks kill --signal SIGTERM "$i" 2>/dev/null & done
  for ((i = 0; i < 100; i++)); do
    if ! timeout 2 "${CTR[@]}" tasks list 2>/dev/null | awk '$3 == "RUNNING" { print $1 }' | grep -qxFf <(printf '%s\n' "${containers[@]:-none}"); then break; fi
    sleep 0.1
  done
}

stop() {
  local i
  trap '' TERM INT
  if [ ${#keepers[@]} -gt 0 ]; then kill -KILL "${keepers[@]}" 2>/dev/null; fi
  end kubelet kube-controller-manager kube-scheduler kube-proxy provisioner policies
  end_containers
  end kube-apiserver
  for ((i = 0; i < 30; i++)); do
    kill -0 "$(cat /run/node/kube-apiserver 2>/dev/null || echo 0)" 2>/dev/null || break
    sleep 0.1
  done
  end etcd containerd
  for ((i = 0; i < 30; i++)); do
    kill -0 "$(cat /run/node/etcd 2>/dev/null || echo 0)" 2>/dev/null || break
    sleep 0.1
  done
  exit 0
}

main() {
  # Root folders of containers get their mode from it, and everybody in there has to enter them.
  umask 022
  use_number
  trap stop TERM INT
  arrange_mounts || { echo "the mounts cannot be arranged" && exit 1; }
  arrange_network || { echo "there is no link to the host" && exit 1; }
  start_etcd
  start_apiserver
  start_containerd
  until answers; do sleep 0.1; done
  start_rest
  # Also reaps what containers and shims leave behind.
  while :; do wait -n || sleep 0.2; done
}
main "$@"
exit
