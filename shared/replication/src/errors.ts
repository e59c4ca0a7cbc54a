/**
 * The closed set of errors this library throws.
 *
 * Every error says what was found (`message`), what to do about it (`hint`), and whether the same call may
 * succeed later (`isRetryable`). The library throws; only the owners of loops log.
 */

/** Names of everything that can go wrong, in one list. Services translate them to HTTP by this code. */
export type ReplicationErrorCode =
  | 'invalid-row'
  | 'row-too-large'
  | 'version-pending'
  | 'key-taken'
  | 'malformed-token'
  | 'token-not-covered'
  | 'write-gone'
  | 'not-ready'
  | 'overloaded'
  | 'too-many-unpublished'
  | 'log-unreachable'
  | 'not-yet-logged'
  | 'disk-full'
  | 'database-busy'
  | 'database-damaged'
  | 'database-failed'
  | 'outcome-unknown'
  | 'directory-locked'
  | 'directory-refused'
  | 'lock-lost'
  | 'log-mismatch'
  | 'log-replaced'
  | 'log-refused'
  | 'peer-failed'
  | 'snapshot-refused'
  | 'event-too-large'
  | 'fork'
  | 'stopped';

/** What an error of this library carries. `token` names a write that is stored although the call failed, or what is left of a
 * token of which a part is gone. */
export interface ReplicationErrorOptions {
  readonly code: ReplicationErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly isRetryable?: boolean;
  readonly cause?: unknown;
  readonly token?: string;
}

/** The one error class of the library: told apart by `code`, never by its text. */
export class ReplicationError extends Error {
  override readonly name = 'ReplicationError';
  readonly code: ReplicationErrorCode;
  readonly hint: string;
  readonly isRetryable: boolean;
  readonly token: string | undefined;

  constructor(options: ReplicationErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.hint = options.hint;
    this.isRetryable = options.isRetryable ?? false;
    this.token = options.token;
  }
}

/** True when `error` is one of ours, optionally with one of the given codes. */
export function isReplicationError(
  error: unknown,
  ...codes: readonly ReplicationErrorCode[]
): error is ReplicationError {
  return error instanceof ReplicationError && (codes.length === 0 || codes.includes(error.code));
}

/** The text of anything that was thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
