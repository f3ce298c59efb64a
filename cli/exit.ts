/** Exit statuses of every command. */
export const EXIT = { good: 0, faults: 1, usage: 2 } as const;

/** Something that the user can mend: printed without a stack. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.usage) {
    super(message);
    this.exitCode = exitCode;
  }
}
