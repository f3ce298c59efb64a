import { type TokenReview, TokenReviewError, type TokenReviewer } from "../../src/index.ts";
import type { ApiClient } from "./api-client.ts";
import { KubernetesApiError } from "./api-error.ts";
import { isRecord } from "./kube-object.ts";

/** Shorter than the client's own: a caller waits for it. */
const REVIEW_MS = 5_000;
const ASKED = { verb: "create", resource: "tokenreviews.authentication.k8s.io", namespace: null } as const;

/** Asks the API server of the broker's own cluster, as the broker's account. The client loads, and the cluster is looked for, with the first question. */
export function createTokenReviewer(environment: Readonly<Record<string, string | undefined>>): TokenReviewer {
  let opening: Promise<ApiClient> | null = null;

  function client(): Promise<ApiClient> {
    opening ??= import("./api-client.ts")
      .then(({ openApiClient }) => openApiClient(environment))
      .catch((error: unknown) => {
        // A token or a kubeconfig may be mounted later.
        opening = null;
        throw error;
      });
    return opening;
  }

  return {
    async review(token, audiences, signal) {
      const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token, audiences } };
      try {
        const api = await client();
        // From here on: the client is loaded once, and that is nothing that the cluster takes its time for.
        const limit = AbortSignal.any([signal, AbortSignal.timeout(REVIEW_MS)]);
        return readReview(await api.send({ asked: ASKED, method: "POST", path: "/apis/authentication.k8s.io/v1/tokenreviews", body }, limit));
      } catch (error) {
        signal.throwIfAborted();
        throw errorOf(error);
      }
    },
  };
}

/** What is not said counts as a no. */
function readReview(answer: unknown): TokenReview {
  const status = isRecord(answer) ? answer["status"] : undefined;
  if (!isRecord(status)) throw new TokenReviewError("unavailable", "the Kubernetes API gave a TokenReview without a status");
  const user = status["user"];
  const username = isRecord(user) ? user["username"] : undefined;
  const audiences: readonly unknown[] = Array.isArray(status["audiences"]) ? status["audiences"] : [];
  return {
    authenticated: status["authenticated"] === true,
    username: typeof username === "string" ? username : null,
    audiences: audiences.filter((one) => typeof one === "string"),
  };
}

/** Without the cause: what lies below may hold the request, and with it the token. */
function errorOf(error: unknown): TokenReviewError {
  if (error instanceof TokenReviewError) return error;
  if (error instanceof KubernetesApiError) return new TokenReviewError(error.status === 401 || error.status === 403 ? "denied" : "unavailable", error.message);
  if (error instanceof Error && error.name === "TimeoutError")
    return new TokenReviewError("unavailable", `the Kubernetes API did not answer a TokenReview within ${REVIEW_MS / 1_000} s`);
  return new TokenReviewError(
    "unavailable",
    error instanceof Error && error.message.startsWith("no Kubernetes cluster") ? error.message : "the Kubernetes API could not be asked",
  );
}
