import { isRecord } from "./kube-object.ts";

/** The API said no, or gave no proper answer. Its message names verb and resource and never an object's content. */
export class KubernetesApiError extends Error {
  override readonly name = "KubernetesApiError";
  /** 0: there was no answer. */
  readonly status: number;
  /** Seconds that the server asks to wait; null: it did not say. */
  readonly retryAfter: number | null;

  constructor(message: string, status: number, options: ErrorOptions & { readonly retryAfter?: number | null } = {}) {
    super(message, options);
    this.status = status;
    this.retryAfter = options.retryAfter ?? null;
  }
}

/** What was asked of the API, for messages: `list xbackends.gateway.networking.x-k8s.io in the cluster`. */
export interface Asked {
  readonly verb: "get" | "list" | "watch" | "create" | "update" | "patch";
  /** With `/status` where it is the subresource. */
  readonly resource: string;
  readonly namespace: string | null;
}

export function describeAsked({ verb, resource, namespace }: Asked): string {
  return `${verb} ${resource} ${namespace === null ? "in the whole cluster" : `in namespace ${namespace}`}`;
}

/** The error for an answer that is not 2xx. 403 says which permission is missing, in the words that a Role is written with. */
export function errorOfAnswer(status: number, body: string, asked: Asked, retryAfter: string | undefined): KubernetesApiError {
  const seconds = retryAfter !== undefined && /^\d{1,4}$/.test(retryAfter) ? Number(retryAfter) : null;
  const what = describeAsked(asked);
  if (status === 401) return new KubernetesApiError(`the Kubernetes API does not accept this broker's credential (401), asked to ${what}`, status);
  if (status === 403) return new KubernetesApiError(`forbidden: this broker's account may not ${what}; its Role needs the verb ${asked.verb} there`, status);
  const reason = reasonOf(body);
  return new KubernetesApiError(`the Kubernetes API answered ${status}${reason === "" ? "" : ` ${reason}`} when asked to ${what}`, status, {
    retryAfter: seconds,
  });
}

/** `reason` of a Status object, such as `AlreadyExists`; its message may quote the object and is left out. */
function reasonOf(body: string): string {
  try {
    const status: unknown = JSON.parse(body);
    const reason = isRecord(status) ? status["reason"] : undefined;
    return typeof reason === "string" && /^[A-Za-z]{1,64}$/.test(reason) ? reason : "";
  } catch {
    return "";
  }
}

export function isStatus(error: unknown, status: number): boolean {
  return error instanceof KubernetesApiError && error.status === status;
}
