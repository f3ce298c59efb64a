/** This backend cannot be told what the caller wants; another may. Its message is for the caller: it names the field, never its value. */
export class Untranslatable extends Error {
  override readonly name = "Untranslatable";
  readonly field: string;

  constructor(field: string, reason: string) {
    super(`"${field}" cannot be carried there: ${reason}`);
    this.field = field;
  }
}
