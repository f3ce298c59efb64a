/** Exit statuses of every command. */
export const EXIT = { good: 0, faults: 1, usage: 2 } as const;

/** Something that the user can mend: printed without a stack. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;
  /** A word that there is not, and those that there are: one of them may have been meant. */
  readonly mistaken: { readonly word: string; readonly known: readonly string[] } | null;

  constructor(message: string, exitCode: number = EXIT.usage, mistaken: CliError["mistaken"] = null) {
    super(message);
    this.exitCode = exitCode;
    this.mistaken = mistaken;
  }
}
