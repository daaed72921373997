/** Powers of ten in a nano unit, the smallest that Kubernetes keeps. */
const DECIMAL: { readonly [suffix: string]: number } = { n: 0, u: 3, m: 6, "": 9, k: 12, M: 15, G: 18, T: 21, P: 24, E: 27 };
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const NANO = 10n ** 9n;

/**
 * A resource quantity in Kubernetes' canonical form, in which the API server gives it back: "0.5" is "500m", "1024Mi" is "1Gi".
 * What is no quantity stays as it is: the API server says what is wrong with it.
 */
export function canonicalQuantity(written: string): string {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?$/.exec(written.trim());
  if (!match) return written;
  const [, sign = "", whole = "", fraction = "", suffix = ""] = match;
  if (whole === "" && fraction === "") return written;
  const binary = BINARY.indexOf(suffix);
  const exponent = /^[eE][+-]?\d+$/.test(suffix) ? Number(suffix.slice(1)) : undefined;
  const power = (exponent === undefined ? (binary > 0 ? 9 : (DECIMAL[suffix] ?? 9)) : exponent + 9) - fraction.length;
  let digits = BigInt(whole + fraction);
  if (binary > 0) digits *= 1024n ** BigInt(binary);
  // What is smaller than a nano is rounded up: who asks for something shall not get nothing.
  const nano = power >= 0 ? digits * 10n ** BigInt(power) : ceil(digits, 10n ** BigInt(-power));
  if (nano === 0n) return "0";
  const prefix = sign === "-" ? "-" : "";
  if (binary > 0 && nano % NANO === 0n && nano / NANO >= 1024n) {
    let value = nano / NANO;
    let at = 0;
    while (value % 1024n === 0n && at < BINARY.length - 1) {
      value /= 1024n;
      at++;
    }
    return `${prefix}${value}${BINARY[at]}`;
  }
  let value = nano;
  let scale = 0;
  while (value % 1000n === 0n && scale < (exponent === undefined ? 27 : 90)) {
    value /= 1000n;
    scale += 3;
  }
  if (exponent !== undefined) return `${prefix}${value}${scale === 9 ? "" : `e${scale - 9}`}`;
  return `${prefix}${value}${Object.keys(DECIMAL).find((key) => DECIMAL[key] === scale) ?? ""}`;
}

const ceil = (value: bigint, by: bigint): bigint => (value + by - 1n) / by;
