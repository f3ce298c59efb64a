import type { Call } from "./calls.ts";
import type { Reply } from "./client.ts";
import type { Instance } from "./instance.ts";
import type { SoakWorld } from "./world.ts";

/** A call that did not get its whole answer, with what has to be explained. */
export interface Complaint {
  readonly call: Call;
  readonly reply: Reply;
  readonly instance: Instance;
  /** Milliseconds of our monotonic clock at which the call began. */
  readonly began: number;
}

/** Something that breaks, and what a caller may notice of it. */
export interface Fault {
  readonly name: string;
  /** Two of the same group are never on together. */
  readonly group: "destinations" | "stores" | "telemetry" | "configuration" | "clock" | "process";
  /** How long after its end a caller may still notice it, in milliseconds. */
  readonly graceMs: number;
  begin(): Promise<void>;
  end(): Promise<void>;
  /** Whether this fault accounts for the complaint. Most account for none: nobody may notice them. */
  explains(complaint: Complaint): boolean;
}

const UPSTREAM_STATUS: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504, 529]);

/** A failed destination shows as an error of its own or of ours about it, or as a stream that breaks off. */
function isDestinations({ reply }: Complaint): boolean {
  if (reply.status === null) return false;
  if (reply.status === 200) return reply.end === "cut" || /"error"|event: error/.test(reply.text);
  return UPSTREAM_STATUS.has(reply.status) && (reply.code === null || reply.code.startsWith("upstream_"));
}

const nothing = () => false;

/** All faults of the soak. `instances[0]` lives through all of it; the last one is ended and begins again. */
export function soakFaults(world: SoakWorld): readonly Fault[] {
  const { upstreams, secrets, redis, issuer, collector, sink, instances } = world;
  const mortal = instances.at(-1);
  if (mortal === undefined) return [];
  /** A fault that is on as long as a switch is. */
  const onOff = (name: string, group: Fault["group"], graceMs: number, set: (on: boolean) => void, explains: Fault["explains"]): Fault => ({
    name,
    group,
    graceMs,
    begin: async () => set(true),
    end: async () => set(false),
    explains,
  });
  const stores: Fault[] = (["500", "garbage", "hang"] as const).map((mode) =>
    onOff(`secret store: ${mode}`, "stores", 0, (on) => Object.assign(secrets, { mode: on ? mode : "ok" }), nothing),
  );
  if (redis !== null) {
    const isCounted = ({ call, reply }: Complaint) => {
      const { onStoreFailure } = call.tenant;
      return (onStoreFailure === "FailClosed" && reply.code === "limits_unavailable") || (onStoreFailure === "Local" && reply.code === "limit_exceeded");
    };
    stores.push(onOff("limit store silent", "stores", 5_000, (on) => redis.freeze(on), isCounted));
    stores.push({ name: "limit store down", group: "stores", graceMs: 6_000, begin: () => redis.kill(), end: () => redis.start(), explains: isCounted });
  }
  const shift = async (shiftMs: number) => {
    await Promise.all(instances.map((instance) => instance.ask(shiftMs)));
  };
  const clock = (ms: number, explains: Fault["explains"]): Fault => ({
    name: `clock ${ms > 0 ? "ahead" : "behind"} by ${Math.abs(ms) / 1_000} s`,
    group: "clock",
    graceMs: 2_000,
    begin: () => shift(ms),
    end: () => shift(0),
    explains,
  });
  const isToken = ({ call, reply }: Complaint) => call.tenant.proof === "token" && reply.code === "identity_rejected";
  const reloads = (how: "good" | "huge" | "wrong", everyMs: number): Fault => {
    let timer: NodeJS.Timeout | null = null;
    return {
      name: `configuration: ${how}`,
      group: "configuration",
      graceMs: 0,
      begin: async () => {
        world.configure(how);
        timer = setInterval(() => world.configure(how), everyMs);
      },
      end: async () => {
        if (timer !== null) clearInterval(timer);
        world.configure("good");
      },
      explains: nothing,
    };
  };
  let goneAt = 0;
  const ends = (name: string, end: () => Promise<unknown>, explains: Fault["explains"]): Fault => ({
    name,
    group: "process",
    graceMs: 0,
    begin: async () => {
      goneAt = performance.now();
      await end();
    },
    end: async () => {
      await mortal.start();
      await world.warm(mortal);
    },
    explains: (complaint) => complaint.instance === mortal && explains(complaint),
  });

  return [
    ...(["slow", "failing", "dying", "lying", "hanging"] as const).map((mood) =>
      onOff(`first destination: ${mood}`, "destinations", 6_000, (on) => upstreams.set("primary", on ? mood : null, 0.6), isDestinations),
    ),
    onOff("first destination: all calls fail", "destinations", 6_000, (on) => upstreams.set("primary", on ? "failing" : null, 1), isDestinations),
    onOff(
      "all destinations: dying",
      "destinations",
      8_000,
      (on) => {
        for (const role of ["primary", "second", "files"] as const) upstreams.set(role, on ? "dying" : null, 0.4);
      },
      isDestinations,
    ),
    ...stores,
    { name: "keys rotate, both good", group: "stores", graceMs: 0, begin: async () => world.rotate(false), end: async () => world.revoke(), explains: nothing },
    {
      name: "keys rotate, the old one revoked",
      group: "stores",
      graceMs: 0,
      begin: async () => world.rotate(true),
      end: async () => {},
      // Its bytes are gone when the destination says no.
      explains: ({ call, reply }) => call.kind === "large-upload" && reply.code === "upstream_auth",
    },
    onOff("issuer down", "stores", 0, (on) => Object.assign(issuer, { mood: on ? "refuse" : "well" }), nothing),
    onOff("collector refuses", "telemetry", 0, (on) => Object.assign(collector, { mood: on ? "refuse" : "well" }), nothing),
    onOff("collector silent", "telemetry", 0, (on) => Object.assign(collector, { mood: on ? "hang" : "well" }), nothing),
    onOff("event sink silent", "telemetry", 0, (on) => Object.assign(sink, { mood: on ? "hang" : "well" }), nothing),
    reloads("good", 400),
    reloads("wrong", 400),
    reloads("huge", 2_000),
    clock(25_000, nothing),
    clock(-25_000, nothing),
    clock(3_600_000, isToken),
    clock(-3_600_000, isToken),
    // What was on its way when the signal came may be refused; what was taken before may not.
    ends(
      "SIGTERM",
      () => mortal.terminate(),
      ({ reply, began }) => began > goneAt - 500 && (reply.code === "not_ready" || reply.status === null),
    ),
    ends(
      "SIGKILL",
      () => mortal.kill(),
      ({ reply }) => reply.end === "cut",
    ),
  ];
}
