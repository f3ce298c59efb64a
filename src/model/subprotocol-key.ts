/**
 * What a subprotocol of a WebSocket handshake means to the broker: a browser cannot set headers of a WebSocket, so SDKs put the key, and what
 * belongs to the key's account, among the subprotocols (OpenAI's realtime API, the Kubernetes API server).
 */
export type SubprotocolMeaning =
  /** `token` is null where it cannot be read. */
  { readonly kind: "credential"; readonly token: string | null } | { readonly kind: "account" } | { readonly kind: "plain" };

const OPENAI_KEY = "openai-insecure-api-key.";
const OPENAI_ACCOUNT: readonly string[] = ["openai-organization.", "openai-project."];
/** The token in base64url without padding. */
const KUBERNETES_KEY = "base64url.bearer.authorization.k8s.io.";

const PLAIN: SubprotocolMeaning = { kind: "plain" };

/** Reads one subprotocol. One list: read by identity, removed before sending. */
export function meaningOfSubprotocol(protocol: string): SubprotocolMeaning {
  if (protocol.startsWith(OPENAI_KEY)) return { kind: "credential", token: protocol.slice(OPENAI_KEY.length) };
  if (protocol.startsWith(KUBERNETES_KEY)) return { kind: "credential", token: fromBase64Url(protocol.slice(KUBERNETES_KEY.length)) };
  return OPENAI_ACCOUNT.some((prefix) => protocol.startsWith(prefix)) ? { kind: "account" } : PLAIN;
}

function fromBase64Url(text: string): string | null {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return null;
  try {
    return atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    // A length that base64 cannot have.
    return null;
  }
}

/** The one token in a list of subprotocols, as the header holds it; empty where there is none. */
export function tokenInSubprotocols(list: string): string {
  for (const protocol of list.split(",")) {
    const meaning = meaningOfSubprotocol(protocol.trim());
    if (meaning.kind === "credential" && meaning.token !== null) return meaning.token;
  }
  return "";
}
