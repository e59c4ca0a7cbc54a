/**
 * The environment variables that every service understands, as zod pieces to spread into its own schema.
 *
 * They stand here once so that `PORT` means the same everywhere. Reading and reporting is the business of
 * environment.ts; the variables of Kafka and of the cluster have files of their own.
 */
import { z } from 'zod';

/**
 * A whole number within bounds, written in plain digits.
 *
 * Add `.default()` and then `.describe()`, in this order: the description is what a bad value is answered with.
 */
export function integerVariable(bounds: { min: number; max: number }) {
  return z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.int().min(bounds.min).max(bounds.max));
}

/** `true` or `false`, spelled out. */
export function booleanVariable() {
  return z.enum(['true', 'false']).transform((value) => value === 'true');
}

/** `HOST` (127.0.0.1), `PORT` (0..65535, no default; 0 takes a free one), `LOG_LEVEL` (info), `STOP_GRACE_MS` (1000). */
export const serviceVariables = {
  HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]{1,253}$/)
    .default('127.0.0.1')
    .describe('the address to listen on, an IP address or host name (default 127.0.0.1)'),
  PORT: integerVariable({ min: 0, max: 65_535 }).describe(
    'the port to listen on, a whole number 0..65535 (0 takes a free one)',
  ),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('one of fatal, error, warn, info, debug, trace, silent (default info)'),
  STOP_GRACE_MS: integerVariable({ min: 0, max: 4000 })
    .default(1000)
    .describe(
      'how long a stop waits for requests on idle connections, in milliseconds 0..4000 (default 1000)',
    ),
};
