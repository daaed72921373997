import type { Descriptor } from "../runtime.ts";
import type { Layout } from "./layout.ts";

/** The workflow that builds, tests, scans and publishes a runtime's image. */
export function workflow(descriptor: Descriptor, layout: Layout): string {
  return `# ${descriptor.name} ${layout.folder}\n`;
}
