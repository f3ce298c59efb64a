import { readFile } from "node:fs/promises";
import { CliError, EXIT } from "./exit.ts";
import { fileFault } from "./file-fault.ts";
import { warn } from "./terminal.ts";

const LIMIT_MS = 30_000;
/** Names that no other machine can have. */
const NEAR = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** The address of a page of the broker at `--url`, else `SPILLWAY_URL`, else the one that `spillway serve` takes. A mistake is a `CliError`. */
export function brokerAddress(given: string | undefined, page: `/-/${string}`): URL {
  const url = brokerUrl(given ?? (process.env["SPILLWAY_URL"]?.trim() || "http://127.0.0.1:8787"));
  return new URL(`${url.pathname.replace(/\/$/, "")}${page}`, url);
}

function brokerUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new CliError(`--url is the http or https address of a broker, not "${text}"`);
  if (url.username !== "" || url.password !== "") throw new CliError("--url holds a password: credentials come by --token-file or SPILLWAY_TOKEN");
  return url;
}

/** The credential in that file, else in `SPILLWAY_TOKEN`, to be shown to that broker. None, or what cannot be one, is a `CliError`. */
export async function readToken(file: string | null, asked: URL): Promise<string> {
  if (asked.protocol === "http:" && !NEAR.test(asked.hostname)) warn(`spillway: the credential goes to ${asked.host} without TLS`);
  let token = process.env["SPILLWAY_TOKEN"]?.trim() ?? "";
  if (file !== null) {
    try {
      token = (await readFile(file, "utf8")).trim();
    } catch (error) {
      throw fileFault(file, "read", error);
    }
  }
  if (token === "") throw new CliError(`${file === null ? "a credential is needed: --token-file, or SPILLWAY_TOKEN" : `${file} is empty`}`);
  if (!/^[\x21-\x7e]+$/.test(token)) throw new CliError("the credential holds a character that none may hold, such as a space or a line break");
  return token;
}

/** What a page of the broker answered, whatever its status; without an answer, or where the credential does not count, a `CliError` that says what to do. */
export async function askBroker(asked: URL, token: string): Promise<{ readonly answer: Response; readonly body: string }> {
  let answer: Response;
  let body: string;
  try {
    // Followed, a redirect could take the credential elsewhere.
    answer = await fetch(asked, { headers: { authorization: `Bearer ${token}` }, redirect: "manual", signal: AbortSignal.timeout(LIMIT_MS) });
    body = await answer.text();
  } catch (error) {
    throw new CliError(`${asked.host} cannot be reached: ${reasonOf(error)}. Is the broker there? --url says where`, EXIT.faults);
  }
  if (answer.status === 401 && answer.headers.get("x-egress-error") !== null)
    throw new CliError("the broker did not accept the credential: it takes one of the Gateway's own namespace (--token-file or SPILLWAY_TOKEN)", EXIT.faults);
  return { answer, body };
}

/** Null: it is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Empty: it is no object. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {}; // of an object every member is unknown
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  if (error.name === "TimeoutError") return `no answer within ${LIMIT_MS / 1000} s`;
  const cause: unknown = error.cause;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : null;
  if (code === "ECONNREFUSED") return "the connection was refused";
  if (code === "ENOTFOUND") return "there is no such host";
  return typeof code === "string" ? code : "the connection failed";
}
