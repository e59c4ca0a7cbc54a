/**
 * What the images stand on: the public images, or ones made from Debian's packages on this machine.
 *
 * Finding out which is one pull with a deadline. Making them is the business of `infra/images/debian-base`.
 */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { callDocker, requireDocker } from '../broker/docker-cli.ts';
import type { Environment } from '../cluster/service-environment.ts';
import { InfraError } from '../infra-error.ts';
import { runCommand } from '../process/run-command.ts';
import type { RequestedBase } from './image-options.ts';

/** Where the Dockerfiles and scripts are. */
export const imagesFolder = fileURLToPath(new URL('../../images', import.meta.url));

const pullTimeoutMs = 5 * 60_000;
const debianTimeoutMs = 15 * 60_000;
const publicNode = 'node:24.21.0-bookworm-slim';

/** Images to build on. `build` compiles the services, null where the host has already laid them out. */
export type BaseImages =
  | { readonly kind: 'public' }
  | { readonly kind: 'debian'; readonly node: string; readonly java: string };

/** What finding them needs. */
export interface BaseOptions {
  readonly requested: RequestedBase;
  readonly environment: Environment;
  readonly print: (line: string) => void;
}

/**
 * Finds or makes the base images.
 * @throws `broker-failed` when docker fails, `download-failed` when Debian's packages cannot be had.
 */
export async function findBaseImages(options: BaseOptions): Promise<BaseImages> {
  const { requested, environment, print } = options;
  if (requested === 'public') return { kind: 'public' };
  if (requested === 'auto' && (await canPull(environment))) return { kind: 'public' };
  if (requested === 'auto') print(`${publicNode} cannot be pulled; going on with Debian's packages`);
  const made = await runCommand({
    command: join(imagesFolder, 'debian-base'),
    args: [],
    env: environment,
    timeoutMs: debianTimeoutMs,
    onLine: (line) => {
      if (!/^(services|java) /.test(line)) print(line);
    },
  });
  const names = new Map(made.stdout.split('\n').map((line) => line.split(' ') as [string, string]));
  const [services, java] = [names.get('services'), names.get('java')];
  if (made.exitCode !== 0 || !services || !java) {
    throw new InfraError({
      code: 'download-failed',
      message: `The base images cannot be made from Debian's packages (${made.outcome}).`,
      hint: 'See the lines above. It needs Debian, root, debootstrap, and a mirror in the sources of apt.',
    });
  }
  return { kind: 'debian', node: await addNode(services, environment), java };
}

async function canPull(environment: Environment): Promise<boolean> {
  const found = await callDocker({ environment, args: ['image', 'inspect', publicNode] });
  if (found.exitCode === 0) return true;
  const pulled = await callDocker({ environment, args: ['pull', publicNode], timeoutMs: pullTimeoutMs });
  return pulled.exitCode === 0;
}

/** Adds the Node that runs this very command, which the lockfile pins. */
async function addNode(debian: string, environment: Environment): Promise<string> {
  const image = debian.replace('/debian-services:', `/node-${process.versions.node}:`);
  const context = mkdtempSync(join(tmpdir(), 'dbsync-node-'));
  try {
    copyFileSync(process.execPath, join(context, 'node'));
    copyFileSync(join(imagesFolder, 'node.Dockerfile'), join(context, 'Dockerfile'));
    await requireDocker({
      environment,
      timeoutMs: pullTimeoutMs,
      args: ['build', '--quiet', '--build-arg', `DEBIAN_IMAGE=${debian}`, '--tag', image, context],
    });
    return image;
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}
