import { createSocket } from "node:dgram";

export type RecordType = "A" | "AAAA" | "PTR";

/** What a question is answered with: addresses or names; `servfail`, `silence`. An empty list: there is no such record. */
export type NameAnswer = readonly string[] | "servfail" | "silence";

export interface NameServer {
  /** As `dns.resolvers` has it. */
  readonly address: string;
  /** Questions in the order of their coming: `A api.example`. */
  readonly questions: string[];
  /** How many of them were of this type. */
  count(type: RecordType): number;
  close(): Promise<void>;
}

const TYPES: Readonly<Record<number, RecordType>> = { 1: "A", 28: "AAAA", 12: "PTR" };

/** A DNS server over UDP on loopback (RFC 1035), whose answers live for no time at all. `nth`: how often this very question has come before. */
export async function startNameServer(answer: (type: RecordType, name: string, nth: number) => NameAnswer): Promise<NameServer> {
  const socket = createSocket("udp4");
  const seen = new Map<string, number>();
  const questions: string[] = [];
  socket.on("message", (message, peer) => {
    const { name, type, end } = readQuestion(message);
    if (type === undefined) return;
    const question = `${type} ${name}`;
    questions.push(question);
    const nth = seen.get(question) ?? 0;
    seen.set(question, nth + 1);
    const given = answer(type, name, nth);
    if (given === "silence") return;
    const records = given === "servfail" ? [] : given;
    const head = Buffer.alloc(12);
    message.copy(head, 0, 0, 2);
    head.writeUInt16BE(given === "servfail" ? 0x8182 : 0x8180, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    socket.send(Buffer.concat([head, message.subarray(12, end), ...records.map((record) => resource(type, record))]), peer.port, peer.address);
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, "127.0.0.1", resolve);
  });
  return {
    address: `127.0.0.1:${socket.address().port}`,
    questions,
    count: (type) => questions.filter((question) => question.startsWith(`${type} `)).length,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function readQuestion(message: Buffer): { readonly name: string; readonly type: RecordType | undefined; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.subarray(at + 1, at + 1 + length).toString("latin1"));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: TYPES[message.readUInt16BE(at + 1)], end: at + 5 };
}

/** The name is a pointer to the question's. */
function resource(type: RecordType, value: string): Buffer {
  const data = type === "A" ? Buffer.from(value.split(".").map(Number)) : type === "AAAA" ? ipv6Bytes(value) : nameBytes(value);
  const head = Buffer.from([0xc0, 0x0c, 0, type === "A" ? 1 : type === "AAAA" ? 28 : 12, 0, 1, 0, 0, 0, 0, 0, data.length]);
  return Buffer.concat([head, data]);
}

function nameBytes(name: string): Buffer {
  return Buffer.concat([...name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, "latin1")])), Buffer.from([0])]);
}

/** Only with one `::` in it. */
function ipv6Bytes(text: string): Buffer {
  const [left = "", right = ""] = text.split("::");
  const groups = (half: string): number[] => (half === "" ? [] : half.split(":").map((group) => Number.parseInt(group, 16)));
  const [first, last] = [groups(left), groups(right)];
  const all = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
