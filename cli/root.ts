import { join } from "node:path";

/** The repository's root, where Pulumi.yaml is. */
export const root = join(import.meta.dirname, "..");
