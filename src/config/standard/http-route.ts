import * as z from "zod/mini";
import { dnsLabel, duration, objectName, text } from "../kinds/fields.ts";
import { apiGroup, enumValue, GATEWAY_GROUP, hostname, kindName, objectRef, portNumber, preciseHostname, standardKind } from "./standard-kind.ts";

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/;
// The standard's own pattern backtracks exponentially in JavaScript; this one accepts the same texts in one pass.
const HEADER_VALUE = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/;

const headerName = () => text(256).check(z.regex(HEADER_NAME, "must be a header name (RFC 9110)"));
const header = () =>
  z.strictObject({ name: headerName(), value: text(4096).check(z.regex(HEADER_VALUE, "must be printable ASCII without space at its ends")) });
const headerModifier = () =>
  z.strictObject({
    set: z.optional(z.array(header()).check(z.maxLength(16))),
    add: z.optional(z.array(header()).check(z.maxLength(16))),
    remove: z.optional(z.array(headerName()).check(z.maxLength(16))),
  });

const pathModifier = () =>
  z.strictObject({
    type: enumValue(),
    replaceFullPath: z.optional(z.string().check(z.maxLength(1024))),
    replacePrefixMatch: z.optional(z.string().check(z.maxLength(1024))),
  });

const plainBackendRef = () =>
  z.strictObject({
    group: z._default(apiGroup(), ""),
    kind: z._default(kindName(), "Service"),
    name: objectName(),
    namespace: z.optional(dnsLabel()),
    port: z.optional(portNumber()),
  });

const cors = z.strictObject({
  allowOrigins: z.optional(z.array(z.string())),
  allowCredentials: z.optional(z.boolean()),
  allowMethods: z.optional(z.array(z.string())),
  allowHeaders: z.optional(z.array(z.string())),
  exposeHeaders: z.optional(z.array(z.string())),
  maxAge: z.optional(z.int()),
});

const externalAuth = z.strictObject({
  protocol: enumValue(),
  backendRef: plainBackendRef(),
  grpc: z.optional(z.strictObject({ allowedHeaders: z.optional(z.array(z.string()).check(z.maxLength(64))) })),
  http: z.optional(
    z.strictObject({
      path: z.optional(z.string().check(z.maxLength(1024))),
      allowedHeaders: z.optional(z.array(z.string()).check(z.maxLength(64))),
      allowedResponseHeaders: z.optional(z.array(z.string()).check(z.maxLength(64))),
    }),
  ),
  forwardBody: z.optional(z.strictObject({ maxSize: z.optional(z.int().check(z.minimum(0), z.maximum(65_535))) })),
});

const filter = z.strictObject({
  type: enumValue(),
  requestHeaderModifier: z.optional(headerModifier()),
  responseHeaderModifier: z.optional(headerModifier()),
  requestMirror: z.optional(
    z.strictObject({
      backendRef: plainBackendRef(),
      percent: z.optional(z.int()),
      fraction: z.optional(z.strictObject({ numerator: z.int(), denominator: z.optional(z.int()) })),
    }),
  ),
  requestRedirect: z.optional(
    z.strictObject({
      scheme: z.optional(enumValue()),
      hostname: z.optional(preciseHostname()),
      path: z.optional(pathModifier()),
      port: z.optional(portNumber()),
      statusCode: z.optional(z.int()),
    }),
  ),
  urlRewrite: z.optional(z.strictObject({ hostname: z.optional(preciseHostname()), path: z.optional(pathModifier()) })),
  cors: z.optional(cors),
  externalAuth: z.optional(externalAuth),
  extensionRef: z.optional(objectRef()),
});
const filters = () => z.optional(z.array(filter).check(z.maxLength(16)));

const backendRef = z.strictObject({
  group: z._default(apiGroup(), ""),
  kind: z._default(kindName(), "Service"),
  name: objectName(),
  namespace: z.optional(dnsLabel()),
  port: z.optional(portNumber()),
  weight: z._default(z.int().check(z.minimum(0), z.maximum(1_000_000)), 1),
  filters: filters(),
});

const match = z.strictObject({
  path: z.optional(z.strictObject({ type: z.optional(enumValue()), value: z.optional(z.string()) })),
  headers: z.optional(
    z.array(z.strictObject({ type: z.optional(enumValue()), name: z.string(), value: z.string().check(z.maxLength(4096)) })).check(z.maxLength(16)),
  ),
  queryParams: z.optional(
    z.array(z.strictObject({ type: z.optional(enumValue()), name: z.string(), value: z.string().check(z.maxLength(1024)) })).check(z.maxLength(16)),
  ),
  method: z.optional(enumValue()),
});

const rule = z.strictObject({
  name: z.optional(objectName()),
  matches: z.optional(z.array(match).check(z.maxLength(64))),
  filters: filters(),
  backendRefs: z.optional(z.array(backendRef).check(z.maxLength(16))),
  timeouts: z.optional(z.strictObject({ request: z.optional(duration()), backendRequest: z.optional(duration()) })),
  retry: z.optional(
    z.strictObject({
      codes: z.optional(z.array(z.int().check(z.minimum(400), z.maximum(599)))),
      attempts: z.optional(z.int().check(z.minimum(1))),
      backoff: z.optional(duration()),
    }),
  ),
  sessionPersistence: z.optional(z.looseObject({})),
});

const parentRef = z.strictObject({
  group: z._default(apiGroup(), GATEWAY_GROUP),
  kind: z._default(kindName(), "Gateway"),
  name: objectName(),
  namespace: z.optional(dnsLabel()),
  sectionName: z.optional(objectName()),
  port: z.optional(portNumber()),
});

const spec = z.strictObject({
  parentRefs: z.optional(z.array(parentRef).check(z.maxLength(32))),
  useDefaultGateways: z.optional(enumValue()),
  hostnames: z.optional(z.array(hostname()).check(z.maxLength(16))),
  // The standard allows 16 rules; more do no harm here, and the API server has the last word in a cluster.
  rules: z._default(
    z.array(rule).check(
      z.minLength(1, "a route needs a rule"),
      z.maxLength(64),
      z.refine(
        (rules) => {
          const names = rules.flatMap((one) => one.name ?? []);
          return new Set(names).size === names.length;
        },
        { error: "rule names must be unique" },
      ),
    ),
    [{}],
  ),
});

export const httpRoute = standardKind({ group: GATEWAY_GROUP, versions: ["v1", "v1beta1"], kind: "HTTPRoute", scope: "Namespaced", spec });
export type HttpRouteSpec = z.infer<typeof spec>;
export type RuleSpec = HttpRouteSpec["rules"][number];
export type FilterSpec = z.infer<typeof filter>;
export type BackendRefSpec = z.infer<typeof backendRef>;
export type ParentRefSpec = z.infer<typeof parentRef>;
export type MatchSpec = z.infer<typeof match>;
