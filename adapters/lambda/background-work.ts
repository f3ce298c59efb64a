/** Work that must be done before an invocation ends, and that nobody waits for until then. */
export interface BackgroundWork {
  /** What is not done yet. */
  readonly open: ReadonlySet<Promise<unknown>>;
  /** Takes some work; its rejection is its own. */
  add(work: Promise<unknown>): void;
}

export function createBackgroundWork(): BackgroundWork {
  const open = new Set<Promise<unknown>>();
  return {
    open,
    add(work) {
      const settled = work.then(
        () => {},
        () => {},
      );
      open.add(settled);
      void settled.then(() => open.delete(settled));
    },
  };
}
