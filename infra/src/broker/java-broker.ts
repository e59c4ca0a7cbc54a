/**
 * Apache Kafka as a Java child process: broker and controller in one, on 127.0.0.1, data under the data directory.
 *
 * Everything of it lies in `<data-dir>/broker`: `cluster.id`, `server.properties` (written anew at each start),
 * `log/` (Kafka's data, formatted once) and `broker.log`. States: running -> ended -> running …, by `restart()`.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InfraError } from '../infra-error.ts';
import { BoundedLogFile } from '../process/bounded-log-file.ts';
import { type Life, startLife } from '../process/life.ts';
import { chooseFreePorts, requireFreePort } from '../process/ports.ts';
import { runCommand } from '../process/run-command.ts';
import { stoppedError } from '../process/wait-for.ts';
import type { Broker, BrokerSurroundings } from './broker.ts';
import { brokerDied, brokerReady } from './broker-readiness.ts';
import { keptClusterId } from './cluster-id.ts';
import { ensureKafkaJars } from './kafka-jars.ts';
import { propertiesText, serverProperties, withLinks } from './server-properties.ts';

const heapMegabytes = 384;
const stopGraceMs = 15_000;
/** The controller's port may be taken between the choice and the bind; then the start is tried again. */
const startAttempts = 3;

/** What a Java broker needs beyond the surroundings. */
export interface JavaBrokerOptions {
  readonly surroundings: BrokerSurroundings;
  /** The java program. */
  readonly java: string;
  readonly reason: string;
}

/** A broker that is our child. */
export class JavaBroker implements Broker {
  readonly kind = 'java';
  readonly bootstrap: string;
  readonly clusterId: string;
  readonly reason: string;
  readonly #options: JavaBrokerOptions;
  readonly #folder: string;
  readonly #logFile: BoundedLogFile;
  #life: Life | null = null;
  #stopped: Promise<void> | null = null;

  private constructor(options: JavaBrokerOptions) {
    this.#options = options;
    this.#folder = join(options.surroundings.dataDir, 'broker');
    this.bootstrap = `127.0.0.1:${options.surroundings.port}`;
    this.clusterId = keptClusterId(this.#folder);
    this.reason = options.reason;
    this.#logFile = new BoundedLogFile({ path: join(this.#folder, 'broker.log') });
  }

  /**
   * Starts a broker and resolves when it answers.
   * @throws `port-taken`, `download-failed`, `broker-failed`, `stopped`; then nothing of it is left running.
   */
  static async start(options: JavaBrokerOptions): Promise<JavaBroker> {
    const broker = new JavaBroker(options);
    try {
      await broker.#begin(options.surroundings.signal);
    } catch (error) {
      await broker.stop();
      throw error;
    }
    return broker;
  }

  get pid(): number | null {
    return this.#life === null || this.#life.isOver() ? null : this.#life.pid;
  }

  ended(): Promise<string> {
    return this.#life?.ended ?? Promise.resolve('never started');
  }

  async restart(): Promise<void> {
    if (this.pid !== null) {
      throw new InfraError({
        code: 'broker-failed',
        message: `The broker at ${this.bootstrap} is still running.`,
        hint: 'End it first.',
      });
    }
    await this.#begin(undefined);
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#life?.signal(signal);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await this.#life?.stop(stopGraceMs);
    this.#logFile.close();
  }

  async #begin(signal: AbortSignal | undefined): Promise<void> {
    const { surroundings } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      await requireFreePort({ port: surroundings.port, purpose: 'Kafka', option: '--kafka-port' });
      const jars = await ensureKafkaJars(surroundings);
      await this.#format(jars);
      if (signal?.aborted || this.#stopped !== null) throw stoppedError('Kafka');
      const life = await this.#spawn(jars);
      try {
        await this.#ready(life, signal);
        return;
      } catch (error) {
        await life.stop(stopGraceMs);
        const isControllerPortLost = this.#logFile.recentLines().some((line) => line.includes('in use'));
        if (attempt === startAttempts || !isControllerPortLost) throw error;
      }
    }
  }

  /** Writes the settings with a fresh controller port; formats the data folder unless that is done. */
  async #format(jars: string): Promise<void> {
    const { surroundings, java } = this.#options;
    const [controllerPort = 0] = await chooseFreePorts(1);
    mkdirSync(this.#folder, { recursive: true });
    const ports = { port: surroundings.port, controllerPort };
    const linked = withLinks(serverProperties(ports), surroundings.links ?? []);
    const properties = new Map([...linked, ...(surroundings.settings ?? [])]);
    writeFileSync(join(this.#folder, 'server.properties'), propertiesText(properties));
    if (existsSync(join(this.#folder, 'log', 'meta.properties'))) return;
    const format = ['format', '--ignore-formatted', '-t', this.clusterId, '-c', 'server.properties'];
    const result = await runCommand({
      command: java,
      args: ['-cp', join(jars, '*'), 'kafka.tools.StorageTool', ...format],
      cwd: this.#folder,
      env: surroundings.environment,
      timeoutMs: 60_000,
      signal: surroundings.signal,
      onLine: (line) => this.#logFile.write(line),
    });
    if (result.outcome === 'called-off') throw stoppedError('Kafka');
    if (result.outcome !== 'ended' || result.exitCode !== 0) {
      throw brokerDied(`formatting ${result.outcome}`, this.#logFile.recentLines());
    }
  }

  #spawn(jars: string): Promise<Life> {
    const { surroundings, java } = this.#options;
    const logger = 'org.slf4j.simpleLogger';
    const started = startLife({
      command: java,
      args: [
        `-Xmx${heapMegabytes}m`,
        '-XX:+UseSerialGC',
        `-D${logger}.logFile=System.out`,
        `-D${logger}.showDateTime=true`,
        `-D${logger}.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ`,
        // Two pages of settings at every start say nothing that server.properties does not.
        `-D${logger}.log.org.apache.kafka.common.config=warn`,
        '-cp',
        join(jars, '*'),
        'kafka.Kafka',
        'server.properties',
      ],
      cwd: this.#folder,
      environment: definedOnly(surroundings.environment),
      onLine: (line) => this.#logFile.write(line),
      onSpawn: surroundings.onSpawn,
    });
    return started.then((life) => {
      this.#life = life;
      return life;
    });
  }

  #ready(life: Life, signal: AbortSignal | undefined): Promise<void> {
    return brokerReady({
      surroundings: { ...this.#options.surroundings, signal },
      bootstrap: this.bootstrap,
      expectedClusterId: this.clusterId,
      requireAlive: async () => {
        if (life.isOver()) throw brokerDied(await life.ended, this.#logFile.recentLines().slice(-5));
        if (this.#stopped !== null) throw stoppedError('Kafka');
      },
    });
  }
}

function definedOnly(environment: BrokerSurroundings['environment']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
