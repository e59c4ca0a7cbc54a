/**
 * Builds the image of the services and, where the official one cannot be pulled, one of Kafka.
 *
 * Base images first, then the services, then Kafka; each step says how long it took. The Dockerfiles are the same
 * whatever they stand on: on Debian's packages this machine lays the services out, because a build sees none of
 * its registry settings.
 */
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { callDocker, requireDocker } from '../broker/docker-cli.ts';
import { ensureKafkaJars } from '../broker/kafka-jars.ts';
import type { Environment } from '../cluster/service-environment.ts';
import { InfraError } from '../infra-error.ts';
import { runCommand } from '../process/run-command.ts';
import { type BaseImages, findBaseImages, imagesFolder } from './base-images.ts';
import { imageVersion, ownKafkaImage, serviceImage } from './image-names.ts';
import type { ImageOptions } from './image-options.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const buildTimeoutMs = 15 * 60_000;
const assembleTimeoutMs = 5 * 60_000;

/** What building needs. */
export interface BuildImagesOptions extends ImageOptions {
  readonly environment: Environment;
  readonly print: (line: string) => void;
}

/**
 * Builds them; resolves with the names of the images of the services and of Kafka.
 * @throws `no-broker` without an engine, `broker-failed` when a build fails, `download-failed`.
 */
export async function buildImages(options: BuildImagesOptions): Promise<{ service: string; kafka: string }> {
  const { environment, print } = options;
  await requireEngine(environment);
  const timed = async <T>(what: string, step: () => Promise<T>): Promise<T> => {
    const begun = performance.now();
    const result = await step();
    print(`${what}: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    return result;
  };
  const base = await timed('base images', () => findBaseImages({ ...options, requested: options.base }));
  await timed(serviceImage, () => buildServices(base, environment));
  if (options.tag !== undefined) {
    await requireDocker({ environment, args: ['tag', serviceImage, options.tag] });
  }
  if (base.kind === 'public') return { service: serviceImage, kafka: 'apache/kafka' };
  await timed(ownKafkaImage, () => buildKafka(base.java, options));
  return { service: serviceImage, kafka: ownKafkaImage };
}

async function requireEngine(environment: Environment): Promise<void> {
  const engine = await callDocker({ environment, args: ['version', '--format', '{{.Server.Version}}'] });
  if (engine.outcome === 'ended' && engine.exitCode === 0) return;
  throw new InfraError({
    code: 'no-broker',
    message: engine.outcome === 'missing' ? 'There is no docker command.' : 'No Docker engine answers.',
    hint: 'Install and start Docker, or point DOCKER_HOST at an engine.',
  });
}

async function buildServices(base: BaseImages, environment: Environment): Promise<void> {
  const labels = ['--build-arg', `VERSION=${imageVersion}`, '--build-arg', `REVISION=${await revision()}`];
  if (base.kind === 'public') {
    await build({ environment, dockerfile: 'service.Dockerfile', context: repository, args: labels });
    return;
  }
  await withContext(async (context) => {
    mkdirSync(join(context, 'infra'));
    cpSync(imagesFolder, join(context, 'infra', 'images'), { recursive: true });
    await assemble(join(context, 'assembled'), environment);
    const args = [
      ...labels,
      '--build-arg',
      `BUILD_IMAGE=${base.node}`,
      '--build-arg',
      `NODE_IMAGE=${base.node}`,
    ];
    await build({ environment, dockerfile: 'service.Dockerfile', context, args });
  });
}

async function buildKafka(java: string, options: BuildImagesOptions): Promise<void> {
  const { environment, print } = options;
  const jars = await ensureKafkaJars({ environment, onProgress: print });
  await withContext(async (context) => {
    cpSync(jars, join(context, 'libs'), { recursive: true });
    for (const file of ['run-kafka', 'server.properties']) {
      copyFileSync(join(imagesFolder, file), join(context, file));
    }
    const args = ['--build-arg', `JAVA_IMAGE=${java}`];
    await build({ environment, dockerfile: 'kafka.Dockerfile', tag: ownKafkaImage, context, args });
  });
}

async function withContext(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'dbsync-image-'));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function assemble(folder: string, environment: Environment): Promise<void> {
  const result = await runCommand({
    command: join(imagesFolder, 'assemble'),
    args: [folder],
    cwd: repository,
    env: environment,
    timeoutMs: assembleTimeoutMs,
  });
  if (result.outcome === 'ended' && result.exitCode === 0) return;
  throw new InfraError({
    code: 'download-failed',
    message: `The services could not be laid out (${result.outcome}):\n${result.output.split('\n').slice(-12).join('\n')}`,
    hint: 'See that pnpm install works here.',
  });
}

async function build(what: {
  readonly environment: Environment;
  readonly dockerfile: string;
  readonly context: string;
  readonly args: readonly string[];
  readonly tag?: string;
}): Promise<void> {
  const { environment, dockerfile, context, args } = what;
  const file = join(imagesFolder, dockerfile);
  const tag = what.tag ?? serviceImage;
  const call = { environment, args: ['build', '--tag', tag, '--file', file, ...args, context] };
  const result = await callDocker({ ...call, timeoutMs: buildTimeoutMs });
  if (result.outcome === 'ended' && result.exitCode === 0) return;
  throw new InfraError({
    code: 'broker-failed',
    message: `${tag} could not be built (${result.outcome}):\n${result.output.split('\n').slice(-15).join('\n')}`,
    hint: 'Where public images cannot be pulled, build with --base debian.',
  });
}

async function revision(): Promise<string> {
  const asked = await runCommand({
    command: 'git',
    args: ['rev-parse', 'HEAD'],
    cwd: repository,
    timeoutMs: 5000,
  });
  return asked.exitCode === 0 ? asked.stdout.trim() : 'unknown';
}
