/** What is used here of the platform's own module. */
declare module "cloudflare:workers" {
  export interface SqlStorage {
    exec(query: string, ...values: readonly (string | number | null)[]): { toArray(): Record<string, unknown>[]; readonly rowsWritten: number };
  }
  export interface DurableObjectContext {
    readonly storage: {
      readonly sql: SqlStorage;
      getAlarm(): Promise<number | null>;
      setAlarm(at: number): Promise<void>;
    };
  }
  export class DurableObject {
    constructor(context: DurableObjectContext, bindings: unknown);
  }
}
