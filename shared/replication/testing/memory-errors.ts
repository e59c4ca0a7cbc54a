/**
 * The errors that the in-memory log throws: the same codes as the one on Kafka.
 */
import { ReplicationError } from '../src/errors.ts';

/** The broker did not do its part. */
export function unreachable(what: string): ReplicationError {
  return new ReplicationError({
    code: 'log-unreachable',
    message: `In-memory log: ${what}.`,
    hint: 'This is a test.',
    isRetryable: true,
  });
}

/** The batch has more bytes than the broker takes. */
export function tooLarge(bytes: number, allowed: number): ReplicationError {
  return new ReplicationError({
    code: 'event-too-large',
    message: `In-memory log: the batch has ${bytes} bytes, ${allowed} are allowed.`,
    hint: 'This is a test.',
    isRetryable: true,
  });
}
