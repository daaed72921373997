import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { preflight } from "../../components/kubernetes/preflight.ts";
import type { KubernetesSettings } from "../../components/kubernetes/settings.ts";
import { settings } from "./kubernetes.ts";
import { type Answer, type FakeApi, fakeApi } from "./kubernetes-api.ts";

let dir = "";
const apis: FakeApi[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "clawfleet-preflight-"));
});
afterEach(async () => {
  vi.useRealTimers();
  rmSync(dir, { recursive: true });
  for (const api of apis.splice(0)) await api.close();
});

const classes = "/apis/storage.k8s.io/v1/storageclasses";
const runtimes = "/apis/node.k8s.io/v1/runtimeclasses";
const namespace = "/api/v1/namespaces/clawfleet-dev";
const forbidden = { code: 403, message: "no" };
const named = (...names: string[]) => ({ items: names.map((name) => ({ metadata: { name } })) });
const usual = { items: [{ metadata: { name: "std", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } } }] };

/** Problems of a cluster that answers this, by path; what is not given is as in a cluster that is right. */
async function problems(answers: Record<string, Answer> = {}, change: Partial<KubernetesSettings> = {}, user: object = {}) {
  const right: Record<string, Answer> = { "/version": { gitVersion: "v1.34.1" }, "/api/v1/namespaces": { items: [] }, [classes]: usual };
  const api = await fakeApi((_method, path) => ({ ...right, ...answers })[path.replace(/(.)\/$/, "$1")], user);
  apis.push(api);
  const found = await preflight(settings({ kubeconfig: api.kubeconfig, ...change }));
  return found.map(({ kind, message }) => `${kind}: ${message.replaceAll(api.kubeconfig, "FILE").replace(/127\.0\.0\.1:\d+/, "ADDRESS")}`);
}

test("nothing is wrong with a cluster that is right, nor with what may not be looked at", async () => {
  expect(await problems()).toEqual([]);
  expect(await problems({ [namespace]: { status: { phase: "Active" } } })).toEqual([]);
  const hidden = { [classes]: forbidden, [runtimes]: forbidden, [namespace]: forbidden, "/api/v1/namespaces": forbidden };
  expect(await problems(hidden, { storageClass: "x", runtimeClass: "y" })).toEqual([]);
});

test("classes that are not there, with those that are", async () => {
  expect(await problems({ [classes]: named("fast", "slow") })).toEqual([
    "settings: the cluster has no default storage class for the claws' state: pulumi config set clawfleet:storageClass NAME (it has fast, slow)",
  ]);
  expect(await problems({ [classes]: named("fast") }, { storageClass: "fast" })).toEqual([]);
  expect(await problems({ [runtimes]: named() }, { storageClass: "fasst", runtimeClass: "gvisor" })).toEqual([
    'settings: clawfleet:storageClass is "fasst", which the cluster does not have: pulumi config set clawfleet:storageClass NAME (it has std)',
    'settings: clawfleet:runtimeClass is "gvisor", which the cluster does not have (it has none)',
  ]);
});

test("a namespace that is on its way out", async () => {
  expect(await problems({ [namespace]: { status: { phase: "Terminating" } } })).toEqual([
    "settings: the namespace clawfleet-dev is being deleted; wait until it is gone, or name another: pulumi config set clawfleet:namespace NAME",
  ]);
});

test("a cluster that does not know us, or is not there", async () => {
  const message = "Unauthorized";
  expect(await problems({ "/api/v1/namespaces": { code: 401, message } })).toEqual([
    'cluster: the cluster of context "fake" in FILE does not answer at http://ADDRESS: it does not accept the credentials; start it, or choose another: KUBECONFIG or clawfleet:context',
  ]);
  const api = await fakeApi(() => undefined);
  const kubeconfig = join(dir, "config");
  writeFileSync(kubeconfig, readFileSync(api.kubeconfig));
  await api.close();
  const [problem] = await preflight(settings({ kubeconfig }));
  expect(problem).toMatchObject({
    kind: "cluster",
    message: expect.stringMatching(/does not answer at http:.*ECONNREFUSED.*; start it, or choose another/),
  });
});

test("files and contexts that are not there, with those that are", async () => {
  const none = join(dir, "none");
  expect(await preflight(settings({ kubeconfig: none }))).toEqual([
    {
      kind: "cluster",
      message: `there is no ${none}; say where the cluster's file is: KUBECONFIG, or pulumi config set clawfleet:kubeconfig PATH`,
    },
  ]);
  expect(await problems({}, { context: "prod" })).toEqual([
    'cluster: FILE has no context "prod"; it has fake: pulumi config set clawfleet:context NAME',
  ]);
});

test("credentials whose time is over, by their date", async () => {
  const [key, certificate] = [join(dir, "key"), join(dir, "certificate")];
  const subject = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=old", "-days", "1"];
  execFileSync("openssl", [...subject, "-keyout", key, "-out", certificate], { stdio: "ignore" });
  const data = (file: string) => readFileSync(file).toString("base64");
  const user = { "client-certificate-data": data(certificate), "client-key-data": data(key) };
  expect(await problems({}, {}, user)).toEqual([]);
  const tomorrow = new X509Certificate(readFileSync(certificate)).validToDate.toISOString().slice(0, 10);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * 86_400_000 });
  const late = await problems({}, {}, user);
  vi.useRealTimers();
  expect(late).toEqual([`cluster: the credentials of context "fake" in FILE expired on ${tomorrow}; get new ones`]);
  const token = (exp: number) => `x.${Buffer.from(JSON.stringify({ exp })).toString("base64url")}.y`;
  expect(await problems({}, {}, { token: token(1_600_000_000) })).toEqual([
    'cluster: the credentials of context "fake" in FILE expired on 2020-09-13; get new ones',
  ]);
  expect(await problems({}, {}, { token: token(4_000_000_000) })).toEqual([]);
  expect(await problems({}, {}, { token: "opaque.but.dotted" })).toEqual([]);
});
