import { toText } from "../lib/utf8.ts";
import { authorityOf, headerListOf, readBodyWithin } from "../lib/web-request.ts";
import { CREDENTIAL_SLOTS } from "../model/caller.ts";
import type { BrokerPlace } from "../model/exchange.ts";
import type { HeaderList } from "../model/http.ts";
import { createFileDesk, type PageFiles } from "./page-files.ts";
import { privateHeaders } from "./page-headers.ts";
import { pageText, signInText } from "./page-text.ts";
import { isOwnForm, isOwnReading, isSecure } from "./request-origin.ts";
import { endedSession, readSession, sessionCookie, tokenFault } from "./session-cookie.ts";
import { createSignInGuard } from "./sign-in-guard.ts";

/** What the page is made of. */
export interface ConsoleOptions {
  /** True when the credential in these headers belongs to an operator. Never rejects. */
  authorize(headers: HeaderList, authority: string): Promise<boolean>;
  /** Milliseconds since the epoch. */
  now(): number;
  readonly files: PageFiles;
  /** What the page shows of this broker, by the name in its path; `place`: where it runs. Values of JSON. */
  readonly data: Readonly<Record<"state" | "proof", (place: BrokerPlace) => Promise<unknown>>>;
}

/** The page at `/-/console` and its sign-in. */
export interface ConsolePage {
  /** Answers a request for the page itself, its files and its session. */
  answer(request: Request, place: BrokerPlace): Promise<Response>;
  /** The request with the token of its cookie as `Authorization`, where the cookie counts: a reading by a page of ours that shows no other credential. */
  withSession(request: Request): Request;
}

/** A form holds one token. */
const MAX_FORM_BYTES = 16_384;
const ROOT = "/-/console";

export function createConsole({ authorize, now, files, data }: ConsoleOptions): ConsolePage {
  const guard = createSignInGuard(now);
  const serveFile = createFileDesk(files);

  function withSession(request: Request): Request {
    if (request.method !== "GET" && request.method !== "HEAD") return request;
    const token = readSession(request.headers.get("cookie"), isSecure(request));
    if (token === null || !isOwnReading(request) || CREDENTIAL_SLOTS.some((slot) => request.headers.has(slot))) return request;
    const headers = new Headers(request.headers);
    headers.set("authorization", `Bearer ${token}`);
    return new Request(request.url, { method: request.method, headers });
  }

  async function isOperator(request: Request): Promise<boolean> {
    return authorize(headerListOf(withSession(request).headers), authorityOf(request));
  }

  async function page(request: Request): Promise<Response> {
    if (await isOperator(request)) return html(pageText(), 200);
    const site = request.headers.get("sec-fetch-site");
    // Over plain HTTP a browser does not say whether another site led here.
    return html(signInText(null, site !== "same-origin" && site !== "none"), 401);
  }

  async function signIn(request: Request): Promise<Response> {
    if (!isOwnForm(request)) return html(signInText("The form was sent by another page. Sign in here.", false), 403);
    if (!/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(request.headers.get("content-type") ?? ""))
      return html(signInText("The form was not sent as a form.", false), 415);
    const form = await readBodyWithin(request, MAX_FORM_BYTES);
    if (form === null) return html(signInText("The form is too large.", false), 413);
    const token = (new URLSearchParams(toText(form)).get("token") ?? "").trim();
    const fault = tokenFault(token);
    if (fault !== null) return html(signInText(fault, false), 400);
    const wait = guard.take();
    if (wait !== null) return html(signInText(`Too many tries. Wait ${wait} s.`, false), 429, { "retry-after": `${wait}` });
    if (!(await authorize(["authorization", `Bearer ${token}`], authorityOf(request))))
      return html(signInText("This token is not one of the Gateway's own namespace, or it cannot be checked now.", false), 401);
    guard.giveBack();
    return toPage({ "set-cookie": sessionCookie(token, isSecure(request)) });
  }

  async function answerGet(path: string, request: Request, place: BrokerPlace): Promise<Response> {
    if (path === ROOT) return page(request);
    if (path === `${ROOT}/`) return toPage({});
    if (path === `${ROOT}/script.js`) return serveFile("script.js", request);
    if (path === `${ROOT}/style.css`) return serveFile("style.css", request);
    const read = path === `${ROOT}/state` ? data.state : path === `${ROOT}/proof` ? data.proof : null;
    if (read === null) return plain("no such page of the broker\n", 404);
    if (!(await isOperator(request))) return plain("sign in at /-/console\n", 401, { "x-egress-error": "identity_rejected" });
    return new Response(JSON.stringify(await read(place)), { headers: privateHeaders({ "content-type": "application/json" }) });
  }

  async function answerPost(path: string, request: Request): Promise<Response> {
    if (path === `${ROOT}/session`) return signIn(request);
    if (path !== `${ROOT}/sign-out`) return plain("no such page of the broker\n", 404);
    if (!isOwnForm(request)) return plain("the form was sent by another page\n", 403);
    return toPage({ "set-cookie": endedSession(isSecure(request)) });
  }

  return {
    withSession,
    answer: async (request, place) => {
      const path = new URL(request.url).pathname;
      if (request.method === "GET") return answerGet(path, request, place);
      if (request.method === "HEAD") {
        const { status, headers, body } = await answerGet(path, request, place);
        await body?.cancel();
        return new Response(null, { status, headers });
      }
      if (request.method === "POST") return answerPost(path, request);
      return plain("this page is read with GET\n", 405, { allow: "GET, HEAD, POST" });
    },
  };
}

function html(text: string, status: number, more: Readonly<Record<string, string>> = {}): Response {
  return new Response(text, { status, headers: privateHeaders({ "content-type": "text/html; charset=utf-8", ...more }) });
}

function plain(text: string, status: number, more: Readonly<Record<string, string>> = {}): Response {
  return new Response(text, { status, headers: privateHeaders({ "content-type": "text/plain; charset=utf-8", ...more }) });
}

/** 303: a browser then asks with GET, and loading the page again sends no form a second time. */
function toPage(more: Readonly<Record<string, string>>): Response {
  return new Response(null, { status: 303, headers: privateHeaders({ location: ROOT, ...more }) });
}
