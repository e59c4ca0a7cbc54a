/**
 * Java as brokers of tests need it: most of them live for seconds, and would spend those on loading classes and on
 * optimizing code that is never worth it.
 *
 * The classes of a started broker are kept beside the jars, once for each version of Java; without them, or with
 * those of another Java, it starts all the same, and later. What is measured (`pnpm bench`) runs on Java as it is.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { findJava } from '../src/broker/broker-findings.ts';
import { jarsFolder } from '../src/broker/kafka-jars.ts';
import type { Environment } from '../src/cluster/service-environment.ts';
import { startTestBroker } from './test-broker.ts';

const optionsName = 'JDK_JAVA_OPTIONS';
const unoptimized = '-XX:TieredStopAtLevel=1';

/**
 * Makes every Java that is started with `environment` from now on a lean one. Takes a start and a stop of a broker where
 * the classes are not kept yet. Does nothing where there is no Java.
 */
export async function useLeanJava(environment: NodeJS.ProcessEnv): Promise<void> {
  const java = await findJava({ environment, onProgress: () => undefined });
  if ('absent' in java) return;
  const archive = `${jarsFolder(environment)}-java-${java.version}.jsa`;
  const given = environment[optionsName] ?? '';
  if (!existsSync(archive)) await keepClasses(archive, environment, given);
  // Java warns on every program that has other classes than those kept.
  const kept = existsSync(archive) ? `"-XX:SharedArchiveFile=${archive}" -Xlog:disable` : '';
  environment[optionsName] = `${given} ${unoptimized} ${kept}`.trim();
}

/** Lets a broker write its classes when it ends; in a file of its own, as two runs may do so at once. */
async function keepClasses(archive: string, environment: Environment, given: string): Promise<void> {
  const written = `${archive}.${process.pid}`;
  try {
    const test = await startTestBroker({
      environment: {
        ...environment,
        [optionsName]: `${given} ${unoptimized} "-XX:ArchiveClassesAtExit=${written}" -Xlog:disable`.trim(),
      },
    });
    // Not by `stop`, which leaves a broker less time than the writing may take.
    await test.broker.kill('SIGTERM');
    const how = await test.broker.ended();
    await test.stop();
    if (how !== 'SIGKILL' && existsSync(written)) renameSync(written, archive);
  } finally {
    rmSync(written, { force: true });
  }
}
