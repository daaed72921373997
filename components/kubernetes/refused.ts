import { type LoadedFleet, problemsToError } from "../../fleet/problems.ts";
import type { Path } from "../../fleet/types.ts";
import { headlessName } from "./names.ts";

/**
 * Refuses claws that are right as such, but cannot be on Kubernetes. Needs no cluster.
 *
 * @throws FleetError
 */
export function refuseOnKubernetes(loaded: LoadedFleet): void {
  const { claws } = loaded.fleet;
  const names = new Map(claws.map((claw) => [claw.name, claw]));
  const problems: { path: Path; message: string }[] = [];
  for (const { name, path, docker } of claws) {
    if (/^\d/.test(name)) {
      problems.push({ path: [...path, "name"], message: `"${name}" starts with a digit, which the name of a Kubernetes Service may not` });
    }
    const other = names.get(headlessName(name));
    if (other !== undefined) {
      const message = `"${other.name}" is on Kubernetes the name of a Service of claw "${name}"; give one of them another name`;
      problems.push({ path: [...other.path, "name"], message });
    }
    if (docker.access !== "none") {
      const message = `access "${docker.access}" is for fleets on Docker: on Kubernetes there is no Docker daemon to share`;
      problems.push({ path: [...path, "docker", "access"], message });
    }
  }
  if (problems.length > 0) throw problemsToError(loaded, problems);
}
