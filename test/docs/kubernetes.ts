import type { Run } from "./commands.ts";

const ours = (command: string): readonly [string, string] => [command, "the stack and the names are the test's own"];
const set = (key: string, value: string, shown: string): Run => ({
  command: `pulumi config set clawfleet:${key} ${shown}`,
  as: [
    `pulumi config set clawfleet:${key} "${value}" && pulumi config get clawfleet:${key}`,
    "it says nothing by itself; the value is the test's own",
  ],
  prints: /\S/,
});

/**
 * The commands of docs/kubernetes.md and of what else is said of clusters, in the order in which test/kubernetes/docs.test.ts runs them: on a stack
 * whose fleet is one PicoClaw named `ada`. `$CONTEXT` and `$REGISTRY` are the test's cluster.
 */
export const kubernetesRuns: readonly Run[] = [
  {
    command: "make cluster",
    as: ["engine/cluster.sh env >/dev/null && make cluster || make -n cluster", "it may be somebody's own cluster that the tests use"],
    prints: /cluster/,
  },
  { command: "engine/cluster.sh status", codes: [0, 1], prints: /\S/ },
  { command: "pulumi stack init prod", as: ours('pulumi --cwd "$DIR" stack init --no-select prod && pulumi stack ls'), prints: /prod/ },
  set("target", "kubernetes", "kubernetes"),
  set("context", "$CONTEXT", "my-cluster"),
  set("registry", "$REGISTRY", "registry.example.com/claws"),
  set("registryUser", "$REGISTRY_USER", "robot"),
  {
    command: "pulumi config set --secret clawfleet:registryPassword",
    as: ours('printf %s "$REGISTRY_PASSWORD" | pulumi config set --secret clawfleet:registryPassword && pulumi config'),
    prints: /registryPassword +\[secret\]/,
  },
  { command: "pulumi config set --secret secrets:anthropic", stdin: "canary", prints: /^$/ },
  {
    command: "clawfleet up --stack prod",
    as: ours('clawfleet up --stack "$PULUMI_STACK"'),
    prints: /ada +picoclaw v[\d.]+ +http:\/\/ada\.\S+:8080 +healthy/,
  },
  { command: "make up STACK=k8s", as: ours('make up STACK="$PULUMI_STACK"'), prints: /ada +picoclaw v[\d.]+ .*healthy/ },
  { command: "make status STACK=k8s", as: ours('make status STACK="$PULUMI_STACK"'), prints: /ada +picoclaw .*healthy/ },
  { command: "make token STACK=k8s CLAW=ada", as: ours('make token STACK="$PULUMI_STACK" CLAW=ada'), prints: /^[0-9a-f]{64}$/m },
  {
    command: "make forward STACK=k8s CLAW=ada",
    as: [
      'set -m; timeout 100 make forward STACK="$PULUMI_STACK" CLAW=ada & until curl -fsS "http://127.0.0.1:$PORT/health" || ! kill -0 $!; do sleep 0.2; done 2>/dev/null; kill -INT -- -$!; wait $!',
      "it lasts until Ctrl-C",
    ],
    codes: [0, 2, 130],
    prints: /"status":"ok"/,
  },
  { command: "clawfleet logs ada", prints: /\S/ },
  set("trial", "false", "false"),
  { command: "clawfleet render", as: ["clawfleet render --help", "it wants a stack's name"], prints: /--out DIR/ },
  { command: "clawfleet render k8s --build", as: ours('clawfleet render "$PULUMI_STACK" --build'), prints: /kind: StatefulSet/ },
  {
    command: "clawfleet render k8s --out manifests",
    as: ours('clawfleet render "$PULUMI_STACK" --out "$DIR/manifests"'),
    prints: /objects of 1 claw, one a file/,
  },
  {
    command: "clawfleet render k8s --out manifests --secrets external --store vault",
    as: ours('clawfleet render "$PULUMI_STACK" --out "$DIR/external" --secrets external --store vault'),
    prints: /comes from the SecretStore "vault"/,
  },
  { command: "make down STACK=k8s", as: ours('make down STACK="$PULUMI_STACK"'), prints: /Kept, with all data: .*state-ada-0/ },
  {
    command: "kubectl apply --server-side --recursive --filename manifests",
    as: [
      'kubectl apply --server-side --dry-run=server --recursive --filename "$DIR/manifests"',
      "what it would make; test/kubernetes/render.test.ts applies them",
    ],
    prints: /statefulset\.apps\/ada serverside-applied \(server dry run\)/,
  },
  { command: "make clean STACK=k8s", as: ours('make clean STACK="$PULUMI_STACK" ARGS=--yes'), prints: /removed namespace / },
  { command: "make cluster-down", as: ["make -n cluster-down", "other tests use it"], prints: /cluster\.sh down/ },
  {
    command: "engine/cluster.sh restart node",
    as: ["engine/cluster.sh restart", "other tests use it; test/kubernetes/restarts.test.ts restarts one of its own"],
    codes: [2],
    prints: /restart PART/,
  },
  {
    command: "engine/cluster.sh purge",
    as: ["CLAWFLEET_CLUSTER=nobodys engine/cluster.sh purge", "other tests use it"],
    prints: /there is no cluster nobodys/,
  },
  {
    command: "make test-kubernetes",
    as: ["make -n test-kubernetes", "these tests are run with all others"],
    prints: /test\/kubernetes/,
  },
];
