import { CLOSED_SETTINGS, compileBrokerConfig, type GatewaySettings } from "./compile-broker-config.ts";
import { type LinkContext, type Resolved, resolved, type Unresolved, unresolved, warn } from "./link-context.ts";
import { type ListenerPlan, planListeners } from "./listener-plan.ts";
import { planListenerSets, warnLooseSets } from "./listener-sets.ts";
import { noteOverlaps } from "./listener-tls.ts";
import { idOf, namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";
import { notAmong } from "./not-among.ts";
import { supportedFeatures } from "./supported-features.ts";

export const CONTROLLER_NAME = "spillway.dev/broker";

/** One Gateway of this broker, before its routes are known. */
export interface GatewayPlan {
  readonly manifest: ManifestOf<"Gateway">;
  readonly id: string;
  readonly settings: GatewaySettings;
  /** Its own and those of its ListenerSets. */
  readonly listeners: readonly ListenerPlan[];
  /** Why every call is refused; null: it is not. */
  readonly rejected: string | null;
}

/** The Gateways whose class names this controller; all others belong to somebody else and are left alone. */
export function planGateways(context: LinkContext): readonly GatewayPlan[] {
  const plans: GatewayPlan[] = [];
  for (const gatewayClass of context.set.GatewayClass.values()) {
    if (gatewayClass.body.spec.controllerName !== CONTROLLER_NAME) continue;
    const parameters = parametersFault(context, gatewayClass);
    if (parameters !== null)
      context.conditions.write(gatewayClass, null, { type: "Accepted", status: "False", reason: parameters.reason, message: parameters.message });
    for (const type of ["Accepted", "SupportedVersion"]) context.conditions.approve(gatewayClass, null, type);
    context.conditions.features(gatewayClass, supportedFeatures(context.platform));
  }
  for (const manifest of context.set.Gateway.values()) {
    const gatewayClass = context.set.GatewayClass.get(manifest.body.spec.gatewayClassName);
    if (gatewayClass === undefined) {
      const advice = `add a GatewayClass ${manifest.body.spec.gatewayClassName} with controllerName ${CONTROLLER_NAME}`;
      warn(
        context,
        manifest,
        ["spec", "gatewayClassName"],
        `GatewayClass ${manifest.body.spec.gatewayClassName} is not among the manifests: this Gateway is not served`,
        advice,
      );
    } else if (gatewayClass.body.spec.controllerName === CONTROLLER_NAME) plans.push(planGateway(context, manifest, gatewayClass));
  }
  warnLooseSets(context);
  return plans;
}

function planGateway(context: LinkContext, manifest: ManifestOf<"Gateway">, gatewayClass: ManifestOf<"GatewayClass">): GatewayPlan {
  const settings = findSettings(context, manifest, gatewayClass);
  const listeners = planListeners(context, manifest, []);
  const failure = (settings.ok ? null : settings) ?? unsupportedField(manifest);
  if (failure !== null) {
    context.conditions.write(manifest, null, { type: "Accepted", status: "False", reason: failure.reason, message: failure.message });
  } else if (listeners.length === 0) {
    context.conditions.write(manifest, null, { type: "Accepted", status: "False", reason: "ListenersNotValid", message: "no listener can be served" });
  } else if (listeners.length < manifest.body.spec.listeners.length) {
    context.conditions.write(manifest, null, { type: "Accepted", status: "True", reason: "ListenersNotValid", message: "some listeners cannot be served" });
  }
  if (failure !== null || listeners.length === 0) {
    context.conditions.write(manifest, null, {
      type: "Programmed",
      status: "False",
      reason: "Invalid",
      message: failure?.message ?? "no listener can be served",
    });
  }
  const unresolvedListener = manifest.body.spec.listeners.find(({ name }) =>
    context.conditions.isBad(manifest, `Gateway/${idOf(manifest)}/${name}`, "ResolvedRefs"),
  );
  if (unresolvedListener !== undefined) {
    const message = `listener ${unresolvedListener.name} has references that cannot be resolved`;
    context.conditions.write(manifest, null, { type: "ResolvedRefs", status: "False", reason: "ListenersNotResolved", message });
  }
  for (const type of ["Accepted", "Programmed", "ResolvedRefs"]) context.conditions.approve(manifest, null, type);
  const rejected = failure?.message ?? null;
  const added = planListenerSets(context, manifest, rejected);
  noteOverlaps(context, [...listeners, ...added]);
  return { manifest, id: idOf(manifest), settings: settings.ok ? settings.value : CLOSED_SETTINGS, listeners: [...listeners, ...added], rejected };
}

/** A class whose parameters lead nowhere is not accepted; Gateways that name a BrokerConfig of their own serve all the same. Null: nothing is wrong. */
function parametersFault(context: LinkContext, gatewayClass: ManifestOf<"GatewayClass">): Unresolved | null {
  const ref = gatewayClass.body.spec.parametersRef;
  if (ref === undefined) return null;
  const kind = foreignParameters(ref);
  if (kind !== null) return kind;
  const id = `${ref.namespace ?? ""}/${ref.name}`;
  return context.set.BrokerConfig.has(id)
    ? null
    : unresolved("InvalidParameters", notAmong("BrokerConfig", ref.namespace ?? "", ref.name, context.set.BrokerConfig));
}

function foreignParameters({ group, kind }: { readonly group: string; readonly kind: string }): Unresolved | null {
  if (group === "spillway.dev" && kind === "BrokerConfig") return null;
  return unresolved("InvalidParameters", `parametersRef names ${kind} (${group || "core"}): BrokerConfig (spillway.dev)`);
}

/** The Gateway's own parametersRef, else its class's. A reference that fails refuses the Gateway: running without its settings could open it. */
function findSettings(context: LinkContext, manifest: ManifestOf<"Gateway">, gatewayClass: ManifestOf<"GatewayClass">): Resolved<GatewaySettings> {
  const own = manifest.body.spec.infrastructure?.parametersRef;
  const shared = gatewayClass.body.spec.parametersRef;
  const ref = own ?? shared;
  if (ref === undefined) {
    warn(
      context,
      manifest,
      ["spec"],
      "the Gateway names no BrokerConfig, so it knows no caller and answers every call with 401",
      "add infrastructure.parametersRef: {group: spillway.dev, kind: BrokerConfig, name: …}",
    );
    return resolved(CLOSED_SETTINGS);
  }
  const foreign = foreignParameters(ref);
  if (foreign !== null) return foreign;
  const namespace = own === undefined ? (shared?.namespace ?? "") : namespaceOf(manifest);
  const config = context.set.BrokerConfig.get(`${namespace}/${ref.name}`);
  if (config === undefined) return unresolved("InvalidParameters", notAmong("BrokerConfig", namespace, ref.name, context.set.BrokerConfig));
  const settings = compileBrokerConfig(context, config);
  if (settings.ok) {
    for (const type of ["Accepted", "ResolvedRefs"]) context.conditions.approve(config, null, type);
    return settings;
  }
  // What can never be is not accepted; what is missing, or not permitted, may come.
  const type = settings.reason === "Invalid" || settings.reason === "UnsupportedOnPlatform" ? "Accepted" : "ResolvedRefs";
  context.conditions.write(config, null, { type, status: "False", reason: settings.reason, message: settings.message });
  for (const other of ["Accepted", "ResolvedRefs"]) context.conditions.approve(config, null, other);
  return unresolved("InvalidParameters", `BrokerConfig ${namespace}/${ref.name}: ${settings.message}`);
}

/** Standard fields that change what a Gateway does and that this release does not carry out: refused, never passed over. */
function unsupportedField(manifest: ManifestOf<"Gateway">) {
  const { addresses, defaultScope, tls } = manifest.body.spec;
  if ((addresses ?? []).length > 0) return unresolved("UnsupportedAddress", "the platform gives the address: spec.addresses is not supported");
  if (tls?.backend?.clientCertificateRef !== undefined)
    return unresolved("Invalid", "spec.tls.backend is not supported: put clientCertificateRef on the XBackend");
  if (tls?.frontend !== undefined)
    return unresolved("Invalid", "spec.tls.frontend is not supported: callers are known by their tokens, not by client certificates");
  return defaultScope === undefined || defaultScope === "None" ? null : unresolved("Invalid", "spec.defaultScope is not supported: routes name their Gateway");
}
