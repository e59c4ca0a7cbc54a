/**
 * The docker command line, every call with a deadline.
 *
 * An engine that hangs is an engine that is not there: no call may hold up a start or a stop for ever.
 */
import { InfraError } from '../infra-error.ts';
import { type CommandResult, runCommand } from '../process/run-command.ts';
import type { BrokerSurroundings } from './broker.ts';
import type { Finding } from './broker-choice.ts';
import { kafkaVersion } from './kafka-jars.ts';

type Environment = BrokerSurroundings['environment'];

const questionTimeoutMs = 10_000;
const pullTimeoutMs = 5 * 60_000;

/** A call of the docker command. */
export interface DockerCall {
  readonly environment: Environment;
  readonly args: readonly string[];
  readonly timeoutMs?: number;
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Calls docker; never rejects for what docker says. Deadline: 10 s unless given. */
export function callDocker(call: DockerCall): Promise<CommandResult> {
  return runCommand({
    command: 'docker',
    args: call.args,
    env: call.environment,
    timeoutMs: call.timeoutMs ?? questionTimeoutMs,
    signal: call.signal,
    ...(call.onLine === undefined ? {} : { onLine: call.onLine }),
  });
}

/**
 * Calls docker for something that must succeed and returns its standard output, trimmed.
 * @throws `broker-failed` with what docker said.
 */
export async function requireDocker(call: DockerCall): Promise<string> {
  const result = await callDocker(call);
  if (result.outcome === 'ended' && result.exitCode === 0) return result.stdout.trim();
  const how = result.outcome === 'ended' ? `exit code ${result.exitCode}` : result.outcome;
  throw new InfraError({
    code: 'broker-failed',
    message: `docker ${call.args[0]} failed (${how}): ${result.output.trim().split('\n').at(-1) ?? ''}`,
    hint: 'See whether the Docker engine is well (docker ps), or take --broker java.',
  });
}

/** The image to run: KAFKA_IMAGE, or the official one of the pinned version. */
export function dockerImage(environment: Environment): string {
  return environment.KAFKA_IMAGE?.trim() || `apache/kafka:${kafkaVersion}`;
}

/** Looks for an engine that has the image, pulling it if it must. */
export async function findDocker(
  surroundings: Pick<BrokerSurroundings, 'environment' | 'onProgress' | 'signal'>,
): Promise<Finding> {
  const { environment, signal } = surroundings;
  const image = dockerImage(environment);
  const engine = await callDocker({
    environment,
    signal,
    args: ['version', '--format', '{{.Server.Version}}'],
  });
  if (engine.outcome === 'missing') return { absent: 'there is no docker command' };
  if (engine.outcome !== 'ended' || engine.exitCode !== 0) return { absent: 'no Docker engine answers' };
  const ready = { ready: `the image ${image} on Docker ${engine.stdout.trim()}` };
  const inspected = await callDocker({ environment, signal, args: ['image', 'inspect', image] });
  if (inspected.exitCode === 0) return ready;
  surroundings.onProgress(`pulling the image ${image}`);
  const pulled = await callDocker({
    environment,
    signal,
    args: ['pull', image],
    timeoutMs: pullTimeoutMs,
    onLine: (line) => {
      if (/Pull complete|Status:/.test(line))
        surroundings.onProgress(`pulling the image ${image}: ${line.trim()}`);
    },
  });
  if (pulled.exitCode === 0) return ready;
  return { absent: `the Docker engine neither has the image ${image} nor can pull it` };
}
