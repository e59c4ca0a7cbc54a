/**
 * The system of the compose file in containers: one Kafka and one network for a test file, and for each test
 * services with topics and volumes of their own.
 *
 * Import it in a test file, and all that was started there is removed after the file's tests; when a test fails,
 * the last lines of the containers that are alive at that moment are printed. One that does not start says its last
 * lines in the error, in a test and in a hook alike.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Chain, createChain } from '@dbsync/replication/testing';
import { getContainerRuntimeClient, Network, type StartedNetwork } from 'testcontainers';
import { afterAll, afterEach } from 'vitest';
import { chooseFreePorts } from '../../src/index.ts';
import type { LoadRecord } from '../../src/load/order-load.ts';
import { assertSameRows } from '../convergence.ts';
import { addCleanup, cleanUp, runAll } from './cleanup.ts';
import { startComposeContainer, volumesOf } from './compose-container.ts';
import { type ComposeService, readCompose } from './compose-file.ts';
import { ContainerHandle } from './container-handle.ts';
import type { EngineImages } from './engine.ts';

/** Kafka on a network of its own. */
export interface ContainerGround {
  readonly kafka: ContainerHandle;
  readonly network: string;
  /** Of every cluster on this ground, for the judge. */
  readonly chain: Chain;
  readonly images: EngineImages;
  /** The services of the compose file. */
  readonly services: Readonly<Record<string, ComposeService>>;
}

const living = new Set<ContainerHandle>();

afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail') return;
  for (const handle of living) {
    console.error(`last lines of ${handle.name}:\n${await handle.lastLines().catch(String)}`);
  }
});
afterAll(cleanUp);

/** Starts Kafka from the compose file. */
export async function startGround(images: EngineImages): Promise<ContainerGround> {
  const [cluster, secret] = ['containers', randomBytes(32).toString('hex')];
  const services = readCompose({
    SERVICE_IMAGE: images.service,
    KAFKA_IMAGE: images.kafka,
    DBSYNC_CLUSTER: cluster,
    DBSYNC_SECRET: secret,
  });
  const started: StartedNetwork = await new Network().start();
  addCleanup(() => started.stop());
  const network = started.getName();
  const prefix = `${network}-`;
  const kafka = await startOne({ name: 'kafka', services, network, volumePrefix: prefix, environment: {} });
  return { kafka, network, images, services, chain: createChain({ cluster, secret }) };
}

/** What a test wants. */
export interface StackOptions {
  readonly ground: ContainerGround;
  /** Names of services of the compose file; started together. Default: the order replicas. */
  readonly names?: readonly string[];
  /** Laid over the environment of every service. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Services that a test owns. */
export class ContainerStack {
  readonly #ground: ContainerGround;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #volumePrefix: string;
  readonly #handles = new Map<string, ContainerHandle>();
  readonly #copies = mkdtempSync(join(tmpdir(), 'dbsync-copies-'));

  private constructor(options: StackOptions) {
    const prefix = `test-${randomBytes(4).toString('hex')}`;
    this.#ground = options.ground;
    this.#volumePrefix = `${prefix}-`;
    this.#environment = { DBSYNC_TOPIC_PREFIX: `${prefix}.`, ...options.environment };
  }

  /** Starts the services and resolves when all are ready. */
  static async start(options: StackOptions): Promise<ContainerStack> {
    const stack = new ContainerStack(options);
    addCleanup(() => stack.stop());
    const names = options.names ?? ['order-1', 'order-2', 'order-3'];
    const starts = await Promise.allSettled(names.map((name) => stack.add(name)));
    // Only when all have come to an end: what is on its way yet would not be found by whoever cleans up.
    const failures = starts.flatMap((start) =>
      start.status === 'rejected' ? [start.reason as unknown] : [],
    );
    if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join('\n'));
    if (failures.length === 1) throw failures[0];
    return stack;
  }

  /** The container of a service. */
  of(name: string): ContainerHandle {
    const handle = this.#handles.get(name);
    if (handle === undefined) throw new Error(`no container ${name}`);
    return handle;
  }

  /** The order replicas that run. */
  get replicas(): readonly ContainerHandle[] {
    return [...this.#handles.values()].filter(({ name }) => name.startsWith('order-'));
  }

  /** Base URLs of the order replicas. */
  get orderUrls(): readonly string[] {
    return this.replicas.map(({ url }) => url);
  }

  /**
   * Starts a service of the compose file, or one more order replica like the others; on the volume that one of this
   * name has left in this test, if any. Resolves when it is ready.
   */
  async add(name: string, image?: string): Promise<ContainerHandle> {
    const services = { ...this.#ground.services };
    services[name] ??= anotherReplica(name, services);
    const service = services[name];
    if (service && image !== undefined) services[name] = { ...service, image };
    const handle = await startOne({
      ...{ name, services, network: this.#ground.network },
      volumePrefix: this.#volumePrefix,
      environment: this.#environment,
    });
    this.#handles.set(name, handle);
    await handle.untilReady();
    return handle;
  }

  /** Takes a service away: SIGTERM with its grace, then its container. Its volume stays. */
  async take(name: string): Promise<void> {
    const handle = this.of(name);
    await handle.stop();
    await this.#remove(handle);
  }

  /** Removes the volume of a service that was taken away. */
  async wipe(name: string): Promise<void> {
    const service = this.#ground.services[name];
    if (service) await removeVolumes({ service, volumePrefix: this.#volumePrefix });
  }

  /** Copies of the database files of all order replicas, taken out of the containers. */
  async copyDatabases(): Promise<string[]> {
    return await Promise.all(this.replicas.map((replica) => replica.copyData(this.#copies)));
  }

  /** Copies the files out, compares them row by row, and holds them against the loads. @throws Error with what is wrong. */
  async assertSameRows(...records: readonly LoadRecord[]): Promise<void> {
    await assertSameRows(await this.copyDatabases(), { chain: this.#ground.chain, records });
  }

  /** Removes its containers, volumes and copies. Idempotent. */
  async stop(): Promise<void> {
    const handles = [...this.#handles.values()];
    await runAll([
      ...handles.map((handle) => () => this.#remove(handle)),
      () => this.#removeVolumes(),
      async () => rmSync(this.#copies, { recursive: true, force: true }),
    ]);
  }

  async #remove(handle: ContainerHandle): Promise<void> {
    await handle.remove();
    this.#handles.delete(handle.name);
    living.delete(handle);
  }

  async #removeVolumes(): Promise<void> {
    const { container } = await getContainerRuntimeClient();
    const { Volumes } = await container.dockerode.listVolumes();
    const ours = Volumes.filter(({ Name }) => Name.startsWith(this.#volumePrefix));
    await runAll(
      ours.map(
        ({ Name }) =>
          () =>
            container.dockerode.getVolume(Name).remove(),
      ),
    );
  }
}

function anotherReplica(name: string, services: Readonly<Record<string, ComposeService>>): ComposeService {
  const first = services['order-1'];
  if (first === undefined) throw new Error('the compose file has no order-1');
  const environment = { ...first.environment, REPLICA_ID: name, ADVERTISED_URL: `http://${name}:8080` };
  return { ...first, environment, volumes: [`${name}:/data`] };
}

async function startOne(options: {
  readonly name: string;
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly network: string;
  readonly volumePrefix: string;
  readonly environment: Readonly<Record<string, string>>;
}): Promise<ContainerHandle> {
  const { name, services, network, volumePrefix } = options;
  const service = services[name];
  if (service === undefined) throw new Error(`the compose file has no service ${name}`);
  const isOurs = name !== 'kafka';
  const [port = 0] = isOurs ? await chooseFreePorts(1) : [];
  // Before the start: one that fails leaves its volumes.
  if (!isOurs) addCleanup(() => removeVolumes({ service, volumePrefix }));
  const container = await startComposeContainer({
    ...{ name, service, network, volumePrefix },
    environment: isOurs ? options.environment : {},
    ...(isOurs ? { publishedPort: port } : {}),
  });
  const url = isOurs ? `http://127.0.0.1:${port}` : '';
  const handle = new ContainerHandle({ name, url, network, container });
  living.add(handle);
  if (!isOurs) addCleanup(() => handle.remove());
  return handle;
}

async function removeVolumes(of: { service: ComposeService; volumePrefix: string }): Promise<void> {
  const { container } = await getContainerRuntimeClient();
  await Promise.all(volumesOf(of).map(([name]) => container.dockerode.getVolume(name).remove()));
}
