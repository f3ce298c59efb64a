import { useEffect, useRef, useState } from "preact/hooks";

/** Data that are read again and again. What was read last stays when a reading fails: the page then says how old it is. */
export interface Reading<Value> {
  readonly value: Value | null;
  /** When `value` was read, milliseconds since the epoch; null: never. */
  readonly at: number | null;
  /** Why the last reading failed; null: it did not. */
  readonly fault: string | null;
}

interface HeldReading<Value> {
  readonly path: string;
  readonly reading: Reading<Value>;
}

const NOTHING = { value: null, at: null, fault: null };
const EVERY_MS = 10_000;
const PATIENCE_MS = 15_000;

/** Reads JSON at once, every ten seconds while the page is seen and `paused` is not, and whenever `turn` changes. */
export function useData<Value>(path: string, paused: boolean, turn: number): Reading<Value> {
  const [held, setHeld] = useState<HeldReading<Value> | null>(null);
  const latest = useRef<HeldReading<Value> | null>(null);
  useEffect(() => {
    const leaving = new AbortController();
    let timer = 0;
    const look = async (): Promise<void> => {
      clearTimeout(timer);
      if (!document.hidden) {
        const last = latest.current?.path === path ? latest.current.reading : NOTHING;
        const reading = await readOnce<Value>(path, last, leaving.signal);
        if (leaving.signal.aborted) return;
        latest.current = { path, reading };
        setHeld(latest.current);
      }
      if (!paused) timer = setTimeout(look, EVERY_MS);
    };
    const onSeen = (): void => {
      if (!document.hidden && !paused) void look();
    };
    void look();
    document.addEventListener("visibilitychange", onSeen);
    return () => {
      leaving.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onSeen);
    };
  }, [path, paused, turn]);
  // What another path has answered is not shown under this one's name.
  return held?.path === path ? held.reading : NOTHING;
}

async function readOnce<Value>(path: string, last: Reading<Value>, leaving: AbortSignal): Promise<Reading<Value>> {
  try {
    const answer = await fetch(path, { headers: { accept: "application/json" }, signal: AbortSignal.any([leaving, AbortSignal.timeout(PATIENCE_MS)]) });
    if (answer.status === 401) {
      // The session is over: the same address now answers with the form.
      location.reload();
      return { ...last, fault: "The session has ended." };
    }
    if (!answer.ok) return { ...last, fault: await whyNot(answer) };
    const value = (await answer.json()) as Value; // the broker that served this page made it
    return { value, at: Date.now(), fault: null };
  } catch {
    return { ...last, fault: "The broker does not answer." };
  }
}

async function whyNot(answer: Response): Promise<string> {
  if (answer.status === 404) return "This broker keeps no such data: it has no store for them.";
  const body: unknown = await answer.json().catch(() => null);
  const detail = typeof body === "object" && body !== null && "detail" in body ? body.detail : null;
  return typeof detail === "string" ? detail : `The broker answered ${answer.status}.`;
}
