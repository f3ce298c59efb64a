/**
 * CPU time of one compile of a large installation: `node bench/compile.ts`. The bar is 2 s for 5,000 HTTPRoutes in 200 namespaces, with a
 * Service in each. As YAML in block style as people write it, one file a namespace, and as the JSON that a cluster gives.
 */
import { PLATFORMS } from "../adapters/config/platforms.ts";
import { compile } from "../src/compiler.ts";

const NAMESPACES = 200;
const ROUTES_PER_NAMESPACE = 25;

const GATEWAY = [
  { apiVersion: "gateway.networking.k8s.io/v1", kind: "GatewayClass", metadata: { name: "spillway" }, spec: { controllerName: "spillway.dev/broker" } },
  {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "Gateway",
    metadata: { name: "egress", namespace: "egress-system" },
    spec: { gatewayClassName: "spillway", listeners: [{ name: "http", port: 80, protocol: "HTTP", allowedRoutes: { namespaces: { from: "All" } } }] },
  },
];

function namespaceOf(number: number): readonly object[] {
  const namespace = `team-${number}`;
  const routes = Array.from({ length: ROUTES_PER_NAMESPACE }, (_, at) => ({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: `route-${at}`, namespace, labels: { "app.kubernetes.io/name": `app-${at}` } },
    spec: {
      parentRefs: [{ name: "egress", namespace: "egress-system" }],
      hostnames: [`api-${at}.${namespace}.example`],
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: `/v1/service-${at}` }, headers: [{ name: "X-Tier", value: "gold" }] }],
          filters: [{ type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name: "x-route", value: `route-${at}` }] } }],
          backendRefs: [{ name: "inner", port: 8080 }],
          timeouts: { request: "30s" },
        },
      ],
    },
  }));
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    { apiVersion: "v1", kind: "Service", metadata: { name: "inner", namespace }, spec: { ports: [{ port: 8080 }] } },
    ...routes,
  ];
}

/** Block style, two spaces a level. Texts that YAML could take for something else are quoted. */
function yaml(value: unknown, indent = ""): string {
  if (typeof value !== "object" || value === null)
    return typeof value === "string" && !/^[A-Za-z/][\w./-]*$/.test(value) ? JSON.stringify(value) : String(value);
  const deeper = `${indent}  `;
  const part = (item: unknown) => (typeof item === "object" && item !== null ? yaml(item, deeper).replace(/^\n/, "") : yaml(item));
  if (Array.isArray(value)) return `\n${value.map((item) => `${indent}- ${part(item).trimStart()}`).join("\n")}`;
  return `\n${Object.entries(value)
    .map(([key, item]) => `${indent}${key}:${typeof item === "object" && item !== null ? yaml(item, Array.isArray(item) ? indent : deeper) : ` ${yaml(item)}`}`)
    .join("\n")}`;
}

const folders = [GATEWAY, ...Array.from({ length: NAMESPACES }, (_, number) => namespaceOf(number))];
const SHAPES = {
  yaml: folders.map((objects, at) => ({ path: `${at}.yaml`, text: objects.map((object) => yaml(object).trimStart()).join("\n---\n") })),
  json: folders.flatMap((objects, at) => objects.map((object, index) => ({ path: `${at}-${index}.json`, text: JSON.stringify(object) }))),
};
for (const [shape, sources] of Object.entries(SHAPES)) {
  for (const run of ["first", "second"]) {
    const before = process.cpuUsage();
    const compiled = compile(sources, PLATFORMS.knative);
    const { user, system } = process.cpuUsage(before);
    const rules = compiled.snapshot?.gateways[0]?.listeners[0]?.routes.rules.length ?? 0;
    if (rules !== NAMESPACES * ROUTES_PER_NAMESPACE) throw new Error(`${rules} rules: ${JSON.stringify(compiled.faults[0])}`);
    process.stdout.write(`${shape}, ${run} compile: ${((user + system) / 1e6).toFixed(2)} s of CPU for ${rules} routes\n`);
  }
}
