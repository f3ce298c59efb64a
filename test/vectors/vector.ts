/** What a case is about. */
export const AREAS = ["routing", "identity", "credentials", "failover", "streaming", "refusal", "headers", "errors", "body", "limits"] as const;
export type Area = (typeof AREAS)[number];

/** Platforms that may name a difference; Node is what the others are compared with. */
export type OtherPlatform = "workers" | "lambda";
export type Platform = "node" | OtherPlatform;

/**
 * One call and all that must come of it, as data. Texts may hold `{{port}}` (of the world), `{{jwt NAME}}` (a token of `tokens.ts`)
 * and, in a raw request, `{{case}}`.
 */
export interface Vector {
  readonly name: string;
  readonly area: Area;
  /** Calls that are made first, one after the other; their answers are not looked at. */
  readonly before?: readonly VectorRequest[];
  readonly request: VectorRequest;
  /** By backend: what it does at its first call, its second and so on; the last one stays. Left out: it answers well. */
  readonly world?: Readonly<Record<string, readonly Act[]>>;
  readonly expect: Expectation;
  /** What a platform does in another way; the members stand in for those of `expect`. */
  readonly differs?: { readonly [platform in OtherPlatform]?: { readonly why: string; readonly expect: Partial<Expectation> } };
}

export interface VectorRequest {
  /** Default GET, or POST where there is a body. */
  readonly method?: string;
  readonly target: string;
  /** Default `egress.example`. */
  readonly host?: string;
  /** Whose token goes along as `Authorization: Bearer`; default `a`, the assistant of team-a. */
  readonly as?: "a" | "b" | "nobody";
  /** Flat list, `[name, value, …]`. */
  readonly headers?: readonly string[];
  /** Text, `{json}` (with its content type), or so many bytes. */
  readonly body?: string | { readonly json: unknown } | { readonly fill: number };
  /** Sends the body in chunks of so many bytes instead of declaring its length. */
  readonly chunked?: number;
  /** Everything that is sent, in place of what the members above would make. */
  readonly raw?: string;
}

/** What a backend does with one call. `break`: cuts the connection without an answer. `hang`: never answers. */
export type Act = "break" | "hang" | Answer;

export interface Answer {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: readonly string[];
  /** Written one by one. */
  readonly chunks?: readonly string[];
  /** A body of so many bytes instead of chunks. */
  readonly fill?: number;
  /** The body is compressed, whatever the headers say. */
  readonly gzip?: boolean;
  /** Each chunk waits until the caller has the one before. */
  readonly paced?: boolean;
  /** How the body ends: `whole`; `break`: the connection is cut; `silence`: nothing more comes. Default `whole`. */
  readonly end?: "whole" | "break" | "silence";
  /** Declares this length, whatever is sent; left out: chunks. */
  readonly length?: number;
  /** Bytes that are written in place of an answer; then the connection is closed. */
  readonly raw?: string;
}

/** A header: one value (several fields count as one value with commas), none, exactly these fields, or a pattern of the whole value. */
export type HeaderExpectation = string | null | readonly string[] | { readonly like: string };

/** A body: this text, or all that is named. */
export type BodyExpectation = string | BodyFacts;

export interface BodyFacts {
  /** A part of the JSON document. */
  readonly json?: unknown;
  readonly bytes?: number;
  readonly has?: readonly string[];
  readonly lacks?: readonly string[];
  /** Its text when it is inflated. */
  readonly inflated?: string;
}

export interface Expectation {
  readonly status: number;
  readonly headers?: Readonly<Record<string, HeaderExpectation>>;
  readonly body?: BodyExpectation;
  /** False: the answer's framing must tell that it broke off. Default true. */
  readonly whole?: boolean;
  /** The calls that arrived in the world, in order, those of `before` too: the backend's name, or what it saw. */
  readonly upstream: readonly (string | SeenExpectation)[];
  /** Copies of the call that mirrors get: they may come at any time beside it, and none may be missing. */
  readonly copies?: readonly SeenExpectation[];
}

export interface SeenExpectation {
  readonly backend: string;
  readonly method?: string;
  readonly target?: string;
  readonly headers?: Readonly<Record<string, HeaderExpectation>>;
  readonly body?: BodyExpectation;
}

/** What a platform has to answer. */
export function expectationOn(platform: Platform, vector: Vector): Expectation {
  const difference = platform === "node" ? undefined : vector.differs?.[platform];
  return difference === undefined ? vector.expect : { ...vector.expect, ...difference.expect };
}
