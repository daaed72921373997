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
