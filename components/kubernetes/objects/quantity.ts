/*
 * Quantities in the form that the API server gives back: any other shows as a change.
 */

/** MiB: `512Mi`, `1Gi`. */
export function mebibytes(count: number): string {
  return count % 1024 === 0 && count > 0 ? `${count / 1024}Gi` : `${count}Mi`;
}

/** Processors: `2`, `1500m`. */
export function processors(count: number): string {
  const milli = Math.round(count * 1000);
  return milli % 1000 === 0 ? String(milli / 1000) : `${milli}m`;
}

const UNITS: { readonly [suffix: string]: number } = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** A quantity as a number, of bytes or processors; NaN for what is none. */
export function amount(quantity: string): number {
  const [, digits = "", suffix = ""] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(quantity) ?? [];
  return Number(digits === "" ? Number.NaN : digits) * (suffix === "" ? 1 : (UNITS[suffix] ?? Number.NaN));
}
