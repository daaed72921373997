import type { NetworkPolicyArgs } from "@pulumi/kubernetes/networking/v1/networkPolicy.js";
import type { input } from "@pulumi/kubernetes/types/index.js";
import type { Egress, Ingress } from "../../../fleet/types.ts";
import type { Launch } from "../../../runtimes/runtime.ts";
import { labelsOf, selectorOf, stackLabels } from "../names.ts";

type Peer = input.networking.v1.NetworkPolicyPeer;

/** Nobody in and nobody out, for every pod of the namespace that no other policy speaks of. */
export function defaultDeny(stack: string, namespace: string) {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "default-deny", namespace, labels: stackLabels(stack) },
    spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
  } satisfies NetworkPolicyArgs;
}

/**
 * What a claw's `[agent.network]` says.
 *
 * @param launches All claws of the fleet: who lets this one in is reached by it.
 */
export function clawPolicy(launch: Launch, launches: readonly Launch[], stack: string, namespace: string) {
  const { claw, runtime, network } = launch;
  const hosts = launches.filter((other) => other.network.ingress.some((from) => from.kind === "claw" && from.name === claw));
  const outward = [
    ...network.egress.map(egressRule),
    ...hosts.map((host) => ({ to: [clawPeer(host.claw)], ports: [{ protocol: "TCP", port: host.runtime.port }] })),
  ];
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: claw, namespace, labels: labelsOf(stack, launch) },
    spec: {
      podSelector: { matchLabels: selectorOf(claw) },
      policyTypes: ["Ingress", "Egress"],
      ...(network.ingress.length > 0 && {
        ingress: [{ from: network.ingress.map(ingressPeer), ports: [{ protocol: "TCP", port: runtime.port }] }],
      }),
      // A claw that may talk to nobody needs no names either, and names can carry data out.
      ...(outward.length > 0 && { egress: [dns, ...outward] }),
    },
  } satisfies NetworkPolicyArgs;
}

/** The cluster's name service, and its cache on the node where there is one (the address is the cache's own convention). */
const dns = {
  to: [
    {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
      podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
    },
    { ipBlock: { cidr: "169.254.20.10/32" } },
  ],
  ports: [
    { protocol: "UDP", port: 53 },
    { protocol: "TCP", port: 53 },
  ],
};

/**
 * Addresses that are not the public internet: RFC 6890's special ones (private, shared, link-local with the clouds' metadata
 * services, multicast), and the one public address at which a cloud (Azure) serves its machines.
 */
const special = {
  ipv4: [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
  ],
  // Also addresses that stand for IPv4 ones: a translator on the way could lead into the private ranges. Not ::ffff:0:0/96, which is
  // never on a wire, and which Kubernetes takes for an IPv4 range.
  ipv6: ["::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2002::/16", "fc00::/7", "fe80::/10", "ff00::/8"],
} as const;

function egressRule(to: Egress) {
  if (to.kind === "range") {
    return { to: [{ ipBlock: { cidr: to.cidr } }], ...(to.port !== undefined && { ports: [{ protocol: "TCP", port: to.port }] }) };
  }
  return {
    to: [{ ipBlock: { cidr: "0.0.0.0/0", except: [...special.ipv4] } }, { ipBlock: { cidr: "::/0", except: [...special.ipv6] } }],
  };
}

function ingressPeer(from: Ingress): Peer {
  switch (from.kind) {
    case "claw":
      return clawPeer(from.name);
    case "namespace":
      return { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": from.name } } };
    case "range":
      return { ipBlock: { cidr: from.cidr } };
  }
}

const clawPeer = (claw: string) => ({ podSelector: { matchLabels: selectorOf(claw) } });
