# shellcheck shell=bash
# What the parts of the node read when they start. Written anew at each start, from the cluster's addresses.

PAUSE_IMAGE=clawfleet.local/pause:$KUBERNETES_VERSION

write_config() {
  mkdir -p "$CONF/cni" "$CONF/certs.d/$REGISTRY"
  echo "nameserver $UPLINK_DNS" >"$CONF/resolv.conf"
  containerd_config >"$CONF/containerd.toml"
  kubelet_config >"$CONF/kubelet.yaml"
  cni_config >"$CONF/cni/10-pods.conflist"
  sed -e "s|@DNS_IMAGE@|$DNS_IMAGE|" -e "s|@SERVICE_DNS@|$SERVICE_DNS|" "$SOURCES/objects.yaml" >"$CONF/objects.yaml"
  # The authority alone, as for Docker. A hosts.toml that names it would make the registry its own mirror: after a mirror's "not found"
  # containerd asks the server once more, without the authority, and tells of that instead.
  cp "$PKI/ca.crt" "$CONF/certs.d/$REGISTRY/ca.crt"
}

# restrict_oom_score_adj: without it no pod starts where root lacks CAP_SYS_RESOURCE, as in a container.
# disable_apparmor: its profiles would be the whole machine's, and outlive the cluster.
containerd_config() {
  cat <<TOML
version = 2
root = "$STATE/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "$SOCKET"
[plugins."io.containerd.internal.v1.opt"]
  path = "$STATE/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  disable_apparmor = true
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  enable_unprivileged_ports = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$CNI_BIN"
    conf_dir = "$CONF/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "$CONF/certs.d"
TOML
}

# Images and pods are never removed for want of disk: an image that was imported could not be pulled again, and a full laptop is no
# reason to stop a claw. cgroupRoot: all pods below one group, which can be removed as a whole.
kubelet_config() {
  cat <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $NODE_IP
readOnlyPort: 0
authentication:
  anonymous: { enabled: false }
  webhook: { enabled: true }
  x509: { clientCAFile: $PKI/ca.crt }
authorization: { mode: Webhook }
tlsCertFile: $PKI/kubelet.crt
tlsPrivateKeyFile: $PKI/kubelet.key
containerRuntimeEndpoint: unix://$SOCKET
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
failCgroupV1: false
failSwapOn: false
resolvConf: $CONF/resolv.conf
clusterDNS: [$SERVICE_DNS]
clusterDomain: cluster.local
volumePluginDir: $STATE/kubelet/volume-plugins
serializeImagePulls: false
imageGCHighThresholdPercent: 100
evictionHard: { memory.available: 1Mi, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%, imagefs.inodesFree: 0% }
enforceNodeAllocatable: [none]
YAML
}

# ptp: each pod has a link of its own to the node, which so sees (and may filter) all that pods say to each other.
cni_config() {
  cat <<JSON
{
  "cniVersion": "0.4.0",
  "name": "pods",
  "plugins": [
    {
      "type": "ptp",
      "ipam": { "type": "host-local", "ranges": [[{ "subnet": "$PODS" }]], "routes": [{ "dst": "0.0.0.0/0" }] }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
JSON
}
