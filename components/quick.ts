/**
 * Runs `construct` without stack traces. The SDK takes one for every property of every resource and maps it to its
 * source, which is over half of a program's time. The user's own errors are made outside and keep theirs.
 */
export function withoutTraces<T>(construct: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return construct();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
