export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Null: the keys are not temporary. */
  readonly sessionToken: string | null;
}

/** Asked before each try, so that keys which were changed are used at once; a source that pays for asking caches. Rejects when there are none. */
export type AwsCredentialSource = () => Promise<AwsCredentials>;
