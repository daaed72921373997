import { createHmac } from "node:crypto";

/** A claw's gateway token: its own, the same at every start, and no way back from it to the stack's seed. 64 hexadecimal digits. */
export function gatewayToken(seed: string, claw: string): string {
  return createHmac("sha256", seed).update(`gateway-token:${claw}`).digest("hex");
}
