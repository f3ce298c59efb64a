import type { EgressEvent } from "../../src/index.ts";

/** What a Kubernetes Event tells of one of the broker's own events. */
export interface KubeEventNote {
  /** What it is about. */
  readonly kind: "HTTPRoute" | "Gateway" | "XBackend" | "Service" | "SecretSource" | "Secret";
  readonly namespace: string;
  readonly name: string;
  readonly type: "Normal" | "Warning";
  /** Why, for machines, such as `EgressDenied`. */
  readonly reason: string;
  /** The same more closely, such as `RegionDenied`. */
  readonly action: string;
  /** For people; no secret and nothing that a caller or an upstream wrote. */
  readonly note: string;
}

/** By refusal code; what is not here is told by its code in CamelCase. */
const ACTIONS: Readonly<Record<string, string>> = {
  region_locked: "RegionDenied",
  egress_loop: "LoopDetected",
  identity_missing: "AccessDenied",
  identity_rejected: "AccessDenied",
};
const MAX_NOTE = 1_024;

/** The Event for a denial or a failure; null: this one is none, or concerns no object of the cluster. */
export function kubeEventOf(event: EgressEvent): KubeEventNote | null {
  const note = draftOf(event);
  return note === null || note.name === "" || note.namespace === "" ? null : { ...note, note: note.note.slice(0, MAX_NOTE) };
}

function draftOf({ type, subject, data }: EgressEvent): KubeEventNote | null {
  switch (type) {
    case "egress.denied": {
      const about = routeOrGateway(textOf(data["route"]), textOf(data["gateway"]));
      if (about === null) return null;
      const code = textOf(data["code"]);
      const isTransform = code === "translation_unsupported";
      const who =
        textOf(data["namespace"]) === "" ? "a caller that has not proved itself" : `${textOf(data["namespace"])}/${textOf(data["serviceAccount"]) || "*"}`;
      const action = isTransform ? "TranslateCall" : (ACTIONS[code] ?? camelCase(code));
      return {
        ...about,
        type: "Warning",
        reason: isTransform ? "TransformFailed" : "EgressDenied",
        action,
        note: `${action}: calls of ${who} are refused (${code})`,
      };
    }
    case "egress.failover": {
      const about = backend(textOf(data["from"]));
      if (about === null) return null;
      const note = `calls go on from ${textOf(data["from"])} to ${textOf(data["to"])}: ${textOf(data["reason"])}`;
      return { ...about, type: "Warning", reason: "BackendFailedOver", action: "FailOver", note };
    }
    case "backend.degraded":
    case "backend.recovered":
    case "backend.untrusted": {
      const about = backend(subject);
      if (about === null) return null;
      if (type === "backend.recovered") return { ...about, type: "Normal", reason: "BackendRecovered", action: "Restore", note: "the backend answers again" };
      const isDegraded = type === "backend.degraded";
      const note = isDegraded ? "the backend fails and gets no calls for a while" : `the backend could not prove who it is: ${textOf(data["reason"])}`;
      return { ...about, type: "Warning", reason: isDegraded ? "BackendDegraded" : "BackendUntrusted", action: isDegraded ? "Evict" : "VerifyPeer", note };
    }
    case "credential.unavailable": {
      const [kind = "", namespace = "", name = ""] = subject.split("/");
      if (kind !== "SecretSource" && kind !== "Secret") return null;
      return {
        kind,
        namespace,
        name,
        type: "Warning",
        reason: "CredentialUnavailable",
        action: "ReadSecret",
        note: "the secret cannot be read from its store",
      };
    }
    case "config.rejected": {
      const reason = textOf(data["reason"]);
      const about = backend(subject);
      if (about !== null) {
        const isCredential = reason === "CredentialUnavailable";
        return {
          ...about,
          type: "Warning",
          reason: isCredential ? reason : "EgressDenied",
          action: isCredential ? "ResolveSecret" : reason,
          note: textOf(data["message"]),
        };
      }
      const [namespace = "", name = "", rule = ""] = subject.split("/");
      if (reason !== "RegionDenied") return null;
      return {
        kind: "HTTPRoute",
        namespace,
        name,
        type: "Warning",
        reason: "EgressDenied",
        action: "RegionDenied",
        note: `rule ${rule}: ${textOf(data["message"])}`,
      };
    }
    default:
      return null;
  }
}

function routeOrGateway(route: string, gateway: string): Pick<KubeEventNote, "kind" | "namespace" | "name"> | null {
  const id = route === "" ? gateway : route;
  const [namespace = "", name = ""] = id.split("/");
  return id === "" ? null : { kind: route === "" ? "Gateway" : "HTTPRoute", namespace, name };
}

/** From a backend's key: `XBackend/team-a/openai`, `Service/team-a/vllm:8000`. */
function backend(key: string): Pick<KubeEventNote, "kind" | "namespace" | "name"> | null {
  const [kind = "", namespace = "", name = ""] = key.split("/");
  return kind === "XBackend" || kind === "Service" ? { kind, namespace, name: name.replace(/:\d+$/, "") } : null;
}

function textOf(value: EgressEvent["data"][string] | undefined): string {
  return typeof value === "string" ? value : "";
}

function camelCase(code: string): string {
  return code.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
