import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import { commandsOf, documented, documents, runs } from "./commands.ts";
import { kubernetesRuns } from "./kubernetes.ts";

const root = join(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(join(root, file), "utf8");
const all = [...documents, ...globSync(["runtimes/*/README.md", "bench/*.md"], { cwd: root })];

/** The headings of a document as links name them. */
const headings = (text: string) =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );

describe.each(all)("%s", (file) => {
  const text = read(file);

  test("its links lead to files and headings that are there", () => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target).filter((target) => !/^[a-z]+:/.test(target));
    const lost = links.filter((target) => {
      const [path = "", heading] = target.split("#");
      const to = path === "" ? file : join(dirname(file), path);
      return !existsSync(join(root, to)) || (heading !== undefined && !headings(read(to)).includes(heading));
    });
    expect(lost).toEqual([]);
  });

  test("the make targets it names are there", () => {
    const targets = new Set([...read("Makefile").matchAll(/^([a-z-]+):/gm)].map(([, name = ""]) => name));
    const named = [...text.matchAll(/(?:`|^ *)make ([a-z-]+)/gm)].map(([, name = ""]) => name);
    expect(named.filter((name) => !targets.has(name))).toEqual([]);
  });

  test("the folders and files of the repository that it names are there", () => {
    const paths = [...text.matchAll(/`((?:fleet|fleets|runtimes|components|cli|engine|docs|test|bench)\/[\w./-]*)`/g)].map(
      ([, path = ""]) => path,
    );
    expect(paths.filter((path) => !existsSync(join(root, path)) && !existsSync(join(root, dirname(file), path)))).toEqual([]);
  });
});

test("the README's table of runtimes is what the descriptors say", async () => {
  const known = [...(await loadRuntimes(runtimeNames())).values()].map(({ descriptor }) => descriptor);
  const rows = known.map(({ title, version, port }) => `| ${title} | ${version} | ${port} | yes |`);
  expect(rows.length).toBeGreaterThan(2);
  for (const row of rows) expect(read("README.md")).toContain(row);
});

describe("messages that the documents explain", () => {
  // Other programs' words.
  const others = ["no space left on device", "incorrect passphrase"];
  const sources = globSync(
    ["cli/**/*.ts", "components/**/*.ts", "fleet/*.ts", "runtimes/**/*.ts", "runtimes/entrypoint/*.go", "engine/**/*.{sh,ts}"],
    { cwd: root },
  )
    .map(read)
    .join("\n");
  const messages = ["docs/troubleshooting.md", "docs/kubernetes.md"]
    .flatMap((file) => [...(read(file).split("## When something goes wrong")[1] ?? read(file)).matchAll(/^\| `([^`]+)`/gm)])
    .map(([, message = ""]) => message)
    .filter((message) => !others.includes(message) && !/^fleets\//.test(message));

  test("are found", () => expect(messages.length).toBeGreaterThan(15));

  test.each(messages)("%s", (message) => {
    // What varies in a message is not in the source: numbers, names in quotes, dots for more.
    const pieces = message.split(/\.\.\.|"[^"]*"|\d+|\b(?:ada|discord|ZeroClaw)\b/).map((piece) => piece.trim());
    const longest = pieces.sort((a, b) => b.length - a.length)[0] ?? "";
    expect(longest.length).toBeGreaterThan(6);
    expect(sources.includes(longest), longest).toBe(true);
  });
});

describe("commands", () => {
  test("are found in fences and in inline code", () => {
    const text = "Run `make up`, not `make`:\n\n```sh\nmake down   # stop\n\npulumi up\n```\n\n| see | `clawfleet status` | `status` |\n";
    expect(commandsOf(text)).toEqual(["make down", "pulumi up", "make up", "clawfleet status"]);
  });

  test("each one of the documents is in the list of those that are run, and the other way round", () => {
    // Some are run on both targets.
    const listed = [...new Set([...runs, ...kubernetesRuns].map(({ command }) => command))];
    const named = documented();
    expect([...named].filter(([command]) => !listed.includes(command))).toEqual([]);
    expect(listed.filter((command) => !named.has(command))).toEqual([]);
    expect(listed.toSorted()).toEqual([...named.keys()].sort());
  });
});
