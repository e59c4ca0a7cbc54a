/**
 * The system as a compose command starts it, for the tests of the compose files themselves.
 */
import { randomBytes } from 'node:crypto';
import { callDocker } from '../../src/broker/docker-cli.ts';
import { chooseFreePorts, runCommand, waitFor } from '../../src/index.ts';
import { runAll } from './cleanup.ts';
import type { EngineImages } from './engine.ts';

/** Longest times of the commands, in milliseconds. `logs` and the rest are questions to what runs. */
const timeoutsMs = { up: 120_000, down: 60_000, other: 30_000 };

/** The compose command of this machine, docker's own or the older program; null where there is none. */
export async function findCompose(): Promise<readonly string[] | null> {
  for (const command of [['docker', 'compose'], ['docker-compose']]) {
    const [program = '', ...args] = command;
    const asked = await runCommand({ command: program, args: [...args, 'version'], timeoutMs: 10_000 });
    if (asked.outcome === 'ended' && asked.exitCode === 0) return command;
  }
  return null;
}

/** What to start. */
export interface ComposeProjectOptions {
  readonly compose: readonly string[];
  readonly images: EngineImages;
  readonly files: readonly string[];
  /** Services that must be healthy. */
  readonly services: number;
  /** Laid over the time limits. */
  readonly timeoutsMs?: Partial<typeof timeoutsMs>;
}

/** A project that runs. */
export interface ComposeProject {
  readonly gatewayUrl: string;
  /** Service, address and port of everything that is published. */
  readonly published: readonly string[];
  /** Calls the compose command for it and gives what it prints. @throws Error when it fails. */
  readonly compose: (...args: string[]) => Promise<string>;
}

/** Starts the files, hands the project to `use`, prints the logs when that fails, and takes all down. */
export async function withComposeProject(
  options: ComposeProjectOptions,
  use: (project: ComposeProject) => Promise<void>,
): Promise<void> {
  const { compose, images, files } = options;
  const [port = 0] = await chooseFreePorts(1);
  const project = `dbsync-test-${randomBytes(4).toString('hex')}`;
  const env = {
    ...process.env,
    SERVICE_IMAGE: images.service,
    KAFKA_IMAGE: images.kafka,
    GATEWAY_PORT: String(port),
    DBSYNC_SECRET: randomBytes(32).toString('hex'),
    KAFKA_SASL_PASSWORD: randomBytes(32).toString('hex'),
  };
  const [command = '', ...first] = compose;
  const call = async (...args: string[]): Promise<string> => {
    const all = [...first, '--project-name', project, ...files.flatMap((file) => ['--file', file]), ...args];
    const limits: Record<string, number> = { ...timeoutsMs, ...options.timeoutsMs };
    const timeoutMs = limits[args[0] ?? ''] ?? timeoutsMs.other;
    const result = await runCommand({ command, args: all, env, timeoutMs });
    if (result.exitCode === 0) return result.output;
    throw new Error(`compose ${args[0]} failed (${result.outcome}):\n${result.output}`);
  };
  const startAndUse = async (): Promise<void> => {
    await call('up', '--detach', ...(first.length > 0 ? ['--wait'] : []));
    // The older program waits for what others depend on, and for nothing else: the gateway may still be starting.
    const listed = await untilHealthy(project, options.services);
    await use({
      gatewayUrl: `http://127.0.0.1:${port}`,
      compose: call,
      published: listed.filter((line) => line.includes('->')).map((line) => line.replace(/ Up .*\)/, '')),
    });
  };
  await runAll([
    () =>
      startAndUse().catch(async (error) => {
        console.error(await call('logs', '--tail', '40').catch(String));
        throw error;
      }),
    () => call('down', '--volumes', '--timeout', '20'),
  ]);
}

/** Waits until so many containers of a project are healthy; gives a line for each: service, status, ports. */
async function untilHealthy(project: string, services: number): Promise<string[]> {
  const filter = `label=com.docker.compose.project=${project}`;
  const format = '{{.Label "com.docker.compose.service"}} {{.Status}} {{.Ports}}';
  return await waitFor({
    what: `${services} healthy containers`,
    timeoutMs: 60_000,
    look: async () => {
      const args = ['ps', '--filter', filter, '--format', format];
      const { stdout } = await callDocker({ environment: process.env, args });
      const lines = stdout.trim().split('\n');
      const healthy = lines.filter((line) => line.includes('(healthy)'));
      return healthy.length === services ? { found: lines } : { missing: stdout.trim() };
    },
  });
}
