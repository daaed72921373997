/**
 * Does work that must be undone when it fails. An interrupt ends the programs that it runs, as they are of the same terminal, and so makes it fail; this
 * process stays to undo it.
 */
export async function undoable<T>(work: () => T | Promise<T>, undo: () => void): Promise<T> {
  const stay = () => {};
  process.on("SIGINT", stay).on("SIGTERM", stay);
  try {
    return await work();
  } catch (error) {
    undo();
    throw error;
  } finally {
    process.off("SIGINT", stay).off("SIGTERM", stay);
  }
}
