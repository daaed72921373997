/** What a claw may find different on the two targets, and why: all else must be the same. */
import type { Facts } from "./parity-facts.ts";

export interface Difference {
  /** Of which facts. */
  readonly fact: RegExp;
  /** What it is on each target, where it is there. */
  readonly docker?: RegExp;
  readonly kubernetes?: RegExp;
  readonly why: string;
  /** The runtimes it holds for. @default all */
  readonly runtimes?: readonly string[];
}

export const DIFFERENCES: readonly Difference[] = [
  {
    fact: /^env HOSTNAME$/,
    docker: /^[0-9a-f]{12}$/,
    kubernetes: /-0$/,
    why: "the container's id; the pod's name, the same at every start",
  },
  {
    fact: /^env KUBERNETES_/,
    kubernetes: /./,
    why: "the kubelet tells every container where the API is; without a token and with no way there it opens nothing",
  },
  { fact: /^init$/, docker: /docker-init$/, kubernetes: /^\/pause$/, why: "what reaps orphans: Docker's init, the pod's own process" },
  {
    fact: /^health check$/,
    docker: /^\/usr\/local\/bin\/entrypoint health --hold 30s$/,
    kubernetes: /^\/usr\/local\/bin\/entrypoint health$/,
    why: "Kubernetes has a fast probe for the start and slow ones for later; on Docker the check itself holds",
  },
  {
    fact: /^restart$/,
    docker: /^unless-stopped$/,
    kubernetes: /^Always$/,
    why: "a StatefulSet's pod knows nothing else; to stop is to scale down",
  },
  {
    fact: /^published on$/,
    docker: /^127\.0\.0\.1$/,
    kubernetes: /^$/,
    why: "reached by its Service in the cluster, from outside by a port-forward",
  },
  {
    fact: /^owner of .*\/\.\w+claw$/,
    docker: /^(\w+):\1 700$/,
    kubernetes: /^root:\w+ 2[0-7]{3}$/,
    why: "a volume's first folder is the storage's; the claw has it by its group (fsGroup)",
  },
  {
    fact: /^owner of (\/tmp|\/run\/claw|\/home\/openclaw\/\.cache)$/,
    docker: /^(\w+):\1 (1777|700)$/,
    kubernetes: /^root:\w+ 3777$/,
    why: "an emptyDir has no owner to choose; no other user is in the pod",
  },
  {
    fact: /^mount (\/tmp|\/run\/claw|\/home\/openclaw\/\.cache)$/,
    docker: /^in memory nodev (noexec )?nosuid rw$/,
    kubernetes: /^in memory rw$/,
    why: "an emptyDir has no mount options; without capabilities and new privileges neither devices nor setuid files are of use",
  },
  { fact: /^writable \/dev\/termination-log$/, kubernetes: /^yes$/, why: "the kubelet's file for a container's last words" },
  {
    fact: /^label dev\.clawfleet\.managed$/,
    docker: /^true$/,
    why: "Kubernetes has a label of its own for it: app.kubernetes.io/managed-by",
  },
  {
    fact: /^env DOCKER_HOST$/,
    docker: /^unix:\/\/\/var\/run\/docker\.sock$/,
    why: "the socket of the daemon, which Kubernetes has not",
    runtimes: ["nanoclaw"],
  },
  { fact: /^Groups$/, docker: /^\d+$/, kubernetes: /^$/, why: "the group that opens that socket", runtimes: ["nanoclaw"] },
  { fact: /^state$/, docker: /^volume$/, kubernetes: /^persistentVolumeClaim$/, why: "where the state is" },
];

export interface Comparison {
  /** Differences that no entry of the list allows. */
  readonly unexpected: readonly string[];
  /** Entries of the list that nothing differed by. */
  readonly unused: readonly string[];
}

export function compare(runtime: string, docker: Facts, kubernetes: Facts, list: readonly Difference[] = DIFFERENCES): Comparison {
  const allowed = list.filter(({ runtimes }) => runtimes?.includes(runtime) ?? true);
  const used = new Set<Difference>();
  const unexpected: string[] = [];
  for (const fact of [...new Set([...docker.keys(), ...kubernetes.keys()])].sort()) {
    const [here, there] = [docker.get(fact), kubernetes.get(fact)];
    if (here === there) continue;
    const entry = allowed.find((one) => one.fact.test(fact) && fits(one.docker, here) && fits(one.kubernetes, there));
    if (entry === undefined) unexpected.push(`${fact}: ${here ?? "(none)"} on Docker, ${there ?? "(none)"} on Kubernetes`);
    else used.add(entry);
  }
  return { unexpected, unused: allowed.filter((entry) => !used.has(entry)).map(({ fact, why }) => `${fact}: ${why}`) };
}

const fits = (pattern: RegExp | undefined, value: string | undefined) =>
  pattern === undefined || value === undefined ? pattern === undefined && value === undefined : pattern.test(value);
