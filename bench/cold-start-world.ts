import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { benchManifests } from "./broker-manifests.ts";
import type { FirstCall } from "./cold-start-sample.ts";
import { SCENES } from "./scenes.ts";

/** What is outside of the rivals: a provider on loopback that also takes telemetry, and the call whose answer is waited for. */
export interface ColdWorld {
  readonly port: number;
  /** Secrets by the name of the variable or binding that holds them. */
  readonly secrets: Readonly<Record<string, string>>;
  /** YAML; `pinned` false where the platform looks names up. */
  manifests(pinned: boolean): string;
  readonly call: FirstCall;
  /** The same with a signed token in place of an API key. */
  readonly signedCall: FirstCall;
  stop(): void;
}

/** Its CPU is not counted: it runs in this process. */
export async function startColdWorld(): Promise<ColdWorld> {
  const [chat] = SCENES;
  const answer = chat?.answerParts[0] ?? "";
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(200, { "content-type": "application/json" }).end(request.url?.includes("chat") ? answer : "{}"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // listening on TCP

  const secrets: Record<string, string> = {};
  const keep = (name: string, value: string) => {
    const variable = name.replaceAll("-", "_").toUpperCase();
    secrets[variable] = value;
    return { env: { name: variable } };
  };
  const pinned = benchManifests(port, keep);
  const call = (token: string): FirstCall => ({
    method: "POST",
    path: "/v1/chat/completions",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: chat?.requestBody ?? "",
    expected: answer,
  });
  const { text } = benchManifests(port, (name) => ({ env: { name: name.replaceAll("-", "_").toUpperCase() } }), false);
  return {
    port,
    secrets,
    manifests: (isPinned) => (isPinned ? pinned.text : text),
    call: call(pinned.tokens["api-key"]),
    signedCall: call(pinned.tokens.jwt),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
