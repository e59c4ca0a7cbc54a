/**
 * The one error class of this package: what was found, and what to do about it.
 *
 * Commands print `message` and, below it, `hint`; nothing else of the error is shown to a user. Code tells the
 * cases apart by `code`, never by text. `bad-usage` makes a command exit with 2, everything else with 1.
 */

/** Every way in which the ground under the services can fail. */
export type InfraErrorCode =
  | 'bad-usage'
  | 'port-taken'
  | 'no-broker'
  | 'broker-failed'
  | 'wrong-broker'
  | 'bench-failed'
  | 'no-postgres'
  | 'postgres-failed'
  | 'download-failed'
  | 'directory-refused'
  | 'already-running'
  | 'service-failed'
  | 'not-found'
  | 'not-held'
  | 'stopped';

/** What an error of this package carries. `hint` is one sentence that names the way out. */
export interface InfraErrorOptions {
  readonly code: InfraErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly cause?: unknown;
}

/** An error with a way out. */
export class InfraError extends Error {
  override readonly name = 'InfraError';
  readonly code: InfraErrorCode;
  readonly hint: string;

  constructor(options: InfraErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.hint = options.hint;
  }
}

/** The text of anything that was thrown, with the hint where there is one. */
export function errorText(error: unknown): string {
  if (error instanceof InfraError) return `${error.message}\n${error.hint}`;
  return error instanceof Error ? error.message : String(error);
}
