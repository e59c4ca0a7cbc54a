/**
 * Waits until a broker of ours answers a Kafka client, and makes sure that it is ours.
 *
 * Shared by the Java and the Docker broker; they differ in how they notice that theirs has died meanwhile.
 */
import { InfraError } from '../infra-error.ts';
import { waitFor } from '../process/wait-for.ts';
import type { BrokerSurroundings } from './broker.ts';
import { requireClusterId } from './cluster-id.ts';

const readyTimeoutMs = 90_000;

/** Whom to wait for. */
export interface BrokerReadiness {
  readonly surroundings: BrokerSurroundings;
  readonly bootstrap: string;
  readonly expectedClusterId: string;
  /** Throws when the broker has died, which ends the wait. */
  readonly requireAlive: () => Promise<void> | void;
}

/**
 * Resolves when the broker answers with the expected cluster id.
 * @throws `wrong-broker` when somebody else answers; `broker-failed` when nobody does in 90 s.
 */
export async function brokerReady(readiness: BrokerReadiness): Promise<void> {
  const { surroundings, bootstrap } = readiness;
  const clusterId = await waitFor({
    what: `Kafka at ${bootstrap}`,
    timeoutMs: readyTimeoutMs,
    intervalMs: 100,
    code: 'broker-failed',
    hint: `Look into ${surroundings.dataDir}/broker/broker.log.`,
    signal: surroundings.signal,
    onProgress: surroundings.onProgress,
    look: async () => {
      await readiness.requireAlive();
      try {
        const kafka = { brokers: [bootstrap] };
        return { found: (await surroundings.describeCluster({ kafka, timeoutMs: 2000 })).clusterId };
      } catch (error) {
        return { missing: error instanceof Error ? error.message : String(error) };
      }
    },
  });
  requireClusterId({ expected: readiness.expectedClusterId, found: clusterId, bootstrap });
}

/** The error for a broker that ended while it was waited for. */
export function brokerDied(how: string, lastLines: readonly string[]): InfraError {
  return new InfraError({
    code: 'broker-failed',
    message: [`The broker ended during its start (${how}).`, ...lastLines].join('\n  '),
    hint: 'The end of broker/broker.log in the data directory has more.',
  });
}
