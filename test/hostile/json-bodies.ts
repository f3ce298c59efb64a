import { chatBody } from "./chat-bytes.ts";

const GOOD = chatBody();

/** Bodies of a chat call on which JSON readers have stumbled, by what they are. */
export const JSON_BODIES: Readonly<Record<string, string | Buffer>> = {
  empty: "",
  "no JSON": "hello there",
  "cut short": GOOD.slice(0, -5),
  "a trailing brace": `${GOOD}}`,
  "a NUL escape": '{"model":"m\\u0000","messages":[]}',
  "a byte order mark": `\ufeff${GOOD}`,
  "UTF-16": Buffer.from(GOOD, "utf16le"),
  "bad UTF-8": Buffer.concat([Buffer.from('{"model":"m'), Buffer.from([0xff, 0xfe, 0xc0]), Buffer.from('","messages":[]}')]),
  "an array": "[1,2,3]",
  "a number": "42",
  null: "null",
  "a string": '"m"',
  NaN: '{"model":"m","temperature":NaN,"messages":[]}',
  "duplicate keys": '{"model":"m","model":"other","messages":[],"messages":null}',
  "huge numbers": `{"model":"m","n":1e999999,"k":${"9".repeat(5_000)},"messages":[]}`,
  "arrays 100,000 deep": `{"model":"m","messages":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
  "objects 50,000 deep": `{"model":"m","messages":[],"a":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`,
  "a lone surrogate": '{"model":"\\ud800","messages":[]}',
  "__proto__ and constructor.prototype": '{"model":"m","messages":[],"__proto__":{"planted":1},"constructor":{"prototype":{"planted":1}}}',
  "messages a string": '{"model":"m","messages":"hi"}',
  "messages [null]": '{"model":"m","messages":[null]}',
  "100,000 keys": `{"model":"m","messages":[],${Array.from({ length: 100_000 }, (_, index) => `"k${index}":1`).join(",")}}`,
};
