import { createVerify, generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/** Google Secret Manager and Google's token endpoint over REST: every assertion is verified, every token is looked up. */
export interface FakeGoogleRest {
  readonly url: string;
  /** For servers that stand in for the whole world. */
  readonly handle: RequestListener;
  /** Text of the service account's key. */
  readonly key: string;
  /** `host path` of every request for a secret. */
  readonly asked: string[];
  readonly counts: { tokens: number; refused: number };
  mode: "ok" | "unavailable" | "hang" | "wrong check sum" | "no check sum" | "garbage" | "huge" | "redirect" | "invalid_grant" | "no token";
  /** How long a token is good, in seconds. */
  seconds: number;
  put(name: string, value: string | Uint8Array): void;
  /** HTTP status and Google's name of the error, for this secret from now on. */
  fail(name: string, status: number, word: string): void;
  /** No token that was given is good any more. */
  revoke(): void;
  close(): Promise<void>;
}

const EMAIL = "broker@project.iam.gserviceaccount.com";

export async function startFakeGoogleRest(): Promise<FakeGoogleRest> {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const values = new Map<string, Uint8Array[]>();
  const failures = new Map<string, { readonly status: number; readonly word: string }>();
  const tokens = new Map<string, number>();
  const counts = { tokens: 0, refused: 0 };
  const fake = { mode: "ok" as FakeGoogleRest["mode"], seconds: 3_600 };
  const asked: string[] = [];
  const serve = async (request: IncomingMessage, answer: (status: number, document: unknown, headers?: Record<string, string>) => void): Promise<void> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const error = (status: number, word: string) => answer(status, { error: { code: status, message: "told by the fake", status: word } });
    if (fake.mode === "hang") return;
    if (request.url === "/token") {
      counts.tokens += 1;
      if (fake.mode === "no token") return answer(503, { error: "backend_error" });
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      if (fake.mode === "invalid_grant" || !verify(form.get("assertion") ?? "") || form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer") {
        counts.refused += 1;
        return answer(400, { error: "invalid_grant" });
      }
      const token = `ya29.${crypto.randomUUID()}`;
      tokens.set(`Bearer ${token}`, Date.now() + fake.seconds * 1_000);
      return answer(200, { access_token: token, expires_in: fake.seconds, token_type: "Bearer" });
    }
    asked.push(`${request.headers.host} ${request.url}`);
    if ((tokens.get(request.headers.authorization ?? "") ?? 0) < Date.now()) return error(401, "UNAUTHENTICATED");
    if (fake.mode === "unavailable") return error(503, "UNAVAILABLE");
    if (fake.mode === "garbage") return answer(200, "<html>sk-contract</html>");
    if (fake.mode === "redirect") return answer(302, {}, { location: "https://elsewhere.example/" });
    if (fake.mode === "huge") return answer(200, { name: "x", payload: { data: "QUJD".repeat(100_000), dataCrc32c: "1" } });
    const [, secret = "", version = ""] = /^\/v1\/(.*)\/versions\/(.*):access$/.exec(request.url ?? "") ?? [];
    const failure = failures.get(secret);
    if (failure !== undefined) return error(failure.status, failure.word);
    const versions = values.get(secret);
    const number = version === "latest" ? (versions?.length ?? 0) : Number(version);
    const value = versions?.[number - 1];
    if (value === undefined) return error(404, "NOT_FOUND");
    const sum = fake.mode === "wrong check sum" ? "7" : castagnoli(value);
    const payload = { data: Buffer.from(value).toString("base64"), ...(fake.mode === "no check sum" ? {} : { dataCrc32c: sum }) };
    answer(200, { name: `${secret}/versions/${number}`, payload });
  };
  const handle: RequestListener = (request, response) => {
    void serve(request, (status, document, headers = {}) => {
      const body = typeof document === "string" ? document : JSON.stringify(document);
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
    });
  };
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A TCP server's address is an AddressInfo once it listens.
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  /** As Google does: signature, issuer, audience, scope, and no more than an hour. */
  function verify(assertion: string): boolean {
    const [header = "", payload = "", signature = ""] = assertion.split(".");
    const read = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString() || "{}") as Record<string, unknown>;
    const claims = read(payload);
    const { alg, kid } = read(header);
    const now = Date.now() / 1_000;
    const timely = Number(claims["iat"]) <= now + 10 && Number(claims["exp"]) > now && Number(claims["exp"]) - Number(claims["iat"]) <= 3_600;
    const audiences: unknown[] = [`${url}/token`, "https://oauth2.googleapis.com/token"];
    const meant = claims["iss"] === EMAIL && audiences.includes(claims["aud"]) && String(claims["scope"]).includes("cloud-platform");
    const signed = createVerify("RSA-SHA256").update(`${header}.${payload}`).verify(publicKey, signature, "base64url");
    return alg === "RS256" && kid === "key-1" && timely && meant && signed;
  }

  return Object.assign(fake, {
    url,
    handle,
    key: JSON.stringify({
      type: "service_account",
      client_email: EMAIL,
      private_key_id: "key-1",
      private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
    }),
    asked,
    counts,
    put: (name: string, value: string | Uint8Array) => {
      values.set(name, [...(values.get(name) ?? []), Buffer.from(value)]);
    },
    fail: (name: string, status: number, word: string) => {
      failures.set(name, { status, word });
    },
    revoke: () => tokens.clear(),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

/** Bit by bit, unlike the store's: two ways to the same sum. */
function castagnoli(bytes: Uint8Array): string {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
  }
  return String(crc ^ 0xffffffffn);
}
