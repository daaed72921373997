/**
 * A whole number of seconds as Go writes durations (`1m0s`, `1h0m0s`): the daemon gives them back so, and any other form
 * shows as a change in every preview.
 */
export function goDuration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return `${hours > 0 ? `${hours}h` : ""}${seconds >= 60 ? `${minutes}m` : ""}${seconds % 60}s`;
}
