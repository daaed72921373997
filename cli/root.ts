import { join, relative, resolve } from "node:path";

/** The repository's root, where Pulumi.yaml is. */
export const root = join(import.meta.dirname, "..");

/** A path that the user wrote, from the repository's root where it is inside, else absolute. */
export function fromRoot(file: string): string {
  const path = relative(root, resolve(file));
  return path.startsWith("..") ? resolve(file) : path;
}
