/**
 * The configuration of the gateway: every environment variable it knows, documented and checked.
 *
 * Together with main the only reader of the environment.
 */
import {
  discoveryVariables,
  isBareUrl,
  noWayToOrders,
  type ReplicaSource,
  replicaSource,
} from '@dbsync/balancing';
import {
  booleanVariable,
  ConfigurationError,
  integerVariable,
  readEnvironment,
  serviceVariables,
} from '@dbsync/service-kit';
import { z } from 'zod';

/** All variables, for the start and for the documentation. */
export const gatewayVariables = z.object({
  ...serviceVariables,
  ...discoveryVariables,
  PORT: integerVariable({ min: 0, max: 65_535 })
    .default(8_000)
    .describe('the port to listen on, a whole number 0..65535 (0 takes a free one, default 8000)'),
  USER_SERVICE_URL: z
    .string()
    .refine(isBareUrl)
    .transform((url) => new URL(url).origin)
    .describe('where the user-service is, http(s)://host:port without path'),
  DBSYNC_WRITE_TIMEOUT_MS: integerVariable({ min: 100, max: 120_000 })
    .default(10_000)
    .describe('how long one service may take to answer a write, in milliseconds 100..120000 (default 10000)'),
  DBSYNC_STREAM_TIMEOUT_MS: integerVariable({ min: 1_000, max: 3_600_000 })
    .default(60_000)
    .describe(
      'how long a client may take to fetch its answer, in milliseconds 1000..3600000 (default 60000)',
    ),
  DBSYNC_MAX_REQUESTS: integerVariable({ min: 1, max: 100_000 })
    .default(1_000)
    .describe('requests that may be under way at once, 1..100000 (default 1000)'),
  DBSYNC_SESSION_COOKIE: booleanVariable()
    .default(true)
    .describe(
      'true: clients with a cookie jar see their own writes without doing anything; false: no cookie (default true)',
    ),
});

/** The gateway's configuration. */
export interface GatewayConfig {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly logLevel: string;
  /** See `HttpServerOptions`. */
  readonly stopGraceMs?: number | undefined;
  readonly userServiceUrl: string;
  readonly orderReplicas: ReplicaSource;
  readonly maxLagMs: number;
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly tokenWaitMs: number;
  readonly streamTimeoutMs: number;
  readonly maxRequests: number;
  readonly hasSessionCookie: boolean;
}

/** Reads the configuration. @throws ConfigurationError naming every bad variable. */
export function readConfig(env: Record<string, string | undefined>): GatewayConfig {
  const variables = readVariables(env);
  return {
    host: variables.HOST,
    port: variables.PORT,
    logLevel: variables.LOG_LEVEL,
    stopGraceMs: variables.STOP_GRACE_MS,
    userServiceUrl: variables.USER_SERVICE_URL,
    orderReplicas: replicaSource(variables),
    maxLagMs: variables.DBSYNC_MAX_LAG_MS,
    readTimeoutMs: variables.DBSYNC_ORDER_TIMEOUT_MS,
    writeTimeoutMs: variables.DBSYNC_WRITE_TIMEOUT_MS,
    tokenWaitMs: variables.DBSYNC_TOKEN_WAIT_MS,
    streamTimeoutMs: variables.DBSYNC_STREAM_TIMEOUT_MS,
    maxRequests: variables.DBSYNC_MAX_REQUESTS,
    hasSessionCookie: variables.DBSYNC_SESSION_COOKIE,
  };
}

function readVariables(env: Record<string, string | undefined>): z.output<typeof gatewayVariables> {
  try {
    return readEnvironment(gatewayVariables, env);
  } catch (error) {
    // Said together with the rest, so that nobody mends the variables one start at a time.
    const noWay = noWayToOrders(env);
    if (!(error instanceof ConfigurationError) || noWay === undefined) throw error;
    throw new ConfigurationError([...error.problems, noWay]);
  }
}
