import type { Descriptor } from "../../runtimes/runtime.ts";
import { type Answers, binaryOf } from "./answers.ts";
import { fill } from "./template.ts";

/** The base images that an image is built on. */
export function basesOf({ language, program }: Answers): string[] {
  if (program.kind === "git") return ["DEBIAN", "GO", "NODE_BUILD"];
  return language === "go" ? ["DEBIAN", "GO"] : ["DEBIAN", "GO", "NODE"];
}

/** The stages that make the program. `folder` is the runtime's, from the build context: `demo/`, or nothing. */
export function buildStages(answers: Answers, folder: string): string[] {
  const { name, version, main, language, program } = answers;
  const git = program.kind === "git";
  const words = {
    ...{ name, version, main },
    repo: git ? program.url : "",
    ref: git ? program.ref : "",
    package: program.kind === "package" ? program.name : "",
    program: git ? "--from=source /src/" : `${folder}program/`,
  };
  const go = program.kind === "package" ? "go-package" : "go";
  const parts = [...(git ? ["source"] : []), language === "go" ? go : git ? "node-git" : "node"];
  return parts.map((part) => fill(`build/${part}.in`, words).trimEnd()).flatMap((text, i) => (i === 0 ? [text] : ["", text]));
}

/** What the image has of these stages. */
export function programs({ name, language }: Answers): string[] {
  return language === "go"
    ? ["COPY --from=build /out/ /usr/local/bin/"]
    : ["COPY --from=build /usr/local/bin/node /usr/local/bin/node", `COPY --from=build /opt/${name} /opt/${name}`];
}

/** `ENV` with the descriptor's. */
export function environment({ env }: Descriptor): string {
  return `ENV ${Object.entries(env)
    .map(([name, value]) => `${name}=${value}`)
    .join(" \\\n    ")}`;
}

/** Where the program comes from, to end a sentence. */
export function origin({ language, program, name, main }: Answers): string {
  const go = language === "go";
  switch (program.kind) {
    case "starter":
    case "folder":
      return "built from `program/`";
    case "package":
      return go ? `built from its Go module (\`${program.name}\`)` : "from npm: `program/package-lock.json` pins it and all it needs";
    case "git":
      return `built from ${go ? `\`${main}\` in ` : ""}its git repository at \`${program.ref}\`, as \`${go ? binaryOf(name, program) : `/opt/${name}`}\``;
  }
}
