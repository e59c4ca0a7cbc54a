/**
 * The configuration of the user-service: every environment variable it knows, documented and checked.
 *
 * Together with main the only reader of the environment. Hands the app plain values, with the one decision made
 * that several variables share: where order replicas are found.
 */
import { discoveryVariables, noWayToOrders, type ReplicaSource, replicaSource } from '@dbsync/balancing';
import { ConfigurationError, integerVariable, readEnvironment, serviceVariables } from '@dbsync/service-kit';
import { z } from 'zod';

/** All variables, for the start and for the documentation. */
export const userServiceVariables = z.object({
  ...serviceVariables,
  ...discoveryVariables,
  PORT: integerVariable({ min: 0, max: 65_535 })
    .default(50_001)
    .describe('the port to listen on, a whole number 0..65535 (0 takes a free one, default 50001)'),
  REPLICA_ID: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .default('user-service')
    .describe('the name in X-Served-By, 1..64 of letters, digits, ".", "_" and "-" (default user-service)'),
  DATABASE_FILE: z
    .string()
    .describe('the path of the SQLite file for users; its folder is made when missing'),
});

export interface UserServiceConfig {
  host: string;
  /** 0 takes a free port. */
  port: number;
  logLevel: string;
  /** See `HttpServerOptions`. */
  stopGraceMs?: number | undefined;
  /** Sent as `X-Served-By`. */
  replicaId: string;
  databaseFile: string;
  orderTimeoutMs: number;
  /** How long a replica waits for a token. */
  tokenWaitMs: number;
  maxLagMs: number;
  orderReplicas: ReplicaSource;
}

/**
 * Reads the configuration.
 *
 * @throws ConfigurationError naming every bad variable, or saying that order replicas cannot be found.
 */
export function readConfig(env: Record<string, string | undefined>): UserServiceConfig {
  const variables = readVariables(env);
  return {
    host: variables.HOST,
    port: variables.PORT,
    logLevel: variables.LOG_LEVEL,
    stopGraceMs: variables.STOP_GRACE_MS,
    replicaId: variables.REPLICA_ID,
    databaseFile: variables.DATABASE_FILE,
    orderTimeoutMs: variables.DBSYNC_ORDER_TIMEOUT_MS,
    tokenWaitMs: variables.DBSYNC_TOKEN_WAIT_MS,
    maxLagMs: variables.DBSYNC_MAX_LAG_MS,
    orderReplicas: replicaSource(variables),
  };
}

type Variables = z.output<typeof userServiceVariables>;

function readVariables(env: Record<string, string | undefined>): Variables {
  try {
    return readEnvironment(userServiceVariables, env);
  } catch (error) {
    // Said together with the rest, so that nobody mends the variables one start at a time.
    const noWay = noWayToOrders(env);
    if (!(error instanceof ConfigurationError) || noWay === undefined) throw error;
    throw new ConfigurationError([...error.problems, noWay]);
  }
}
