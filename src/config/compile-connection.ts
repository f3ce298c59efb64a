import { type BackendTimeouts, type ConcurrencyRule, type DnsProfile, PLAIN_DNS } from "../model/backend.ts";
import type { TransportFeature } from "../model/ports.ts";
import { compileRevocation } from "./compile-revocation.ts";
import type { TlsDemands } from "./compile-tls.ts";
import { durationMs } from "./duration.ts";
import type { LinkContext, Unresolved } from "./link-context.ts";
import type { ManifestOf } from "./manifest-set.ts";

/** What a BackendConnectionPolicy, or its absence, says of a connection. */
export interface ConnectionPlan {
  readonly timeouts: BackendTimeouts;
  readonly dns: DnsProfile;
  readonly tls: TlsDemands;
  readonly concurrency: ConcurrencyRule | null;
  /** What the platform must be able to do for this. */
  readonly needs: readonly ConnectionNeed[];
  /** A revocation list that cannot be had; null: none. The backend then is not used. */
  readonly unresolved: Unresolved | null;
}

interface ConnectionNeed {
  readonly feature: TransportFeature;
  readonly field: string;
}

type Spec = ManifestOf<"BackendConnectionPolicy">["body"]["spec"];

const DEFAULT_BACKEND_TIMEOUTS: BackendTimeouts = { connectMs: 3_000, firstByteMs: 20_000, streamIdleMs: 30_000 };
const DEFAULT_TLS: TlsDemands = { minVersion: "TLSv1.2", pins: [], crl: null };

export function compileConnection(context: LinkContext, policy: ManifestOf<"BackendConnectionPolicy"> | undefined): ConnectionPlan {
  if (policy === undefined) return { timeouts: DEFAULT_BACKEND_TIMEOUTS, dns: PLAIN_DNS, tls: DEFAULT_TLS, concurrency: null, needs: [], unresolved: null };
  const { mode, timeouts, dns, tls, concurrency } = policy.body.spec;
  // A parent may wait for one destination after another before it answers: its own limits are the ones that count.
  const firstByteMs = mode === "Parent" ? null : DEFAULT_BACKEND_TIMEOUTS.firstByteMs;
  const revocation = compileRevocation(context, policy);
  return {
    timeouts: {
      connectMs: timeouts === undefined ? DEFAULT_BACKEND_TIMEOUTS.connectMs : durationMs(timeouts.connect),
      firstByteMs: timeouts?.firstByte === undefined ? firstByteMs : zeroIsOff(timeouts.firstByte),
      streamIdleMs: timeouts === undefined ? DEFAULT_BACKEND_TIMEOUTS.streamIdleMs : zeroIsOff(timeouts.streamIdle),
    },
    dns:
      dns === undefined
        ? PLAIN_DNS
        : {
            addresses: dns.addresses ?? [],
            allowCIDRs: dns.allowCIDRs ?? [],
            denyCIDRs: dns.denyCIDRs ?? [],
            onlyCIDRs: dns.onlyCIDRs ?? [],
            pinForMs: dns.pinFor === undefined ? null : durationMs(dns.pinFor),
            reverseNames: dns.reverseNames ?? [],
            resolvers: dns.resolvers ?? [],
            staleForMs: dns.staleFor === undefined ? PLAIN_DNS.staleForMs : durationMs(dns.staleFor),
          },
    tls: {
      minVersion: tls?.minVersion === "1.3" ? "TLSv1.3" : "TLSv1.2",
      pins: (tls?.pins ?? []).map((pin) => pin.slice("sha256/".length)),
      crl: revocation.ok ? revocation.value : null,
    },
    concurrency: concurrency ?? null,
    needs: needsOf(policy.body.spec),
    unresolved: revocation.ok ? null : revocation,
  };
}

/** A platform that makes its own look-up and its own handshake (Workers) can do none of this. */
function needsOf({ dns, tls }: Spec): readonly ConnectionNeed[] {
  const needs: ConnectionNeed[] = [];
  const need = (feature: TransportFeature, field: string, asked: boolean): void => {
    if (asked) needs.push({ feature, field });
  };
  need("dns-pin", "dns.addresses", dns?.addresses !== undefined);
  need("dns-pin", "dns.pinFor", dns?.pinFor !== undefined);
  need("dns-pin", "dns.staleFor", dns?.staleFor !== undefined);
  // An empty list asks for nothing.
  for (const field of ["allowCIDRs", "denyCIDRs", "onlyCIDRs", "reverseNames", "resolvers"] as const) {
    need("dns-guard", `dns.${field}`, (dns?.[field]?.length ?? 0) > 0);
  }
  need("custom-ca", "tls.minVersion", tls?.minVersion === "1.3");
  need("spki-pin", "tls.pins", tls?.pins !== undefined);
  need("crl", "tls.crl", tls?.crl !== undefined);
  return needs;
}

function zeroIsOff(duration: string): number | null {
  const ms = durationMs(duration);
  return ms === 0 ? null : ms;
}
