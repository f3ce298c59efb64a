import type { DialectWire } from "../model/dialect-wire.ts";
import type { Dialect } from "../model/operation.ts";
import { anthropicWire } from "./anthropic/wire.ts";
import { openaiWire } from "./openai/wire.ts";

const WIRES: Readonly<Record<Dialect, DialectWire>> = { openai: openaiWire, anthropic: anthropicWire };

/** What the broker knows of a wire API. Every dialect has one. */
export function wireOf(dialect: Dialect): DialectWire {
  return WIRES[dialect];
}
