import type { Clock, Random } from "../../src/index.ts";
import type { ApiClient } from "./api-client.ts";
import { pause } from "./backoff.ts";
import type { KubeObject } from "./kube-object.ts";
import type { NamedReferences } from "./named-references.ts";
import { type Reflector, startReflector } from "./reflector.ts";
import { CONFIG_MAP_KIND, SECRET_KIND } from "./resource-kinds.ts";

export interface NamedObjectsOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly onChange: () => void;
  readonly onTrouble: (message: string, error: null) => void;
  readonly signal: AbortSignal;
}

/** The Secrets and ConfigMaps that manifests name, each followed by itself: a Role can allow exactly these (`resourceNames`). */
export interface NamedObjects {
  /** Follows these from now on, and no others. */
  follow(references: NamedReferences): void;
  /** True when each has been answered for: it is there, it is not, or the account may not read it. */
  settled(): boolean;
  objects(kind: "Secret" | "ConfigMap"): ReadonlyMap<string, KubeObject>;
}

/** Each costs a connection to the API server. Beyond it a Secret is looked for in the mounted folder, and a ConfigMap is not found. */
const MAX_NAMED = 200;
/** An answer takes this long at most; then what is known counts, and the rest comes later. */
const PATIENCE_MS = 5_000;

interface Followed {
  readonly reflector: Reflector;
  readonly stop: AbortController;
  readonly since: number;
}

export function createNamedObjects(options: NamedObjectsOptions): NamedObjects {
  const followed = new Map<string, Followed>();
  let isFull = false;

  function start(kind: "Secret" | "ConfigMap", id: string): Followed {
    const [namespace = "", name = ""] = id.split("/");
    const stop = new AbortController();
    const { client, clock, random, onChange, signal } = options;
    const ended = AbortSignal.any([signal, stop.signal]);
    const reflector = startReflector({
      client,
      clock,
      random,
      selection: { kind: kind === "Secret" ? SECRET_KIND : CONFIG_MAP_KIND, only: { namespace, name } },
      onChange: () => onChange(),
      onTrouble: (message, error) => {
        // That there is no answer at all is told once, by the kinds that are listed.
        if (message === null || error?.status === 0) return;
        const advice = kind === "Secret" ? "; it is read from the mounted folder, if it is there" : "";
        options.onTrouble(`${kind} ${id}: ${message}${advice}`, null);
      },
      signal: ended,
    });
    // What never answers must not hold up everything else.
    void pause(clock, PATIENCE_MS, ended).then(onChange);
    return { reflector, stop, since: clock.monotonic() };
  }

  return {
    follow(references) {
      const wanted = new Map<string, { readonly kind: "Secret" | "ConfigMap"; readonly id: string }>();
      for (const kind of ["Secret", "ConfigMap"] as const) for (const id of references[kind]) wanted.set(`${kind}/${id}`, { kind, id });
      for (const [key, { stop }] of followed) {
        if (wanted.has(key)) continue;
        stop.abort();
        followed.delete(key);
      }
      for (const [key, { kind, id }] of wanted) {
        if (followed.has(key)) continue;
        if (followed.size >= MAX_NAMED) {
          if (!isFull) options.onTrouble(`the manifests name more than ${MAX_NAMED} Secrets and ConfigMaps: the others are not read from the cluster`, null);
          isFull = true;
          break;
        }
        followed.set(key, start(kind, id));
      }
    },
    settled: () => {
      const now = options.clock.monotonic();
      return [...followed.values()].every(({ reflector, since }) => reflector.state() !== "pending" || now - since >= PATIENCE_MS);
    },
    objects(kind) {
      const all = [...followed.values()].filter(({ reflector }) => reflector.selection.kind.kind === kind);
      return new Map(all.flatMap(({ reflector }) => [...reflector.objects()]));
    },
  };
}
