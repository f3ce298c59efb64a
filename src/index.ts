/** The public face of the broker's core: what adapters, the command line and embedders may use. */

export type { AuditHead } from "./attribution/audit-chain.ts";
export type { Attribution } from "./attribution/create-attribution.ts";
export { createDegradations, type Degradations } from "./attribution/create-degradations.ts";
export type { GenAiConventions } from "./attribution/semconv.ts";
export { type Broker, createBroker } from "./broker.ts";
export type { BrokerEvents, EventPorts } from "./broker-events.ts";
export type { BrokerPorts } from "./broker-ports.ts";
export type { Compiled, Fault, ManifestSource, ObjectConditions, Platform } from "./config/compile.ts";
export { readBundle } from "./config/read-bundle.ts";
export type { PageFileName, PageFiles } from "./console/page-files.ts";
export { googleAssertion } from "./credentials/google-assertion.ts";
export type { EventDelivery } from "./events/event-desk.ts";
export { EventFault } from "./events/event-fault.ts";
export { readEventJson } from "./events/read-event-json.ts";
export { structuredCloudEvent } from "./events/write-cloud-event.ts";
export { isFieldValue, isToken } from "./lib/field-syntax.ts";
export { isGrpc } from "./lib/grpc-protocol.ts";
export { type RevocationList, readRevocationLists } from "./lib/revocation-list.ts";
export type { AdminView } from "./listener/admin-app.ts";
export { type ChosenListener, chooseListener } from "./listener/choose-listener.ts";
export type * from "./model/audit.ts";
export * from "./model/backend.ts";
export type * from "./model/call.ts";
export type * from "./model/call-record.ts";
export { type AbortListener, abortSignalOf, type CallAbort, type CallSignal, createCallAbort } from "./model/call-signal.ts";
export * from "./model/caller.ts";
export type { Cleared } from "./model/cleared.ts";
export type * from "./model/cloud-event.ts";
export type * from "./model/codec.ts";
export type * from "./model/degradation.ts";
export { REFUSALS, Refusal, type RefusalCode } from "./model/errors.ts";
export type * from "./model/event.ts";
export * from "./model/exchange.ts";
export { HEAD_BOUNDS, type HeaderList, type Origin, type RequestBody, type StreamBody } from "./model/http.ts";
export type * from "./model/identity-plan.ts";
export type * from "./model/ledger-page.ts";
export type * from "./model/limit.ts";
export * from "./model/operation.ts";
export type * from "./model/outcome.ts";
export type { Outlet, OutletKind } from "./model/outlet.ts";
export {
  type Clock,
  type DocumentFetcher,
  type EventPublisher,
  type EventSink,
  type OutboundRequest,
  type Overload,
  type Pressure,
  PublishError,
  type Random,
  type SecretStore,
  SecretStoreError,
  type StateEntry,
  type StateStore,
  StateStoreError,
  type TokenReview,
  TokenReviewError,
  type TokenReviewer,
  type Transport,
  type TransportFeature,
} from "./model/ports.ts";
export * from "./model/price.ts";
export type * from "./model/region.ts";
export { type RotationNotice, readRotationNotice } from "./model/rotation.ts";
export { type RefreshPolicy, Secret, type SecretLocation, type SecretProvider, type SecretReference } from "./model/secret.ts";
export type * from "./model/snapshot.ts";
export { addCounts, COUNT_NAMES, emptySum, KEY_NAMES, type UsageSum } from "./model/usage-counts.ts";
export * from "./model/usage-store.ts";
export { type AdminPages, createAdminPages, type PageSources } from "./pages/admin-pages.ts";
export type { UsagePages } from "./pages/usage-pages.ts";
export { limitRulesOf } from "./usage/limit-rules.ts";
export type { ReadSecret, UsagePorts } from "./usage/usage-stores.ts";
