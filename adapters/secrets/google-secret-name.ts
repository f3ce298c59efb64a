import { type SecretLocation, SecretStoreError } from "../../src/index.ts";

/** Such as `europe-west4`: it becomes part of a hostname. */
const LOCATION = /^[a-z]+(?:-[a-z]+)+[0-9]{1,2}$/;
/** Letters, digits, `_` and `-`; project ids may be `domain:project`. Never `..`: over REST a name is a path. */
const NAME = /^projects\/([\w~:-][\w.~:-]*)\/(?:locations\/([\w-]+)\/)?secrets\/([\w-]+)(?:\/versions\/([\w-]+))?$/;

/** A secret version of Google Secret Manager. */
export interface GoogleSecretName {
  /** The full resource name, with its version. */
  readonly name: string;
  /** Region, where the secret is a regional one: its region's endpoint alone serves it. */
  readonly place: string | null;
}

/** The full resource name, and the region where one is asked for. Fails closed where the two disagree. */
export function googleSecretName(location: Extract<SecretLocation, { provider: "googleSecretManager" }>): GoogleSecretName {
  const parts = NAME.exec(location.name);
  if (parts === null) throw new SecretStoreError("missing", "a Google secret is named projects/<project>/secrets/<secret>/versions/<version>");
  const [, project, named = null, secret, version = "latest"] = parts;
  const place = location.location ?? named;
  if (place === null) return { name: `projects/${project}/secrets/${secret}/versions/${version}`, place };
  if (!LOCATION.test(place) || (named !== null && named !== place))
    throw new SecretStoreError("missing", "the Google secret's location is not a region, or its name says another");
  return { name: `projects/${project}/locations/${place}/secrets/${secret}/versions/${version}`, place };
}
