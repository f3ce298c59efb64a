import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { CliError, EXIT } from "./exit.ts";
import { fileFault } from "./file-fault.ts";
import { parseOptions } from "./options.ts";
import { print } from "./terminal.ts";

const HELP = `usage: spillway key -o FILE [--id ID]
       spillway key --public FILE

Keys by which one broker knows another (docs/chaining.md). The first makes a private key (EC P-256, a JWK that only its owner may
read) for parent.forwardIdentity.signingKeyRef of the child, and never overwrites one. Both print the public half as a JWK set, for
identity.issuers of the parent's BrokerConfig.

  -o, --output  the file to write
  --id          the key's id in tokens (default: its thumbprint, RFC 7638)
  --public      a private key that is there: a JWK or a PKCS #8 PEM of EC P-256, Ed25519 or RSA`;

/** `spillway key`. */
export async function runKey(args: readonly string[]): Promise<number> {
  const { values } = parseOptions(
    args,
    { output: { type: "string", short: "o" }, id: { type: "string" }, public: { type: "string" }, help: { type: "boolean", short: "h" } },
    false,
  );
  if (values.help === true) {
    print(HELP);
    return EXIT.good;
  }
  if ((values.output === undefined) === (values.public === undefined)) throw new CliError("either -o FILE, for a new key, or --public FILE");
  if (values.public !== undefined) {
    if (values.id !== undefined) throw new CliError("--id is for a new key: one that is there has its own");
    const { key, id } = readKey(
      await readFile(values.public, "utf8").catch((error: unknown) => {
        throw fileFault(values.public ?? "", "read", error);
      }),
      values.public,
    );
    printPublic(key, id);
    return EXIT.good;
  }
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const id = values.id ?? thumbprint(createPublicKey(privateKey).export({ format: "jwk" }));
  const jwk = { ...privateKey.export({ format: "jwk" }), alg: "ES256", kid: id };
  // wx: a key that is in use must not be lost to a slip.
  const output = values.output ?? "";
  await writeFile(output, `${JSON.stringify(jwk)}\n`, { mode: 0o600, flag: "wx" }).catch((error: unknown) => {
    throw fileFault(output, "write", error);
  });
  printPublic(privateKey, id);
  return EXIT.good;
}

/** What the library says may quote the key, so it is not told. */
function readKey(text: string, file: string): { readonly key: KeyObject; readonly id: string | null } {
  try {
    if (!text.trim().startsWith("{")) return { key: createPrivateKey(text), id: null };
    const jwk = JSON.parse(text) as JsonWebKey & { readonly kid?: unknown }; // whatever else it is, the next line refuses it
    return { key: createPrivateKey({ key: jwk, format: "jwk" }), id: typeof jwk.kid === "string" ? jwk.kid : null };
  } catch {
    throw new CliError(`${file} holds no private key: a JWK or a PKCS #8 PEM`, EXIT.faults);
  }
}

function printPublic(key: KeyObject, id: string | null): void {
  const { kty, crv, x, y, n, e } = createPublicKey(key).export({ format: "jwk" });
  const jwk = { kty, crv, x, y, n, e };
  print(JSON.stringify({ keys: [{ ...jwk, kid: id ?? thumbprint(jwk), use: "sig" }] }));
}

/** RFC 7638: the members that make the key, by name, without white space. */
function thumbprint({ crv, e, kty, n, x, y }: { readonly [Member in "crv" | "e" | "kty" | "n" | "x" | "y"]?: string | undefined }): string {
  return createHash("sha256").update(JSON.stringify({ crv, e, kty, n, x, y })).digest("base64url");
}
