/**
 * Finds, chooses and starts a broker: the one entrance to this folder.
 */
import type { Broker, BrokerKind, BrokerSurroundings, RequestedBroker } from './broker.ts';
import { chooseBroker } from './broker-choice.ts';
import { findBrokers, findJava } from './broker-findings.ts';
import { DockerBroker } from './docker-broker.ts';
import { reachExternalBroker } from './external-broker.ts';
import { JavaBroker } from './java-broker.ts';

/** What to start, where. */
export interface StartBrokerOptions extends BrokerSurroundings {
  readonly requested: RequestedBroker;
  /** Kind of broker whose data lie in the data directory already. Default: none. */
  readonly remembered?: BrokerKind | null;
}

/**
 * Starts a broker and resolves when a Kafka client can read its cluster id.
 * @throws `no-broker` when none can be had, naming what to install; `port-taken`, `download-failed`,
 * `broker-failed`, `wrong-broker`; `stopped` when called off. Nothing is left running then.
 */
export async function startBroker(options: StartBrokerOptions): Promise<Broker> {
  const wish = { requested: options.requested, remembered: options.remembered ?? null };
  const findings = await findBrokers(options, wish);
  const { kind, reason } = chooseBroker({ ...wish, findings });
  options.onProgress(reason);
  if (kind === 'external') return reachExternalBroker(options, reason);
  if (kind === 'docker') return DockerBroker.start({ surroundings: options, reason });
  const java = await findJava(options);
  return JavaBroker.start({ surroundings: options, reason, java: 'absent' in java ? 'java' : java.command });
}
