/**
 * A container as testcontainers starts it, from a service of the compose file: image, command, environment,
 * volumes, restrictions and health check are the file's. Three things differ. Its port is published on loopback, so
 * that a test can ask it; it is not started again by itself, so that a test can see it dead; and what it depends on,
 * Kafka apart, is not waited for.
 */
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';
import { callDocker } from '../../src/broker/docker-cli.ts';
import type { ComposeService } from './compose-file.ts';
import { startOrTell } from './container-start.ts';

const startupTimeoutMs = 60_000;

/** What a test adds to the file. */
export interface ComposeContainerOptions {
  readonly name: string;
  readonly service: ComposeService;
  /** Name of the network; the container is known there as `name`. */
  readonly network: string;
  /** Put before names of volumes. */
  readonly volumePrefix: string;
  /** Laid over the environment of the file. */
  readonly environment: Readonly<Record<string, string>>;
  /** Port of 127.0.0.1 for a service of ours. Default: nothing is published. */
  readonly publishedPort?: number;
}

/** Container port of every service of ours. */
const servicePort = 8080;

class ComposeContainer extends GenericContainer {
  /** Of the container that was made, whether it started or not. */
  id: string | undefined;

  constructor(options: ComposeContainerOptions) {
    const { service, name, network, publishedPort } = options;
    super(service.image);
    this.hostConfig.ReadonlyRootfs = service.read_only;
    this.createOpts.StopTimeout = Number.parseInt(service.stop_grace_period, 10);
    this.createOpts.NetworkingConfig = { EndpointsConfig: { [network]: { Aliases: [name] } } };
    this.withNetworkMode(network)
      .withEnvironment({ ...service.environment, ...options.environment })
      .withBindMounts(volumesOf(options).map(([source, target]) => ({ source, target })))
      .withDroppedCapabilities(...service.cap_drop)
      .withSecurityOpt(...service.security_opt)
      .withStartupTimeout(startupTimeoutMs)
      .withHealthCheck({
        test: service.healthcheck.test as ['CMD', ...string[]],
        interval: milliseconds(service.healthcheck.interval),
        timeout: milliseconds(service.healthcheck.timeout),
        retries: service.healthcheck.retries,
        startPeriod: milliseconds(service.healthcheck.start_period),
      });
    if (service.command) this.withCommand(service.command);
    if (publishedPort === undefined) {
      this.withWaitStrategy(Wait.forHealthCheck());
      return;
    }
    this.withExposedPorts({ container: servicePort, host: publishedPort });
    this.hostConfig.PortBindings = {
      [`${servicePort}/tcp`]: [{ HostIp: '127.0.0.1', HostPort: String(publishedPort) }],
    };
    // It answers. Whether it is ready, the handle asks: it can say why not.
    this.withWaitStrategy(Wait.forLogMessage(/answers/));
  }

  protected override async containerCreated(id: string): Promise<void> {
    this.id = id;
  }
}

/**
 * Starts it; resolves when Kafka is healthy, or when a service of ours answers.
 * @throws Error with its last lines when it does not; the container is gone then, its volumes are not.
 */
export function startComposeContainer(options: ComposeContainerOptions): Promise<StartedTestContainer> {
  const container = new ComposeContainer(options);
  const docker = async (...args: string[]) =>
    await callDocker({ environment: process.env, args: [...args, container.id ?? ''], timeoutMs: 30_000 });
  return startOrTell({
    name: options.name,
    start: (follow) => container.withLogConsumer(follow).start(),
    printed: async () => (container.id === undefined ? '' : (await docker('logs', '--tail', '40')).output),
    remove: async () => {
      if (container.id === undefined) return;
      const { exitCode, output } = await docker('rm', '--force', '--volumes');
      // testcontainers has removed it already, as a rule.
      if (exitCode !== 0 && !output.includes('No such container')) throw new Error(output);
    },
  });
}

/** Name and mount point of each volume. */
export function volumesOf(
  options: Pick<ComposeContainerOptions, 'service' | 'volumePrefix'>,
): readonly (readonly [source: string, target: string])[] {
  return options.service.volumes.map((volume) => {
    const [source = '', target = ''] = volume.split(':');
    return [`${options.volumePrefix}${source}`, target] as const;
  });
}

function milliseconds(text: string): number {
  const seconds = /^(\d+)s$/.exec(text)?.[1];
  if (seconds === undefined) throw new Error(`${text}: expected whole seconds, such as 5s`);
  return Number(seconds) * 1000;
}
