/** Where the facts of one table come from. */
export interface FactSource {
  /** RFC 3339 date at which somebody last compared the table with its source. */
  readonly checkedAt: string;
  /** The pages that were read, by name. */
  readonly source: string;
}
