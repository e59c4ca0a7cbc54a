/**
 * Everything that must be true before the first process of a cluster is started.
 *
 * In this order: the directory is ours, no other supervisor is on it, what a killed one left behind is ended,
 * `--fresh` has forgotten, name, size and secret are known, the ports are free.
 */
import { emptyDockerData, removeContainers } from '../broker/docker-broker.ts';
import { InfraError } from '../infra-error.ts';
import { requireFreePort } from '../process/ports.ts';
import { endOrphans } from './children-file.ts';
import {
  type ClusterMemory,
  keepMemory,
  nextMemory,
  readMemory,
  requireNewPrefix,
} from './cluster-memory.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { type DataDirectory, ensureSecret, forgetData, openDataDirectory } from './data-directory.ts';
import { removeDevFile } from './dev-file.ts';
import { type SupervisorLock, takeSupervisorLock } from './supervisor-lock.ts';

/** The prepared ground. */
export interface ClusterGround {
  readonly directory: DataDirectory;
  readonly memory: ClusterMemory;
  readonly lock: SupervisorLock;
}

/**
 * Prepares it. The lock is held when this resolves and free when it throws.
 * @throws `directory-refused`, `already-running`, `bad-usage`, `port-taken`.
 */
export async function prepareGround(options: ClusterOptions): Promise<ClusterGround> {
  const directory = openDataDirectory(options.dataDir);
  const lock = takeSupervisorLock(directory.lockFile);
  try {
    await clearAway(options, directory);
    const memory = nextMemory(readMemory(directory), options);
    keepMemory(directory, memory);
    ensureSecret(directory);
    await requireFreePorts(options, memory);
    return { directory, memory, lock };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function clearAway(options: ClusterOptions, directory: DataDirectory): Promise<void> {
  for (const orphan of await endOrphans(directory.childrenFile)) {
    options.onReport({
      level: 'warn',
      message: `ended ${orphan.name} (pid ${orphan.pid}), left behind by an earlier run that was killed`,
    });
  }
  removeDevFile(directory.devFile);
  if (!options.isFresh) return;
  const remembered = readableMemory(directory);
  if (options.topology === 'kafka' && isExternalAsked(options))
    requireNewPrefix(remembered, options.topicPrefix);
  const { environment, dataDir } = options;
  if (remembered?.broker === 'docker') await removeContainers({ environment, dataDir });
  try {
    forgetData(directory);
  } catch (error) {
    if (remembered?.broker !== 'docker') throw error;
    await emptyDockerData({ folder: directory.brokerFolder, environment });
    forgetData(directory);
  }
}

/** What is about to be forgotten need not be readable. */
function readableMemory(directory: DataDirectory): ClusterMemory | null {
  try {
    return readMemory(directory);
  } catch {
    return null;
  }
}

function isExternalAsked(options: ClusterOptions): boolean {
  return (
    options.broker === 'external' || (options.broker === 'auto' && Boolean(options.environment.KAFKA_BROKERS))
  );
}

async function requireFreePorts(options: ClusterOptions, memory: ClusterMemory): Promise<void> {
  const { ports } = options;
  requirePortsApart(options, memory);
  if (options.topology === 'kafka' && !isExternalAsked(options)) {
    await requireFreePort({ port: ports.kafka, purpose: 'Kafka', option: '--kafka-port' });
  }
  for (let index = 0; index < memory.replicas; index += 1) {
    await requireFreePort({
      port: ports.order + index,
      purpose: `order-${index + 1}`,
      option: '--order-port (replicas count upwards from it)',
    });
  }
  await requireFreePort({ port: ports.user, purpose: 'the user-service', option: '--user-port' });
  await requireFreePort({ port: ports.gateway, purpose: 'the gateway', option: '--gateway-port' });
}

function requirePortsApart({ ports, topology }: ClusterOptions, { replicas }: ClusterMemory): void {
  const last = ports.order + replicas - 1;
  const others = [
    { port: ports.user, wantedFor: 'the user-service' },
    { port: ports.gateway, wantedFor: 'the gateway' },
    ...(topology === 'kafka' ? [{ port: ports.kafka, wantedFor: 'Kafka' }] : []),
  ];
  const amongReplicas = others.find(({ port }) => port >= ports.order && port <= last);
  const twice = others.find(({ port }, index) => others.findIndex((other) => other.port === port) < index);
  const firstOfTwice = others.find(({ port }) => port === twice?.port);
  const clash =
    (last > 65_535 &&
      `${replicas} replicas from port ${ports.order} on need ports up to ${last}, beyond 65535`) ||
    (amongReplicas &&
      `port ${amongReplicas.port} is wanted for ${amongReplicas.wantedFor} and for a replica`) ||
    (twice && `port ${twice.port} is wanted for ${firstOfTwice?.wantedFor} and ${twice.wantedFor}`);
  if (!clash) return;
  throw new InfraError({
    code: 'bad-usage',
    message: `The ports do not fit together: ${clash}.`,
    hint: 'Choose others with --kafka-port, --order-port, --user-port and --gateway-port; replicas count upwards from --order-port.',
  });
}
