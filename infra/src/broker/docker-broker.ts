/**
 * Apache Kafka in a container of the official image, published on 127.0.0.1 only.
 *
 * The container is labelled with the data directory, so a later start finds what a killed one left behind. Its
 * data are bind-mounted from `<data-dir>/broker/log` and survive it. It listens inside on the same port as
 * outside, so that the address it tells its clients is right on both sides.
 */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { requireFreePort } from '../process/ports.ts';
import { stoppedError } from '../process/wait-for.ts';
import type { Broker, BrokerSurroundings } from './broker.ts';
import { brokerDied, brokerReady } from './broker-readiness.ts';
import { keptClusterId } from './cluster-id.ts';
import { callDocker, dockerImage, requireDocker } from './docker-cli.ts';
import { propertiesEnvironment, serverProperties } from './server-properties.ts';

const label = 'dbsync.data-dir';
const dataInside = '/var/lib/kafka/data';
const watchIntervalMs = 2000;
const stopGraceS = 15;

/** What a container broker needs beyond the surroundings. */
export interface DockerBrokerOptions {
  readonly surroundings: BrokerSurroundings;
  readonly reason: string;
}

/** A broker in a container of ours. */
export class DockerBroker implements Broker {
  readonly kind = 'docker';
  readonly pid = null;
  readonly bootstrap: string;
  readonly clusterId: string;
  readonly reason: string;
  readonly #surroundings: BrokerSurroundings;
  readonly #folder: string;
  #ended: Promise<string> = Promise.resolve('never started');
  readonly #stopping = new AbortController();
  #stopped: Promise<void> | null = null;

  private constructor(options: DockerBrokerOptions) {
    this.#surroundings = options.surroundings;
    this.#folder = join(options.surroundings.dataDir, 'broker');
    this.bootstrap = `127.0.0.1:${options.surroundings.port}`;
    this.clusterId = keptClusterId(this.#folder);
    this.reason = options.reason;
  }

  /**
   * Starts a container and resolves when the broker in it answers with our cluster id.
   * @throws `port-taken`, `broker-failed`, `wrong-broker`, `stopped`; then no container is left.
   */
  static async start(options: DockerBrokerOptions): Promise<DockerBroker> {
    const broker = new DockerBroker(options);
    try {
      await broker.#begin(options.surroundings.signal);
    } catch (error) {
      await broker.stop();
      throw error;
    }
    return broker;
  }

  ended(): Promise<string> {
    return this.#ended;
  }

  async restart(): Promise<void> {
    await this.#begin(undefined);
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    await callDocker({ ...this.#call(), args: ['kill', '--signal', signal.replace(/^SIG/, ''), this.#name] });
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    const args = ['stop', '--time', String(stopGraceS), this.#name];
    await callDocker({ ...this.#call(), args, timeoutMs: (stopGraceS + 15) * 1000 });
    await this.#remove();
  }

  get #name(): string {
    return `dbsync-broker-${createHash('sha256').update(this.#surroundings.dataDir).digest('hex').slice(0, 12)}`;
  }

  #call(): { readonly environment: BrokerSurroundings['environment'] } {
    return { environment: this.#surroundings.environment };
  }

  async #begin(signal: AbortSignal | undefined): Promise<void> {
    const { port, dataDir } = this.#surroundings;
    await this.#remove();
    await requireFreePort({ port, purpose: 'Kafka', option: '--kafka-port' });
    const data = join(this.#folder, 'log');
    mkdirSync(data, { recursive: true });
    // The image runs as a user of its own. The folder above stays closed to other users of this machine.
    chmodSync(this.#folder, 0o700);
    chmodSync(data, 0o777);
    if (signal?.aborted || this.#stopping.signal.aborted) throw stoppedError('Kafka');
    await requireDocker({
      ...this.#call(),
      timeoutMs: 60_000,
      args: [
        ...['run', '--detach', '--name', this.#name, '--label', `${label}=${dataDir}`],
        ...['--publish', `127.0.0.1:${port}:${port}`],
        ...['--mount', `type=bind,source=${data},target=${dataInside}`],
        ...Object.entries(this.#environmentInside()).flatMap(([name, value]) => [
          '--env',
          `${name}=${value}`,
        ]),
        dockerImage(this.#surroundings.environment),
      ],
    });
    this.#ended = this.#watch();
    await brokerReady({
      surroundings: { ...this.#surroundings, signal },
      bootstrap: this.bootstrap,
      expectedClusterId: this.clusterId,
      requireAlive: async () => {
        if (this.#stopping.signal.aborted) throw stoppedError('Kafka');
        const how = await this.#howEnded();
        if (how !== null) throw brokerDied(how, (await this.#keepLog()).slice(-5));
      },
    });
  }

  #environmentInside(): Record<string, string> {
    const { port } = this.#surroundings;
    const controllerPort = port === 9093 ? 9094 : 9093;
    const properties = serverProperties({ port, controllerPort });
    properties.set('listeners', `PLAINTEXT://0.0.0.0:${port},CONTROLLER://127.0.0.1:${controllerPort}`);
    properties.set('log.dirs', dataInside);
    return { ...propertiesEnvironment(properties), CLUSTER_ID: this.clusterId, KAFKA_HEAP_OPTS: '-Xmx384m' };
  }

  /** How the container ended; null while it runs, or while the engine does not answer. */
  async #howEnded(): Promise<string | null> {
    const format = '{{.State.Running}} {{.State.ExitCode}}';
    const answer = await callDocker({ ...this.#call(), args: ['inspect', '--format', format, this.#name] });
    if (answer.outcome !== 'ended') return null;
    if (answer.exitCode !== 0) return /no such/i.test(answer.output) ? 'container removed' : null;
    const [running, exitCode] = answer.stdout.trim().split(' ');
    return running === 'true' ? null : `exit code ${exitCode}`;
  }

  async #watch(): Promise<string> {
    for (;;) {
      await pause(watchIntervalMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      if (this.#stopping.signal.aborted) return 'stopped';
      const how = await this.#howEnded();
      if (how !== null) return how;
    }
  }

  /** Keeps the end of the container's log in broker.log and returns its lines. */
  async #keepLog(): Promise<readonly string[]> {
    const logs = await callDocker({ ...this.#call(), args: ['logs', '--tail', '500', this.#name] });
    if (logs.exitCode !== 0 || logs.output === '') return [];
    writeFileSync(join(this.#folder, 'broker.log'), logs.output);
    return logs.output.trimEnd().split('\n');
  }

  async #remove(): Promise<void> {
    await this.#keepLog();
    await removeContainers(this.#surroundings);
  }
}

/** Removes the containers that carry the label of a data directory, whichever run started them. */
export async function removeContainers(
  of: Pick<BrokerSurroundings, 'dataDir' | 'environment'>,
): Promise<void> {
  const { dataDir, environment } = of;
  const filter = `label=${label}=${dataDir}`;
  const found = await callDocker({ environment, args: ['ps', '--all', '--quiet', '--filter', filter] });
  const ids = found.exitCode === 0 ? found.stdout.split('\n').filter((id) => id !== '') : [];
  if (ids.length > 0) {
    await callDocker({ environment, args: ['rm', '--force', '--volumes', ...ids], timeoutMs: 30_000 });
  }
}

/**
 * Empties a folder that a container has written, where this user may not: the files belong to the image's user.
 * @throws `broker-failed` when docker cannot.
 */
export async function emptyDockerData(options: {
  readonly folder: string;
  readonly environment: BrokerSurroundings['environment'];
}): Promise<void> {
  const { folder, environment } = options;
  await requireDocker({
    environment,
    timeoutMs: 60_000,
    args: [
      ...['run', '--rm', '--user', '0', '--network', 'none', '--entrypoint', 'find'],
      ...['--mount', `type=bind,source=${folder},target=/emptied`],
      ...[dockerImage(environment), '/emptied', '-mindepth', '1', '-delete'],
    ],
  });
}
