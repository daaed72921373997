import { posix } from "node:path";

/** Where a runtime's parts are in its repository. Paths from the repository's root, `.` for the root. */
export interface Layout {
  /** The runtime's folder. */
  readonly folder: string;
  /** Build context of its image. */
  readonly context: string;
  /** The workflow that publishes it. */
  readonly workflow: string;
}

/** Of a runtime in this repository: all images share one build context, and so the entrypoint. */
export function layoutHere(name: string): Layout {
  return { folder: `runtimes/${name}`, context: "runtimes", workflow: `.github/workflows/${name}.yml` };
}

/** Of a runtime with a repository of its own: its folder is the root. */
export const OWN_REPOSITORY: Layout = { folder: ".", context: ".", workflow: ".github/workflows/docker.yml" };

/** `to` as written in a file in the folder `from`; both from the repository's root. */
export const pathFrom = (from: string, to: string): string => posix.relative(from, to) || ".";
