/**
 * One running container in the hands of a test: what may happen to it, and what can be asked of it.
 *
 * running <-> paused; running <-> cut off from its network; running -> dead -> running, on the same volumes.
 */
import { mkdirSync } from 'node:fs';
import { getContainerRuntimeClient, type StartedTestContainer } from 'testcontainers';
import { callDocker } from '../../src/broker/docker-cli.ts';
import { waitFor } from '../../src/index.ts';

const readyTimeoutMs = 60_000;
const askTimeoutMs = 5_000;
const commandTimeoutMs = 60_000;

/** A container, its published address, and the network it belongs to. */
export class ContainerHandle {
  readonly name: string;
  /** `http://127.0.0.1:…`; empty for a container that publishes nothing. */
  readonly url: string;
  readonly #container: StartedTestContainer;
  readonly #network: string;

  constructor(options: { name: string; url: string; network: string; container: StartedTestContainer }) {
    this.name = options.name;
    this.url = options.url;
    this.#container = options.container;
    this.#network = options.network;
  }

  /** SIGKILL; resolves when it is dead. Its volumes stay. */
  async kill(): Promise<void> {
    const engine = await this.#engine();
    await engine.kill({ signal: 'SIGKILL' });
    await engine.wait({ condition: 'not-running' });
  }

  /** SIGTERM and the grace of its compose service; its volumes stay. */
  async stop(): Promise<void> {
    await (await this.#engine()).stop();
  }

  /** Starts it again after `kill` or `stop`. Resolves at once; see `untilReady`. */
  async startAgain(): Promise<void> {
    await (await this.#engine()).start();
  }

  /** Freezes every process in it, as a machine under another's load does. */
  async pause(): Promise<void> {
    await (await this.#engine()).pause();
  }

  async resume(): Promise<void> {
    await (await this.#engine()).unpause();
  }

  /** Takes its network away: nobody reaches it, it reaches nobody, the published port included. */
  async cutOff(): Promise<void> {
    const { network } = await getContainerRuntimeClient();
    await network.getById(this.#network).disconnect({ Container: this.#container.getId() });
  }

  /** Gives it its network back, under the same name. */
  async rejoin(): Promise<void> {
    const { network } = await getContainerRuntimeClient();
    await network
      .getById(this.#network)
      .connect({ Container: this.#container.getId(), EndpointConfig: { Aliases: [this.name] } });
  }

  /** Ends it at once and removes it. Its named volumes stay. */
  async remove(): Promise<void> {
    await (await this.#engine()).remove({ force: true, v: true });
  }

  /** Waits until `/readyz` answers 200 on the published port. Gives the seconds it took. */
  async untilReady(): Promise<number> {
    const begun = performance.now();
    await waitFor({
      what: `${this.name} to be ready`,
      timeoutMs: readyTimeoutMs,
      look: async () => {
        try {
          const answer = await fetch(`${this.url}/readyz?verbose`, {
            signal: AbortSignal.timeout(askTimeoutMs),
          });
          return answer.ok ? { found: true } : { missing: await answer.text() };
        } catch (error) {
          return { missing: String((error as Error).cause ?? error) };
        }
      },
    });
    return (performance.now() - begun) / 1000;
  }

  /** Runs a JavaScript module in it with Node and gives the JSON that it prints. Works while it is cut off. */
  async evaluate<T>(module: string, ...args: string[]): Promise<T> {
    const id = this.#container.getId();
    const node = ['node', '--input-type=module', '--eval', module, ...args];
    return JSON.parse(await this.#docker('exec', id, ...node)) as T;
  }

  /**
   * Copies its data folder out, frozen meanwhile, so that database and WAL are of one instant; gives the path of the
   * copy of its database.
   */
  async copyData(folder: string): Promise<string> {
    const target = `${folder}/${this.name}`;
    mkdirSync(target, { recursive: true });
    await this.pause();
    try {
      await this.#docker('cp', `${this.#container.getId()}:/data/.`, target);
    } finally {
      await this.resume();
    }
    return `${target}/service.db`;
  }

  /** The end of what it has printed. */
  async lastLines(): Promise<string> {
    const args = ['logs', '--tail', '80', this.#container.getId()];
    return (await callDocker({ environment: process.env, args })).output;
  }

  /** The command line: what dockerode streams now and then ends with `aborted` although all of it has arrived. */
  async #docker(...args: string[]): Promise<string> {
    const result = await callDocker({ environment: process.env, args, timeoutMs: commandTimeoutMs });
    if (result.exitCode === 0) return result.stdout;
    throw new Error(`${this.name}: docker ${args[0]} failed (${result.outcome}): ${result.output}`);
  }

  async #engine() {
    const { container } = await getContainerRuntimeClient();
    return container.getById(this.#container.getId());
  }
}
