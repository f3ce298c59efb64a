/** Writes a line to standard output. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes a line to standard error: what is for people while standard output is for programs. */
export function warn(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Colour only on a terminal, and never against NO_COLOR. */
export function wantsColor(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && process.env["NO_COLOR"] === undefined;
}
