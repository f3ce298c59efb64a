import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VECTORS } from "./cases.ts";
import { compare } from "./compare.ts";
import { lawsOf } from "./laws.ts";
import { manifestsOfVectors, secretsOfVectors } from "./manifests.ts";
import { type RawAnswer, sendRaw } from "./raw-client.ts";
import { requestBytes } from "./request-bytes.ts";
import { createTokens, type Tokens } from "./tokens.ts";
import { expectationOn, type Platform, type Vector } from "./vector.ts";
import { startWorld, type World } from "./world.ts";

/** A copy may arrive after the answer. */
const COPY_MS = 10_000;

/** A broker of one platform, ready to be called over HTTP/1.1. */
export interface VectorBroker {
  readonly port: number;
  stop(): Promise<unknown>;
}

export interface VectorWorld {
  readonly manifests: string;
  /** Variables, or bindings, of the broker. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly port: number;
}

/** Plays every case against the broker of a platform. */
export function playVectors(platform: Platform, start: (world: VectorWorld) => Promise<VectorBroker>): void {
  let tokens: Tokens;
  let world: World;
  let broker: VectorBroker;

  beforeAll(async () => {
    tokens = createTokens();
    world = await startWorld();
    broker = await start({ manifests: manifestsOfVectors(platform, world.port, tokens.jwks), secrets: secretsOfVectors(), port: world.port });
  });
  afterAll(async () => {
    await broker?.stop();
    await world?.close();
  });

  describe.concurrent(`vectors on ${platform}`, () => {
    for (const vector of VECTORS) {
      it(`${vector.area}: ${vector.name}`, async () => {
        const faults = await play(platform, vector, tokens, world, broker.port);
        if (faults.length > 0) expect.fail(faults.join("\n"));
      });
    }
  });
}

async function play(platform: Platform, vector: Vector, tokens: Tokens, world: World, port: number): Promise<readonly string[]> {
  const id = crypto.randomUUID();
  const filled = fillIn(vector, (name) => (name === "port" ? String(world.port) : name === "case" ? id : (tokens.byName[name.replace(/^jwt /, "")] ?? name)));
  const scene = world.open(id, filled.world ?? {});
  for (const request of filled.before ?? []) {
    const { bytes, head } = requestBytes(request, id);
    await sendRaw(port, bytes, head, () => {});
  }
  const { bytes, head } = requestBytes(filled.request, id);
  const answer: RawAnswer = await sendRaw(port, bytes, head, (body) => {
    scene.delivered = body;
    for (const look of [...scene.waiting]) look();
  });
  const expected = expectationOn(platform, filled);
  const late = () => (expected.copies ?? []).some((copy) => !scene.seen.some(({ backend }) => backend === copy.backend));
  for (const until = performance.now() + COPY_MS; late() && performance.now() < until; ) await new Promise((resolve) => setTimeout(resolve, 10));
  return [...compare(expected, answer, scene.seen), ...lawsOf(answer, scene.seen)];
}

/** The vector with every `{{name}}` replaced. */
function fillIn(vector: Vector, textFor: (name: string) => string): Vector {
  const text = JSON.stringify(vector).replace(/\{\{([a-z -]+)\}\}/g, (_all, name: string) => JSON.stringify(textFor(name)).slice(1, -1));
  return JSON.parse(text) as Vector; // the same members with other texts
}
