/**
 * Somebody else's brokers, at KAFKA_BROKERS: asked who they are, never started, stopped or signalled.
 */
import { InfraError } from '../infra-error.ts';
import { waitFor } from '../process/wait-for.ts';
import type { Broker, BrokerSurroundings } from './broker.ts';

const reachTimeoutMs = 15_000;

/**
 * Connects to the brokers that KAFKA_BROKERS names.
 * @throws `no-broker` when none answers in 15 s.
 */
export async function reachExternalBroker(surroundings: BrokerSurroundings, reason: string): Promise<Broker> {
  const bootstrap = surroundings.environment.KAFKA_BROKERS?.trim() ?? '';
  const brokers = bootstrap.split(',').map((broker) => broker.trim());
  const clusterId = await waitFor({
    what: `Kafka at ${bootstrap}`,
    timeoutMs: reachTimeoutMs,
    intervalMs: 500,
    code: 'no-broker',
    hint: 'See that KAFKA_BROKERS (and KAFKA_SSL*, KAFKA_SASL*) are right, or unset it to get a broker of our own.',
    signal: surroundings.signal,
    onProgress: surroundings.onProgress,
    look: async () => {
      try {
        return {
          found: (await surroundings.describeCluster({ kafka: { brokers }, timeoutMs: 5000 })).clusterId,
        };
      } catch (error) {
        return { missing: error instanceof Error ? error.message : String(error) };
      }
    },
  });
  return {
    kind: 'external',
    bootstrap: brokers.join(','),
    clusterId,
    reason,
    pid: null,
    ended: () => new Promise<string>(() => undefined),
    restart: async () => {
      throw new InfraError({
        code: 'broker-failed',
        message: `The broker at ${bootstrap} is not ours to restart.`,
        hint: 'Restart it where it was started.',
      });
    },
    kill: async () => undefined,
    stop: async () => undefined,
  };
}
