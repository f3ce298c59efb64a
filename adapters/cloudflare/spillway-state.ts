import { DurableObject, type DurableObjectContext } from "cloudflare:workers";
import type { StateEntry } from "../../src/index.ts";
import type { StateShard } from "../state/durable-object-store.ts";

/** How long what has ended may lie here before it is swept out. Milliseconds. */
const SWEEP_AFTER_MS = 10 * 60_000;

/**
 * One part of the state that isolates share: a Durable Object with a table in SQLite. It runs one call at a time, and between asking
 * and writing nothing is awaited, so that each operation is atomic. Entries end by its own clock.
 */
export class SpillwayState extends DurableObject implements StateShard {
  readonly #storage: DurableObjectContext["storage"];
  #sweepIsSet = false;

  constructor(context: DurableObjectContext, bindings: unknown) {
    super(context, bindings);
    this.#storage = context.storage;
    this.#storage.sql.exec("CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value TEXT NOT NULL, version TEXT NOT NULL, ends INTEGER NOT NULL)");
    this.#storage.sql.exec("CREATE INDEX IF NOT EXISTS entries_by_end ON entries (ends)");
  }

  read(key: string): StateEntry | null {
    const [row] = this.#storage.sql.exec("SELECT value, version FROM entries WHERE key = ? AND ends > ?", key, Date.now()).toArray();
    return row === undefined ? null : { value: String(row["value"]), version: String(row["version"]) };
  }

  /** `version` is the one it has from now on. False: the latest is not `expected`. */
  async write(key: string, value: string, version: string, expected: string | null, ttlMs: number): Promise<boolean> {
    if ((this.read(key)?.version ?? null) !== expected) return false;
    this.#storage.sql.exec(
      "INSERT OR REPLACE INTO entries (key, value, version, ends) VALUES (?, ?, ?, ?)",
      key,
      value,
      version,
      Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(Date.now() + ttlMs)),
    );
    if (!this.#sweepIsSet) {
      this.#sweepIsSet = true;
      if ((await this.#storage.getAlarm()) === null) await this.#storage.setAlarm(Date.now() + SWEEP_AFTER_MS);
    }
    return true;
  }

  erase(key: string, expected: string): boolean {
    return this.#storage.sql.exec("DELETE FROM entries WHERE key = ? AND version = ? AND ends > ?", key, expected, Date.now()).rowsWritten > 0;
  }

  /** Takes out what has ended, and says how many entries that were. */
  sweep(): number {
    const ended = this.#storage.sql.exec("DELETE FROM entries WHERE ends <= ? RETURNING key", Date.now()).toArray();
    return ended.length;
  }

  async alarm(): Promise<void> {
    this.sweep();
    const [left] = this.#storage.sql.exec("SELECT 1 FROM entries LIMIT 1").toArray();
    this.#sweepIsSet = left !== undefined;
    if (left !== undefined) await this.#storage.setAlarm(Date.now() + SWEEP_AFTER_MS);
  }
}
