/** Where a Redis is, and who asks. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  /** Null: the default user. */
  readonly username: string | null;
  /** Null: none is asked for. */
  readonly password: string | null;
  readonly database: number;
  readonly tls: boolean;
}

/** Reads `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. Null: it is not of that form; nothing is guessed. */
export function readRedisAddress(text: string): RedisAddress | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === "" || url.search !== "" || url.hash !== "") return null;
  const database = /^(?:\/([0-9]{1,4})?)?$/.exec(url.pathname);
  const username = decoded(url.username);
  const password = decoded(url.password);
  if (database === null || username === null || password === null) return null;
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || "6379"),
    username: username || null,
    password: password || null,
    database: Number(database[1] ?? "0"),
    tls: url.protocol === "rediss:",
  };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
