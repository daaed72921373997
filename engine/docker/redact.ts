const SECRET_NAME = /key|token|secret|passw|credential|auth|seed|cookie|session/i;
const SHORTEST = 6;

/** Replaces each of the given texts wherever it stands in a line. Short ones are left: hiding them would hide everything. */
export function hider(secrets: readonly string[]): (line: string) => string {
  const pieces = [...new Set(secrets)].filter((secret) => secret.length >= SHORTEST).sort((a, b) => b.length - a.length);
  return (line) => pieces.reduce((text, secret) => text.replaceAll(secret, "<hidden>"), line);
}

/** A function that hides, in a line of a container's log, the values of those variables (`NAME=value`) whose names sound secret. */
export function redactor(envs: readonly string[]): (line: string) => string {
  return hider(
    envs.flatMap((env) => {
      const at = env.indexOf("=");
      return at > 0 && SECRET_NAME.test(env.slice(0, at)) ? env.slice(at + 1).split("\n") : [];
    }),
  );
}

/** The texts of a build secret that must not show in a log: itself, its lines, and the values of `export NAME='value'` lines. */
export function secretPieces(secret: string): string[] {
  const lines = secret.split("\n").filter((line) => line.trim() !== "" && !/^-----/.test(line));
  const values = lines.flatMap(
    (line) => /^(?:export\s+)?[A-Za-z_][\w.:/-]*\s*=\s*(.*)$/.exec(line)?.[1]?.replace(/^(['"])(.*)\1$/, "$2") ?? [],
  );
  return [secret.trim(), ...lines, ...values].filter((piece) => piece.length >= 8);
}
