import * as z from "zod/mini";
import { metadata } from "../kinds/fields.ts";
import type { KindDefinition } from "../kinds/kind-definition.ts";
import { enumValue, portNumber } from "./standard-kind.ts";

const frame = { apiVersion: z.string(), kind: z.string(), metadata: metadata() };
const anything = () => z.optional(z.unknown());
const textMap = () => z.optional(z.nullable(z.record(z.string(), z.string())));

const namespaceSchema = z.strictObject({ ...frame, spec: anything(), status: anything() });

const servicePort = z.strictObject({
  name: z.optional(z.string()),
  port: portNumber(),
  protocol: z.optional(enumValue()),
  appProtocol: z.optional(z.string()),
  targetPort: anything(),
  nodePort: anything(),
});

/** Of a Service only its ports and its type matter here; its other fields are named so that a misspelt one is still found. */
const serviceSchema = z.strictObject({
  ...frame,
  spec: z.strictObject({
    type: z.optional(enumValue()),
    ports: z.optional(z.array(servicePort)),
    selector: anything(),
    clusterIP: anything(),
    clusterIPs: anything(),
    externalIPs: anything(),
    externalName: anything(),
    externalTrafficPolicy: anything(),
    internalTrafficPolicy: anything(),
    ipFamilies: anything(),
    ipFamilyPolicy: anything(),
    loadBalancerIP: anything(),
    loadBalancerClass: anything(),
    loadBalancerSourceRanges: anything(),
    allocateLoadBalancerNodePorts: anything(),
    healthCheckNodePort: anything(),
    publishNotReadyAddresses: anything(),
    sessionAffinity: anything(),
    sessionAffinityConfig: anything(),
    trafficDistribution: anything(),
  }),
  status: anything(),
});

const secretSchema = z.strictObject({
  ...frame,
  type: z.optional(z.string()),
  data: textMap(),
  stringData: textMap(),
  immutable: z.optional(z.boolean()),
});

const configMapSchema = z.strictObject({ ...frame, data: textMap(), binaryData: textMap(), immutable: z.optional(z.boolean()) });

export type NamespaceBody = z.infer<typeof namespaceSchema>;
export type ServiceBody = z.infer<typeof serviceSchema>;
export type SecretBody = z.infer<typeof secretSchema>;
export type ConfigMapBody = z.infer<typeof configMapSchema>;

const core = { group: "", versions: ["v1"], scope: "Namespaced" } as const;
export const namespaceKind: KindDefinition<NamespaceBody> = { ...core, kind: "Namespace", scope: "Cluster", schema: namespaceSchema };
export const serviceKind: KindDefinition<ServiceBody> = { ...core, kind: "Service", schema: serviceSchema };
export const secretKind: KindDefinition<SecretBody> = { ...core, kind: "Secret", schema: secretSchema };
export const configMapKind: KindDefinition<ConfigMapBody> = { ...core, kind: "ConfigMap", schema: configMapSchema };
