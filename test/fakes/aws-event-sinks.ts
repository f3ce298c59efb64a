import { type AwsReply, type AwsRequest, awsError, startFakeAwsService } from "./aws-service.ts";

/** How the service is: `take`, `hang`, `cut`, `garbage` (200 without JSON), `empty` (200 with `{}`), or the type of an error and its status. */
export type AwsSinkMood = "take" | "hang" | "cut" | "garbage" | "empty" | readonly [type: string, status: number];

/** SQS or EventBridge on loopback, as far as CloudEvents go there; every signature is checked. */
export interface FakeAwsSink {
  readonly url: string;
  readonly requests: readonly AwsRequest[];
  /** Entries that were taken, in the order of their arrival, as they were sent. */
  readonly taken: readonly Entry[];
  mood: AwsSinkMood;
  /** Ids of CloudEvents that are not taken, and with which code. */
  refuse(ids: readonly string[], code: string): void;
  close(): Promise<void>;
}

export type Entry = Readonly<Record<string, unknown>>;

const MAX_BYTES = 262_144;

export async function startFakeAwsSink(kind: "sqs" | "events", region: string): Promise<FakeAwsSink> {
  const service = await startFakeAwsService({ region, service: kind });
  const taken: Entry[] = [];
  let refused: { readonly ids: readonly string[]; readonly code: string } = { ids: [], code: "" };
  const fake = { mood: "take" as AwsSinkMood }; // the widest type: tests set it

  const bodyOf = (entry: Entry): string => String(entry[kind === "sqs" ? "MessageBody" : "Detail"]);
  const take: AwsReply = (request, response) => {
    const entries = (JSON.parse(request.body) as { Entries: Entry[] }).Entries; // the one shape that both operations have
    const size = entries.reduce((sum, entry) => sum + Buffer.byteLength(bodyOf(entry)), 0);
    if (entries.length === 0 || entries.length > 10 || size > MAX_BYTES) return awsError("BatchRequestTooLong")(request, response);
    if (kind === "sqs" && !entries.every((entry) => isXmlText(bodyOf(entry)))) return awsError("InvalidMessageContents")(request, response);
    const results = entries.map((entry) => {
      const { id } = JSON.parse(bodyOf(entry)) as { id: string }; // a CloudEvent
      if (refused.ids.includes(id)) return { Id: entry["Id"], code: refused.code };
      taken.push(entry);
      return { Id: entry["Id"], code: null };
    });
    response.writeHead(200, { "content-type": "application/x-amz-json-1.0" }).end(JSON.stringify(kind === "sqs" ? sqsAnswer(results) : busAnswer(results)));
  };
  service.script = [
    (request, response) => {
      const { mood } = fake;
      if (mood === "hang") return;
      if (mood === "cut") response.socket?.end("HTTP/1.1 200 O");
      else if (mood === "garbage") response.writeHead(200).end("<html>sk-proxy</html>");
      else if (mood === "empty") response.writeHead(200).end("{}");
      else if (mood === "take") take(request, response);
      else awsError(...mood)(request, response);
    },
  ];
  return Object.assign(fake, {
    url: service.url,
    requests: service.requests,
    taken,
    refuse: (ids: readonly string[], code: string) => {
      refused = { ids, code };
    },
    close: () => service.close(),
  });
}

/** SQS takes the characters of XML 1.0, no others. */
function isXmlText(text: string): boolean {
  return [...text].every((character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x20 ? [0x09, 0x0a, 0x0d].includes(code) : (code < 0xd800 || code > 0xdfff) && code !== 0xfffe && code !== 0xffff;
  });
}

interface Result {
  readonly Id: unknown;
  readonly code: string | null;
}

function sqsAnswer(results: readonly Result[]) {
  return {
    Successful: results.filter(({ code }) => code === null).map(({ Id }) => ({ Id, MessageId: crypto.randomUUID(), MD5OfMessageBody: "0" })),
    Failed: results.flatMap(({ Id, code }) => (code === null ? [] : [{ Id, Code: code, SenderFault: code !== "InternalError", Message: "sk-sink-says" }])),
  };
}

function busAnswer(results: readonly Result[]) {
  return {
    FailedEntryCount: results.filter(({ code }) => code !== null).length,
    Entries: results.map(({ code }) => (code === null ? { EventId: crypto.randomUUID() } : { ErrorCode: code, ErrorMessage: "sk-sink-says" })),
  };
}
