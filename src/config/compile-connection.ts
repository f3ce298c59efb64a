import type { BackendTimeouts, DnsProfile, TlsProfile } from "../model/backend.ts";
import type { TransportFeature } from "../model/ports.ts";
import { durationMs } from "./duration.ts";
import type { ManifestOf } from "./manifest-set.ts";

/** What a BackendConnectionPolicy, or its absence, says of a connection. */
export interface ConnectionPlan {
  readonly timeouts: BackendTimeouts;
  readonly dns: DnsProfile;
  readonly minVersion: TlsProfile["minVersion"];
  /** What the platform must be able to do for this. */
  readonly needs: readonly { readonly feature: TransportFeature; readonly field: string }[];
}

const DEFAULT_BACKEND_TIMEOUTS: BackendTimeouts = { connectMs: 3_000, firstByteMs: 20_000, streamIdleMs: 30_000 };

export function compileConnection(policy: ManifestOf<"BackendConnectionPolicy"> | undefined): ConnectionPlan {
  if (policy === undefined) return { timeouts: DEFAULT_BACKEND_TIMEOUTS, dns: { addresses: [], allowCIDRs: [] }, minVersion: "TLSv1.2", needs: [] };
  const { timeouts, dns, tls } = policy.body.spec;
  const addresses = dns?.addresses ?? [];
  const allowCIDRs = dns?.allowCIDRs ?? [];
  const needs: { feature: TransportFeature; field: string }[] = [];
  if (addresses.length > 0) needs.push({ feature: "dns-pin", field: "dns.addresses" });
  if (allowCIDRs.length > 0) needs.push({ feature: "dns-guard", field: "dns.allowCIDRs" });
  // A platform that makes its own TLS handshake (Workers) can change neither the roots nor the lowest version.
  if (tls?.minVersion === "1.3") needs.push({ feature: "custom-ca", field: "tls.minVersion" });
  return {
    timeouts: {
      connectMs: timeouts === undefined ? DEFAULT_BACKEND_TIMEOUTS.connectMs : durationMs(timeouts.connect),
      firstByteMs: timeouts === undefined ? DEFAULT_BACKEND_TIMEOUTS.firstByteMs : zeroIsOff(timeouts.firstByte),
      streamIdleMs: timeouts === undefined ? DEFAULT_BACKEND_TIMEOUTS.streamIdleMs : zeroIsOff(timeouts.streamIdle),
    },
    dns: { addresses, allowCIDRs },
    minVersion: tls?.minVersion === "1.3" ? "TLSv1.3" : "TLSv1.2",
    needs,
  };
}

function zeroIsOff(duration: string): number | null {
  const ms = durationMs(duration);
  return ms === 0 ? null : ms;
}
