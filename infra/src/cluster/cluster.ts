/**
 * A local cluster: broker or PostgreSQL, order replicas, user-service and gateway as child processes of this one.
 *
 * Owns their lives from the first start to the last stop, and tells the outside in `dev.json`. What must be true
 * beforehand is in `cluster-ground.ts`, what a service is given in `service-maker.ts`.
 * Order of a start: ground, broker or PostgreSQL, all services at once. Of a stop: gateway, user-service, replicas, the rest.
 */
import type { Broker } from '../broker/broker.ts';
import { startBroker } from '../broker/start-broker.ts';
import { InfraError } from '../infra-error.ts';
import type { PostgresServer } from '../postgres/postgres-server.ts';
import { startPostgres } from '../postgres/start-postgres.ts';
import { chooseFreePorts, requireFreePort } from '../process/ports.ts';
import { ChildrenFile } from './children-file.ts';
import { type ClusterGround, prepareGround } from './cluster-ground.ts';
import { keepMemory } from './cluster-memory.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { type DevFile, removeDevFile, writeDevFile } from './dev-file.ts';
import { type Guardian, startGuardian } from './guardian.ts';
import { type KeepableServer, KeptServer } from './kept-server.ts';
import { replicasKnown } from './known-replicas.ts';
import { makeGateway, makeReplica, makeUserService, type ServiceGround } from './service-maker.ts';
import type { ServiceProcess } from './service-process.ts';

const readyTimeoutMs = 120_000;

/** A running cluster. */
export class Cluster {
  readonly #options: ClusterOptions;
  readonly #ground: ClusterGround;
  readonly #children: ChildrenFile;
  readonly #guardian: Guardian;
  readonly #replicas: ServiceProcess[] = [];
  #broker: KeptServer<Broker> | null = null;
  #postgres: KeptServer<PostgresServer> | null = null;
  /** Pid of a server that is being started and is nobody's yet. */
  #startingPid: number | null = null;
  #userService: ServiceProcess | null = null;
  #gateway: ServiceProcess | null = null;
  /** `dev.json` is kept up to date from the moment everything is ready until the stop begins. */
  #isTold = false;
  #stopped: Promise<void> | null = null;

  private constructor(options: ClusterOptions, ground: ClusterGround) {
    this.#options = options;
    this.#ground = ground;
    this.#children = new ChildrenFile(ground.directory.childrenFile);
    this.#guardian = startGuardian(options);
    options.killSignal?.addEventListener('abort', () => void this.stopAtOnce(), { once: true });
  }

  /**
   * Starts everything and resolves when all of it is ready and `dev.json` is written.
   * @throws what the ground, the broker or a service throws; nothing is left running then.
   */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options, await prepareGround(options));
    try {
      await cluster.#start();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Null in topologies without one. */
  get broker(): Broker | null {
    return this.#broker?.server ?? null;
  }

  /** Null in the other topologies than `shared-db`. */
  get postgres(): PostgresServer | null {
    return this.#postgres?.server ?? null;
  }

  get replicas(): readonly ServiceProcess[] {
    return this.#replicas;
  }

  /** @throws `not-found` in a cluster without a front end. */
  get userService(): ServiceProcess {
    return this.service('user-service');
  }

  /** @throws `not-found` in a cluster without a front end. */
  get gateway(): ServiceProcess {
    return this.service('gateway');
  }

  /** Replicas, user-service and gateway, in this order. */
  get services(): readonly ServiceProcess[] {
    return [...this.#replicas, ...this.#frontEnd];
  }

  get #frontEnd(): readonly ServiceProcess[] {
    return [this.#userService, this.#gateway].filter((service) => service !== null);
  }

  /** Pids of all children alive right now. */
  get pids(): readonly number[] {
    const servers = [this.#broker, this.#postgres].map((server) => server?.pid ?? null);
    const pids = [...servers, ...this.services.map((service) => service.pid)];
    return pids.filter((pid) => pid !== null);
  }

  /**
   * The replica or service of that name.
   * @throws `not-found`, naming those that there are.
   */
  service(name: string): ServiceProcess {
    const found = this.services.find((service) => service.name === name);
    if (found !== undefined) return found;
    throw new InfraError({
      code: 'not-found',
      message: `There is no ${name} here.`,
      hint: `There are: ${this.services.map((service) => service.name).join(', ')}.`,
    });
  }

  /** Adds a replica on the next port and resolves when it is ready. The number is remembered with the data. */
  async addReplica(): Promise<ServiceProcess> {
    const number = this.#replicas.length + 1;
    const port = this.#options.ports.order + number - 1;
    await requireFreePort({ port, purpose: `order-${number}`, option: '--order-port' });
    const replica = makeReplica(this.#serviceGround(), number);
    this.#replicas.push(replica);
    await replica.start();
    this.#remember();
    await replica.ready({ timeoutMs: readyTimeoutMs, isFirstStart: false, onProgress: this.#progress });
    // Without a broker, others know the replicas from their environment alone.
    if (this.#broker === null) await Promise.all(this.#frontEnd.map((service) => service.restart()));
    return replica;
  }

  /** Stops everything in order; resolves when no process of ours is left. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** SIGKILL to everything, also in the middle of a start or stop; resolves when no process of ours is left. */
  async stopAtOnce(): Promise<void> {
    // The server of a start under way is nobody's yet; its start then fails and takes itself down.
    if (this.#startingPid !== null) killGroup(this.#startingPid);
    const kept = [...this.services, this.#broker, this.#postgres];
    await Promise.all(kept.map((one) => one?.stopAtOnce()));
    await this.stop();
  }

  /** What `dev.json` says now. */
  describe(): DevFile {
    const { broker, postgres } = this;
    return {
      pid: process.pid,
      broker: broker && { kind: broker.kind, bootstrap: broker.bootstrap, pid: broker.pid },
      gateway: this.#gateway && { url: this.#gateway.url, pid: this.#gateway.pid },
      ...(postgres && { postgres: { kind: postgres.kind, url: postgres.shownUrl, pid: postgres.pid } }),
      userService: this.#userService && { url: this.#userService.url, pid: this.#userService.pid },
      orderReplicas: this.#replicas.map((replica) => ({
        replicaId: replica.name,
        url: replica.url,
        pid: replica.pid,
        database: postgres === null ? replica.database : null,
      })),
    };
  }

  async #start(): Promise<void> {
    try {
      if (this.#options.topology === 'kafka') this.#broker = await this.#keepBroker();
      if (this.#options.topology === 'shared-db') this.#postgres = await this.#keepPostgres();
    } finally {
      this.#startingPid = null;
    }
    const from = this.#serviceGround();
    for (let number = 1; number <= this.#ground.memory.replicas; number += 1) {
      this.#replicas.push(makeReplica(from, number));
    }
    const replicaUrls = (): string[] => this.#replicas.map((replica) => replica.url);
    if (this.#options.hasFrontEnd ?? true) {
      this.#userService = makeUserService(from, replicaUrls);
      this.#gateway = makeGateway(from, replicaUrls);
    }
    this.#remember();
    this.#progress(`starting ${this.services.map((service) => service.name).join(', ')}`);
    await Promise.all(this.services.map((service) => service.start()));
    const patience = { timeoutMs: readyTimeoutMs, isFirstStart: true, onProgress: this.#progress };
    await Promise.all(
      this.services.map((service) => service.ready({ ...patience, signal: this.#options.signal })),
    );
    await Promise.all(this.#frontEnd.map((service) => this.#knowsReplicas(service)));
    this.#isTold = true;
    this.#tell();
  }

  async #knowsReplicas({ name, url }: ServiceProcess): Promise<void> {
    const { signal, onReport } = this.#options;
    const replicas = this.#replicas.length;
    const missing = await replicasKnown({ name, url, replicas, signal, onProgress: this.#progress });
    if (missing !== null) onReport({ level: 'warn', message: missing });
  }

  async #keepBroker(): Promise<KeptServer<Broker>> {
    const { dataDir, ports, environment, describeCluster, signal } = this.#options;
    const server = await startBroker({
      requested: this.#options.broker,
      remembered: this.#ground.memory.broker,
      dataDir,
      port: ports.kafka,
      links: this.#options.brokerLinks,
      environment,
      describeCluster,
      signal,
      onProgress: this.#progress,
      onSpawn: (pid) => this.#record('broker', pid),
    });
    return this.#keep('broker', server);
  }

  async #keepPostgres(): Promise<KeptServer<PostgresServer>> {
    const { environment, signal } = this.#options;
    // Only the services speak to it, and they are told where it is: any port will do.
    const [port = 0] = await chooseFreePorts(1);
    const server = await startPostgres({
      folder: this.#ground.directory.postgresFolder,
      port,
      environment,
      signal,
      onProgress: this.#progress,
      onSpawn: (pid) => this.#record('postgres', pid),
    });
    return this.#keep('postgres', server);
  }

  #keep<S extends KeepableServer>(name: string, server: S): Promise<KeptServer<S>> {
    return KeptServer.start({
      name,
      server,
      isRestarting: this.#options.isRestarting,
      onDeath: (message) => this.#options.onReport({ level: 'warn', message }),
      onChange: () => this.#tell(),
    });
  }

  #record(name: string, pid: number): void {
    // One that is kept is started again by its keeper, who ends it as well.
    if (this.#broker === null && this.#postgres === null) this.#startingPid = pid;
    this.#children.record(name, pid);
  }

  async #stop(): Promise<void> {
    this.#isTold = false;
    await this.#gateway?.stop();
    await this.#userService?.stop();
    await Promise.all(this.#replicas.map((replica) => replica.stop()));
    await Promise.all([this.#broker?.stop(), this.#postgres?.stop()]);
    removeDevFile(this.#ground.directory.devFile);
    this.#children.remove();
    await this.#guardian.dismiss();
    this.#ground.lock.release();
  }

  #serviceGround(): ServiceGround {
    return {
      options: this.#options,
      ground: this.#ground,
      broker: this.broker,
      postgres: this.postgres,
      onSpawn: (name, pid) => this.#children.record(name, pid),
      onChange: () => this.#tell(),
    };
  }

  #remember(): void {
    const { memory, directory } = this.#ground;
    keepMemory(directory, {
      ...memory,
      broker: this.broker?.kind ?? memory.broker,
      replicas: this.#replicas.length,
    });
  }

  #tell(): void {
    if (this.#isTold) writeDevFile(this.#ground.directory.devFile, this.describe());
  }

  readonly #progress = (message: string): void => this.#options.onReport({ level: 'info', message });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
