import { createHash, createHmac } from "node:crypto";

/** A claw's gateway token: its own, the same at every start, and no way back from it to the stack's seed. 64 hexadecimal digits. */
export function gatewayToken(seed: string, claw: string): string {
  return createHmac("sha256", seed).update(`gateway-token:${claw}`).digest("hex");
}

/** SHA-256 of a token's text, in lower-case hex: what a runtime is given that compares hashes. */
export function tokenHash(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
