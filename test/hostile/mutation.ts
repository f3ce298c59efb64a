/** Numbers in [0, 1) that a seed repeats. */
export type Dice = () => number;

/** The seed of this run: SPILLWAY_SEED, or a new one. It is printed, so that a failure can be repeated. */
export function seedOfRun(name: string): number {
  const given = process.env["SPILLWAY_SEED"];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  process.stderr.write(`${name}: SPILLWAY_SEED=${seed}\n`);
  return seed;
}

/** Dice of one case alone, so that it can be repeated without those before it (mulberry32). */
export function diceOf(seed: number, index: number): Dice {
  let state = (seed ^ Math.imul(index + 1, 0x9e37_79b1)) >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What parsers have stumbled over. */
const TOKENS: readonly string[] = [
  "\r\n",
  "\n",
  "\r",
  "\0",
  "\t",
  " ",
  ":",
  ";",
  ",",
  "\r\n\r\n",
  "\r\n ",
  "content-length: 5\r\n",
  "content-length: -1\r\n",
  "content-length: 99999999999999999999\r\n",
  "transfer-encoding: chunked\r\n",
  "transfer-encoding: xchunked\r\n",
  "Transfer-Encoding : chunked\r\n",
  "host: evil.example\r\n",
  "connection: close\r\n",
  "connection: upgrade\r\nupgrade: websocket\r\n",
  "upgrade: h2c\r\n",
  "expect: 100-continue\r\n",
  "trailer: authorization\r\n",
  "authorization: Bearer other\r\n",
  "__proto__: 1\r\n",
  "constructor: 1\r\n",
  "cdn-loop: x\r\n",
  "HTTP/1.1",
  "HTTP/1.0",
  "HTTP/2.0",
  "HTTP/9.9",
  "GET /smuggled HTTP/1.1\r\nhost: broker.test\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "CONNECT evil.example:443 HTTP/1.1\r\n",
  "http://evil.example/",
  "//",
  "/../",
  "/..%2f",
  "%00",
  "%0d%0a",
  "\\",
  "?",
  "#",
  "@",
  "0\r\n\r\n",
  "ffffffffffffffff\r\n",
  "-1\r\n",
  "1;a=b\r\n",
  "data: ",
  "data: [DONE]\n\n",
  "event: error\n",
  '"',
  "{",
  "}",
  "[",
  "]",
  '{"a":',
  '"__proto__":{"planted":1},',
  "\\u0000",
  "\\ud800",
  "1e999999",
  "\u00ff",
  "\u00c0\u0080",
  "\u00ef\u00bb\u00bf",
];

/** The bytes with one to six mutations: a hostile token put in, bytes cut, a byte changed, a piece copied, the rest dropped, a token many times. */
export function mutated(bytes: Buffer, dice: Dice): Buffer {
  let text = bytes.toString("latin1");
  const times = 1 + Math.floor(dice() * 6);
  for (let time = 0; time < times; time++) text = mutatedOnce(text, dice);
  return Buffer.from(text, "latin1");
}

function mutatedOnce(text: string, dice: Dice): string {
  const at = Math.floor(dice() * (text.length + 1));
  const token = (): string => TOKENS[Math.floor(dice() * TOKENS.length)] ?? "";
  switch (Math.floor(dice() * 6)) {
    case 0:
      return text.slice(0, at) + token() + text.slice(at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + Math.floor(dice() * 12));
    case 2:
      return text.slice(0, at) + String.fromCharCode(Math.floor(dice() * 256)) + text.slice(at + 1);
    case 3: {
      const piece = text.slice(at, at + 1 + Math.floor(dice() * 60));
      const to = Math.floor(dice() * (text.length + 1));
      return text.slice(0, to) + piece + text.slice(to);
    }
    case 4:
      // Seldom: what is left of most requests would be no request.
      return dice() < 0.3 ? text.slice(0, at) : text;
    default:
      return text.slice(0, at) + token().repeat(1 + Math.floor(dice() * 200)) + text.slice(at);
  }
}

/** Runs the cases 0 to `count - 1`, `width` at a time, and prints how far it is in long runs. */
export async function runCases(name: string, count: number, width: number, one: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      const index = next;
      next += 1;
      if (index >= count) return;
      if (index > 0 && index % 20_000 === 0) process.stderr.write(`${name}: ${index} of ${count}\n`);
      await one(index);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** How many cases: a few in the suite, SPILLWAY_CASES or `long` in `npm run hostile:long`. */
export function caseCount(short: number, long = 1_000_000): number {
  if (process.env["SPILLWAY_LONG"] !== "1") return short;
  return Number(process.env["SPILLWAY_CASES"] ?? long);
}
