import type { ConformanceCase } from "./conformance-cases.ts";
import { call } from "./conformance-check.ts";
import type { EchoWorld } from "./conformance-echo.ts";
import { member, type RawManifest } from "./conformance-world.ts";

/** As in the suite: so many calls, within so much of the share, in so many tries. */
const CALLS = 500;
const TOLERANCE = 0.05;
const TRIES = 10;
const AT_ONCE = 20;
/** A mirror may arrive after the answer. */
const MIRROR_MS = 2_000;

/** Shares of the answers by Service, against the weights of the one rule of the test. */
export async function weightDifferences(url: string, one: ConformanceCase, manifests: readonly RawManifest[]): Promise<readonly string[]> {
  const refs = Object.values(
    member(
      manifests.find((manifest) => manifest["kind"] === "HTTPRoute"),
      "spec",
      "rules",
      "0",
      "backendRefs",
    ),
  ).map((ref) => member(ref));
  const weights = refs.map((ref) => ({ name: String(ref["name"]), weight: Number(ref["weight"] ?? 1) }));
  const total = weights.reduce((sum, { weight }) => sum + weight, 0);
  return repeatedly(async () => {
    const pods: string[] = [];
    await spread(CALLS, async () => {
      pods.push((await call(url, one)).echoed?.pod ?? "nobody");
    });
    return weights.flatMap(({ name, weight }) => {
      const share = pods.filter((pod) => pod.startsWith(name)).length / CALLS;
      const wanted = weight / total;
      const off = weight === 0 ? share > 0 : Math.abs(share - wanted) > TOLERANCE;
      return off ? [`${name} had ${share} of the calls, not ${wanted}`] : [];
    });
  });
}

/** What the mirrored Services received: every call, or the share that the case names. */
export async function mirrorDifferences(url: string, one: ConformanceCase, echoes: EchoWorld): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const { BackendRef, Percent } of one.MirroredTo ?? []) {
    const calls = Percent === undefined ? 1 : CALLS;
    faults.push(
      ...(await repeatedly(async () => {
        echoes.forget();
        await spread(calls, async () => void (await call(url, one)));
        const copies = () => echoes.received().filter(({ pod, path }) => pod.startsWith(BackendRef.Name) && path === one.Request.Path).length;
        const wanted = Percent === undefined ? 1 : Percent / 100;
        const fits = () => Math.abs(copies() / calls - wanted) <= (Percent === undefined ? 0 : TOLERANCE);
        for (const until = performance.now() + MIRROR_MS; !fits() && performance.now() < until; ) await new Promise((resolve) => setTimeout(resolve, 20));
        return fits() ? [] : [`${BackendRef.Name} received ${copies()} copies of ${calls} calls, not ${wanted * calls}`];
      })),
    );
  }
  return faults;
}

async function repeatedly(check: () => Promise<readonly string[]>): Promise<readonly string[]> {
  let faults: readonly string[] = [];
  for (let left = TRIES; left > 0; left -= 1) {
    faults = await check();
    if (faults.length === 0) return [];
  }
  return faults;
}

async function spread(times: number, work: () => Promise<void>): Promise<void> {
  for (let done = 0; done < times; done += AT_ONCE) await Promise.all(Array.from({ length: Math.min(AT_ONCE, times - done) }, work));
}
