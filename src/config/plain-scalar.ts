/** Thrown where a text is more than plain: the caller reads it with the whole parser. */
export class NotPlain extends Error {
  override readonly name = "NotPlain";
}

const NUMBER = /^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?$/;
/** Whatever else YAML 1.2's core schema takes for a number. */
const NUMBER_LIKE = /^[-+]?(?:0o[0-7]+|0x[0-9a-fA-F]+|[0-9]+|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))$|^\.(?:nan|NaN|NAN)$/;

/** The value of a scalar without quotes, by YAML 1.2's core schema. Throws `NotPlain` for a number that is written unusually. */
export function plainScalar(text: string): string | number | boolean | null {
  switch (text) {
    case "true":
    case "True":
    case "TRUE":
      return true;
    case "false":
    case "False":
    case "FALSE":
      return false;
    case "null":
    case "Null":
    case "NULL":
    case "~":
      return null;
  }
  const first = text.charCodeAt(0);
  // Nothing that begins with a letter or a slash is a number.
  if (first >= 0x41 || first === 0x2f) return text;
  if (NUMBER.test(text) && text !== "-0") return Number(text);
  if (NUMBER_LIKE.test(text)) throw new NotPlain();
  return text;
}

/** Of a text between double quotes, with them. Throws `NotPlain` for what JSON does not know. */
export function doubleQuoted(token: string): string {
  if (!token.includes("\\")) return token.slice(1, -1);
  try {
    const value: unknown = JSON.parse(token);
    if (typeof value === "string") return value;
  } catch {
    // YAML has more escapes than JSON.
  }
  throw new NotPlain();
}
