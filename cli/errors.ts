import { reasonOf, statusOf } from "../components/kubernetes/cluster.ts";
import { nearest } from "../fleet/problems.ts";

/** What a user can act on: printed as it is, without a stack trace. */
export class UserError extends Error {
  /** The process's exit code: 2 = wrong input, 1 = all else. */
  readonly code: number;

  constructor(message: string, code = 1) {
    super(message);
    this.name = "UserError";
    this.code = code;
  }
}

/** The text of anything thrown; of what an API server of Kubernetes refuses, its own words. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return statusOf(error) !== undefined && "body" in error ? `the cluster refuses: ${reasonOf(error)}` : error.message;
}

/** The code of a system error (`ENOENT`, `ECONNREFUSED`), if it is one. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** The HTTP status of an error of the Docker API, if it is one. */
export function dockerStatus(error: unknown): number | undefined {
  return error instanceof Error && "statusCode" in error && typeof error.statusCode === "number" ? error.statusCode : undefined;
}

/** What to say of a claw that is not in a place (a stack, a fleet file) that has these. */
export function noClaw(claw: string, place: string, names: readonly string[]): UserError {
  const meant = nearest(claw, names);
  const have = names.length > 0 ? `it has ${names.join(", ")}` : "it has none";
  return new UserError(`no claw "${claw}" in ${place}: ${meant ? `did you mean "${meant}"?` : have}`, 2);
}
