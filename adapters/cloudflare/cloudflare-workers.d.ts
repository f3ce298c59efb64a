/** What is used here of the platform's own module. */
declare module "cloudflare:workers" {
  export interface SqlStorage {
    exec(query: string, ...values: readonly (string | number | null)[]): { toArray(): Record<string, unknown>[]; readonly rowsWritten: number };
  }
  export interface DurableObjectStorage {
    readonly sql: SqlStorage;
    /** Undoes what was written when the work throws. */
    transactionSync<Value>(work: () => Value): Value;
    getAlarm(): Promise<number | null>;
    setAlarm(at: number): Promise<void>;
  }
  export interface DurableObjectContext {
    readonly storage: DurableObjectStorage;
  }
  export class DurableObject {
    constructor(context: DurableObjectContext, bindings: unknown);
  }
}
