/**
 * The Docker engine that container tests run on, or the reason why there is none.
 *
 * On a developer's machine a missing engine or image is a reason to skip; in CI it is a failure, so that nothing
 * passes there that did not run.
 */
import type { Finding } from '../../src/broker/broker-choice.ts';
import { callDocker, dockerImage, findDocker } from '../../src/broker/docker-cli.ts';
import { serviceImage } from '../../src/images/image-names.ts';

// Its image, of the helper that cleans up after a killed run, can be had only where a registry can be reached.
process.env.TESTCONTAINERS_RYUK_DISABLED ??= 'true';

/** Images of a run on containers. */
export interface EngineImages {
  readonly service: string;
  readonly kafka: string;
}

/**
 * Looks for an engine with both images.
 * @throws Error in CI, when there is none.
 */
export async function findEngine(): Promise<EngineImages | { readonly absent: string }> {
  return requireInCi(await look());
}

/**
 * Looks for an engine with Kafka's image, for tests that need no other.
 * @throws Error in CI, when there is none.
 */
export async function findKafkaEngine(): Promise<Finding> {
  const { env: environment } = process;
  return requireInCi(await findDocker({ environment, onProgress: (sentence) => console.info(sentence) }));
}

function requireInCi<T extends object>(found: T): T {
  if ('absent' in found && process.env.CI === 'true') {
    throw new Error(`In CI the container tests must run: ${found.absent}.`);
  }
  return found;
}

async function look(): Promise<EngineImages | { readonly absent: string }> {
  const environment = process.env;
  const asked = await callDocker({ environment, args: ['version', '--format', '{{.Server.Version}}'] });
  if (asked.outcome === 'missing') return { absent: 'there is no docker command' };
  if (asked.exitCode !== 0) return { absent: 'no Docker engine answers' };
  const service = environment.SERVICE_IMAGE || serviceImage;
  const inspected = await callDocker({ environment, args: ['image', 'inspect', service] });
  if (inspected.exitCode !== 0) return { absent: `there is no image ${service}: build it with pnpm images` };
  // Last, as it may pull the image of Kafka.
  const docker = await findDocker({ environment, onProgress: (sentence) => console.info(sentence) });
  return 'absent' in docker ? docker : { service, kafka: dockerImage(environment) };
}
