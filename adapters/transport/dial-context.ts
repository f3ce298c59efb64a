import type { EgressEvent } from "../../src/index.ts";
import type { AddressBook } from "./address-book.ts";
import type { NameResolver } from "./name-resolver.ts";

/** What all connections of one transport share. */
export interface DialContext {
  readonly book: AddressBook;
  readonly resolver: NameResolver;
  /** Milliseconds since the Unix epoch, by which certificates and lists are judged. */
  readonly now: () => number;
  /** Where trouble goes that no call sees. Never throws. */
  readonly emit: (event: EgressEvent) => void;
}
