/**
 * Looks for brokers on this machine: KAFKA_BROKERS, a Docker engine with the image, Java with Maven.
 *
 * Looks only as far as the choice needs: who finds a Docker engine does not ask for Java. Every question has a
 * deadline, so a Docker command line that hangs cannot hold up a start.
 */
import { join } from 'node:path';
import { runCommand } from '../process/run-command.ts';
import type { BrokerKind, BrokerSurroundings, RequestedBroker } from './broker.ts';
import type { BrokerFindings, Finding } from './broker-choice.ts';
import { findDocker } from './docker-cli.ts';
import { hasKafkaJars, kafkaVersion } from './kafka-jars.ts';

/** Oldest Java that runs this Kafka. */
const oldestJava = 17;

/** The slice of the surroundings that looking needs. */
export type FindingSurroundings = Pick<BrokerSurroundings, 'environment' | 'onProgress' | 'signal'>;

/** A Java to run the broker with. */
export interface JavaFound {
  readonly command: string;
  readonly version: string;
}

/** Looks for what the request may end at. `remembered` is the kind whose data are there, or null. */
export async function findBrokers(
  surroundings: FindingSurroundings,
  wish: { readonly requested: RequestedBroker; readonly remembered: BrokerKind | null },
): Promise<BrokerFindings> {
  const { requested, remembered } = wish;
  const kafkaBrokers = surroundings.environment.KAFKA_BROKERS?.trim() || null;
  if (requested === 'external' || (requested === 'auto' && kafkaBrokers !== null)) return { kafkaBrokers };
  const wanted = requested === 'auto' ? remembered : requested;
  if (wanted === 'docker') return { kafkaBrokers, docker: await findDocker(surroundings) };
  if (wanted === 'java') return { kafkaBrokers, java: await findJavaBroker(surroundings) };
  const docker = await findDocker(surroundings);
  if ('ready' in docker) return { kafkaBrokers, docker };
  return { kafkaBrokers, docker, java: await findJavaBroker(surroundings) };
}

async function findJavaBroker(surroundings: FindingSurroundings): Promise<Finding> {
  const java = await findJava(surroundings);
  if ('absent' in java) return java;
  const found = { ready: `Apache Kafka ${kafkaVersion} on Java ${java.version}` };
  if (await hasKafkaJars(surroundings.environment)) return found;
  const maven = await runCommand({
    command: 'mvn',
    args: ['-v'],
    timeoutMs: 20_000,
    env: surroundings.environment,
  });
  if (maven.outcome === 'missing') return { absent: `Java ${java.version} is there but Maven is missing` };
  if (maven.exitCode !== 0) return { absent: `Java ${java.version} is there but Maven does not start` };
  return found;
}

/** Looks for a Java new enough: JAVA_HOME first, then the PATH. */
export async function findJava(
  surroundings: FindingSurroundings,
): Promise<JavaFound | { readonly absent: string }> {
  const { environment } = surroundings;
  const home = environment.JAVA_HOME;
  const commands = [...(home ? [join(home, 'bin', 'java')] : []), 'java'];
  const tooOld: string[] = [];
  for (const command of commands) {
    const answer = await runCommand({ command, args: ['-version'], timeoutMs: 10_000, env: environment });
    const version = javaVersion(answer.output);
    if (answer.outcome !== 'ended' || answer.exitCode !== 0 || version === null) continue;
    if (majorOf(version) >= oldestJava) return { command, version };
    tooOld.push(version);
  }
  return { absent: tooOld[0] ? `Java ${tooOld[0]} is older than ${oldestJava}` : 'there is no Java' };
}

/** The version in what `java -version` prints, or null. */
export function javaVersion(output: string): string | null {
  return /version "([^"]+)"/.exec(output)?.[1] ?? null;
}

/** 17 for `17.0.15`, 8 for `1.8.0_402`. */
export function majorOf(version: string): number {
  const [first = '', second = ''] = version.split(/[._-]/);
  return Number(first === '1' ? second : first);
}
